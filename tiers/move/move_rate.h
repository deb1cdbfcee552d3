/* SPDX-License-Identifier: MIT */
/* How fast bytes move between tiers: waits in the thread that moves them, by the rate of the configuration, and by how busy
 * programs are (throttle.h). One thread at a time, but for the flag. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tiers/move/throttle.h"

struct move_rate {
	_Atomic uint64_t bytes_s;       /* 0: no limit; may be set any time */
	bool background;                /* nobody waits for it: it stands back further behind programs */
	/* How many requests programs have made; NULL: not known. */
	uint64_t (*requests)(void *context);
	void *context;
	const atomic_bool *interrupted; /* borrowed; NULL: it is not */
	_Atomic uint64_t *moved;        /* borrowed: counts bytes; NULL: nobody wants to know */
	struct token_bucket tokens;
	struct pace pace;
	bool begun;
};

/* So many bytes were moved: waits as long as they should have taken. NULL: not at all. -EINTR: interrupted. */
int move_rate_take(struct move_rate *r, uint64_t bytes);
