/* SPDX-License-Identifier: MIT */
/* Which extent objects were read and found sound: many records of a replayed log name the same one.
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/id.h"

struct verified {
	struct id128 *ids; /* owned; a hash table with open addressing, zero is free */
	size_t n, cap;
};

void verified_done(struct verified *v);
bool verified_has(const struct verified *v, struct id128 id);
/* Without memory the id is forgotten, which costs another reading. */
void verified_add(struct verified *v, struct id128 id);
