/* SPDX-License-Identifier: MIT */
/* A binary heap of numbers, that of the least label on top. Labels may become less while their numbers wait
 * in it. Begins as zeros. Not thread-safe. */
#pragma once

#include <stdint.h>

#define HEAP_NOWHERE UINT32_MAX

struct heap_key {
	uint64_t label; /* UINT64_MAX until somebody sets it */
	uint32_t place; /* in the heap, or HEAP_NOWHERE */
};

struct heap {
	struct heap_key *keys; /* owned; by number */
	uint32_t n_keys, keys_cap;
	uint32_t *numbers;     /* owned; the least first */
	uint32_t n, cap;
};

void heap_done(struct heap *h);
/* Makes keys for the numbers below `n`. -ENOMEM. */
int heap_reach(struct heap *h, uint32_t n);
/* Puts in a number that has a key and is not in. -ENOMEM. */
int heap_add(struct heap *h, uint32_t number);
/* Its label has become less. */
void heap_raise(struct heap *h, uint32_t number);
/* Takes the first one out; there must be one. */
uint32_t heap_take(struct heap *h);
/* UINT64_MAX when it is empty. */
uint64_t heap_least(const struct heap *h);
