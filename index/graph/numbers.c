/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing, at most two thirds full; nothing is removed. */
#include "index/graph/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define PLACES_MIN 64u

void numbers_done(struct numbers *s)
{
	free(s->inos);
	free(s->places);
	*s = (struct numbers){ .max = s->max };
}

int numbers_fit(void *items, uint32_t *cap, uint32_t n, size_t size)
{
	uint32_t want = *cap ? *cap + *cap / 2 : 16;
	void *old, *more;

	if (n <= *cap)
		return 0;
	want = MAX(want, n);
	memcpy(&old, items, sizeof(old));
	more = reallocarray(old, want, size);
	if (!more)
		return -ENOMEM;
	memcpy(items, &more, sizeof(more));
	*cap = want;
	return 0;
}

static uint32_t place_of(const struct numbers *s, uint64_t ino)
{
	uint32_t at = (uint32_t)hash_mix64(ino) & s->mask;

	while (s->places[at] && s->inos[s->places[at] - 1] != ino)
		at = (at + 1) & s->mask;
	return at;
}

static int grow_places(struct numbers *s)
{
	uint64_t cap = s->places ? 2 * ((uint64_t)s->mask + 1) : PLACES_MIN;
	uint32_t *places = calloc(cap, sizeof(*places));

	if (!places)
		return -ENOMEM;
	free(s->places);
	s->places = places;
	s->mask = (uint32_t)(cap - 1);
	for (uint32_t k = 0; k < s->n; k++)
		places[place_of(s, s->inos[k])] = k + 1;
	return 0;
}

bool numbers_find(const struct numbers *s, uint64_t ino, uint32_t *ret_number)
{
	uint32_t at = s->places ? place_of(s, ino) : 0;

	if (!s->places || !s->places[at])
		return false;
	*ret_number = s->places[at] - 1;
	return true;
}

static int by_ino(const void *left, const void *right, void *context)
{
	const uint64_t *inos = context;
	uint64_t a = inos[*(const uint32_t *)left], b = inos[*(const uint32_t *)right];

	return (a > b) - (a < b);
}

void numbers_sort(const struct numbers *s, uint32_t *items, uint32_t n)
{
	if (n > 0)
		qsort_r(items, n, sizeof(*items), by_ino, s->inos);
}

int numbers_give(struct numbers *s, uint64_t ino, uint32_t *ret_number)
{
	int r;

	if (numbers_find(s, ino, ret_number))
		return 0;
	if (s->n >= MIN(s->max, NUMBERS_MAX))
		return -E2BIG;
	r = numbers_fit(&s->inos, &s->cap, s->n + 1, sizeof(*s->inos));
	if (r >= 0 && (!s->places || ((uint64_t)s->n + 1) * 3 > ((uint64_t)s->mask + 1) * 2))
		r = grow_places(s);
	if (r < 0)
		return r;
	s->inos[s->n] = ino;
	s->places[place_of(s, ino)] = s->n + 1;
	*ret_number = s->n++;
	return 1;
}
