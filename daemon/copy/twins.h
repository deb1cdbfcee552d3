/* SPDX-License-Identifier: MIT */
/* Files at the destination by size and fingerprint: which one may have the same bytes as a new one? Files
 * that nobody has hashed are found by their size, so that this is done only when a second one of that size
 * comes.
 *
 * It knows at most TWINS_MAX files, about 200 bytes each; further ones are not found. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"

#define TWINS_MAX 1000000u

struct twins {
	void *sizes, *prints; /* owned; of tsearch(3) */
	uint64_t n;
};

/* Copies the path. -ENOMEM. */
int twins_add(struct twins *t, uint64_t size, const struct id128 *print, const char *path);
/* The same, of a file that was not hashed. */
int twins_add_unknown(struct twins *t, uint64_t size, const char *path);
/* Is there any of that size? */
bool twins_has(const struct twins *t, uint64_t size);
/* Takes a file of that size out that was not hashed; the caller frees the path. NULL: none. */
char *twins_take_unknown(struct twins *t, uint64_t size);
/* The last that was added; borrowed until twins_add(). NULL: none. */
const char *twins_find(const struct twins *t, uint64_t size, const struct id128 *print);
void twins_done(struct twins *t);
