/* SPDX-License-Identifier: MIT */
#include "index/graph/heap.h"

#include <stdlib.h>

#include "index/graph/numbers.h"

void heap_done(struct heap *h)
{
	free(h->keys);
	free(h->numbers);
	*h = (struct heap){ 0 };
}

int heap_reach(struct heap *h, uint32_t n)
{
	int r = numbers_fit(&h->keys, &h->keys_cap, n, sizeof(*h->keys));

	if (r < 0)
		return r;
	while (h->n_keys < n)
		h->keys[h->n_keys++] = (struct heap_key){ UINT64_MAX, HEAP_NOWHERE };
	return 0;
}

static void put(struct heap *h, uint32_t at, uint32_t number)
{
	h->numbers[at] = number;
	h->keys[number].place = at;
}

static uint64_t label_at(const struct heap *h, uint32_t at)
{
	return h->keys[h->numbers[at]].label;
}

static void sift_up(struct heap *h, uint32_t at)
{
	uint32_t number = h->numbers[at];
	uint64_t label = label_at(h, at);

	for (; at > 0 && label_at(h, (at - 1) / 2) > label; at = (at - 1) / 2)
		put(h, at, h->numbers[(at - 1) / 2]);
	put(h, at, number);
}

static void sift_down(struct heap *h, uint32_t at)
{
	uint32_t number = h->numbers[at], child;
	uint64_t label = label_at(h, at);

	for (; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && label_at(h, child + 1) < label_at(h, child))
			child++;
		if (label_at(h, child) >= label)
			break;
		put(h, at, h->numbers[child]);
	}
	put(h, at, number);
}

int heap_add(struct heap *h, uint32_t number)
{
	int r = numbers_fit(&h->numbers, &h->cap, h->n + 1, sizeof(*h->numbers));

	if (r < 0)
		return r;
	put(h, h->n, number);
	sift_up(h, h->n++);
	return 0;
}

void heap_raise(struct heap *h, uint32_t number)
{
	sift_up(h, h->keys[number].place);
}

uint32_t heap_take(struct heap *h)
{
	uint32_t top = h->numbers[0];

	h->keys[top].place = HEAP_NOWHERE;
	if (--h->n > 0) {
		put(h, 0, h->numbers[h->n]);
		sift_down(h, 0);
	}
	return top;
}

uint64_t heap_least(const struct heap *h)
{
	return h->n > 0 ? label_at(h, 0) : UINT64_MAX;
}
