/* SPDX-License-Identifier: MIT */
/* Gives inode numbers the numbers 0, 1, 2, ... in the order in which they come, so that what is known of them
 * lies in plain arrays. 14 to 24 bytes each, where an ino_map takes 36 to 72. Begins as { .max = ... }.
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBERS_MAX (1u << 31)

struct numbers {
	uint64_t *inos;   /* owned; by number */
	uint32_t *places; /* owned; a hash table of numbers + 1, 0: empty */
	uint32_t n, cap;  /* of inos */
	uint32_t mask;    /* of places */
	uint32_t max;     /* at most this many; up to NUMBERS_MAX */
};

void numbers_done(struct numbers *s);
/* 1: it got one now. 0: it had one. -ENOMEM. -E2BIG: it would be one too many. */
int numbers_give(struct numbers *s, uint64_t ino, uint32_t *ret_number);
/* False: it has none. */
bool numbers_find(const struct numbers *s, uint64_t ino, uint32_t *ret_number);
/* Sorts numbers by their inodes. */
void numbers_sort(const struct numbers *s, uint32_t *items, uint32_t n);

/* Makes room for `n` items of `size` bytes in the array at `items`, which has room for *cap. -ENOMEM. */
int numbers_fit(void *items, uint32_t *cap, uint32_t n, size_t size);
