/* SPDX-License-Identifier: MIT */
/* Which extent objects were read and found sound: many records of a replayed log name the same one. A copy
 * of an object in another place is another one: its bytes may be missing there.
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "catalog/extent.h"

struct verified {
	struct id128 *ids; /* owned; a hash table with open addressing, zero is free */
	size_t n, cap;
};

void verified_done(struct verified *v);
/* The object of which `e` is part, where `e` says that it lies. */
bool verified_has(const struct verified *v, const struct extent *e);
/* Without memory the object is forgotten, which costs another reading. */
void verified_add(struct verified *v, const struct extent *e);
