/* SPDX-License-Identifier: MIT */
#include "index/query/best.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Does a precede b? */
static int compare_hits(const void *left, const void *right)
{
	const struct hit *a = left, *b = right;
	int c = a->name && b->name ? strcmp(a->name, b->name) : 0;

	if (c == 0)
		c = (a->order < b->order) - (a->order > b->order);
	if (c == 0)
		c = (a->score < b->score) - (a->score > b->score);
	return c ? c : (a->ino > b->ino) - (a->ino < b->ino);
}

static void sift_down(struct best *b, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;
		struct hit h;

		if (child >= b->n)
			return;
		if (child + 1 < b->n && compare_hits(&b->items[child], &b->items[child + 1]) < 0)
			child++;
		if (compare_hits(&b->items[at], &b->items[child]) >= 0)
			return;
		h = b->items[at];
		b->items[at] = b->items[child];
		b->items[child] = h;
		at = child;
	}
}

static void sift_up(struct best *b, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		struct hit h = b->items[at];

		if (compare_hits(&b->items[parent], &h) >= 0)
			return;
		b->items[at] = b->items[parent];
		b->items[parent] = h;
		at = parent;
	}
}

int best_add(struct best *b, const struct hit *h)
{
	if (b->n == b->keep) {
		if (b->keep > 0 && compare_hits(h, &b->items[0]) < 0) {
			free(b->items[0].name);
			b->items[0] = *h;
			sift_down(b, 0);
		} else {
			free(h->name);
		}
		return 0;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 128;
		struct hit *grown = reallocarray(b->items, cap, sizeof(*grown));

		if (!grown) {
			free(h->name);
			return -ENOMEM;
		}
		b->items = grown;
		b->cap = cap;
	}
	b->items[b->n++] = *h;
	sift_up(b, b->n - 1);
	return 0;
}

void best_done(struct best *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->items[i].name);
	free(b->items);
}

void best_sort(struct best *b)
{
	if (b->n > 0)
		qsort(b->items, b->n, sizeof(*b->items), compare_hits);
}
