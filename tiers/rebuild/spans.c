/* SPDX-License-Identifier: MIT */
#include "tiers/rebuild/spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void spans_done(struct spans *s)
{
	free(s->all);
	*s = (struct spans){ 0 };
}

/* The first that ends at or behind `at`: mostly the last one, or none. */
static size_t find(const struct spans *s, uint64_t at)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->all[middle].to < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct spans *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct span *more;

	if (s->n < s->cap)
		return 0;
	more = realloc(s->all, cap * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->all = more;
	s->cap = cap;
	return 0;
}

int spans_add(struct spans *s, uint64_t from, uint64_t to)
{
	size_t first, last;
	int r = from < to ? make_room(s) : 0;

	if (r < 0 || from >= to)
		return r;
	first = last = find(s, from);
	for (; last < s->n && s->all[last].from <= to; last++) {
		from = MIN(from, s->all[last].from);
		to = MAX(to, s->all[last].to);
	}
	memmove(&s->all[first + 1], &s->all[last], (s->n - last) * sizeof(s->all[0]));
	s->n += 1 - (last - first);
	s->all[first] = (struct span){ from, to };
	return 0;
}

int spans_gap(const struct spans *s, uint64_t from, uint64_t to, struct span *ret_gap)
{
	size_t k = find(s, from);

	if (k < s->n && s->all[k].from <= from) {
		from = MAX(from, s->all[k].to);
		k++;
	}
	if (from >= to)
		return 0;
	*ret_gap = (struct span){ from, k < s->n ? MIN(to, s->all[k].from) : to };
	return 1;
}
