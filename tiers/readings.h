/* SPDX-License-Identifier: MIT */
/* Which reads wait for how long: a table of places, for people who want to know. One that finds no place is not listed.
 * Thread-safety: safe. */
#pragma once

#include <stdatomic.h>

#include "tiers/file.h"

struct readings {
	struct reading_place {
		_Atomic uint64_t ino; /* 0: free */
		_Atomic uint64_t bytes, began_ms; /* of the one that was begun last */
	} places[FILES_READINGS_MAX];
};

/* NULL: there is no place. */
struct reading_place *readings_begin(struct readings *rs, uint64_t ino, uint64_t bytes);
void readings_end(struct reading_place *p);
