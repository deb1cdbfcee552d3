/* SPDX-License-Identifier: MIT */
#include "index/term_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define KEEP_PLACES (1u << 16)

void term_table_done(struct term_table *t)
{
	buf_done(&t->bytes);
	free(t->entries);
	free(t->places);
	*t = (struct term_table){ 0 };
}

void term_table_reset(struct term_table *t)
{
	if (t->mask >= KEEP_PLACES) {
		term_table_done(t);
		return;
	}
	buf_reset(&t->bytes);
	t->n = 0;
	if (t->places)
		memset(t->places, 0, ((size_t)t->mask + 1) * sizeof(*t->places));
}

static uint32_t place_of(const struct term_table *t, const void *term, size_t len, uint32_t hash)
{
	uint32_t at = hash & t->mask;

	for (; t->places[at]; at = (at + 1) & t->mask) {
		const struct term_entry *e = &t->entries[t->places[at] - 1];

		if (e->hash == hash && e->len == len && memcmp(t->bytes.data + e->at, term, len) == 0)
			break;
	}
	return at;
}

int64_t term_table_find(const struct term_table *t, const void *term, size_t len)
{
	if (!t->places)
		return -1;
	return (int64_t)t->places[place_of(t, term, len, (uint32_t)hash_bytes(term, len, 0))] - 1;
}

static int grow(struct term_table *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 256, mask = cap * 2 - 1;
	struct term_entry *entries;
	uint32_t *places;

	if (t->cap > UINT32_MAX / 8)
		return -ENOMEM;
	entries = reallocarray(t->entries, cap, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	t->entries = entries;
	places = calloc((size_t)mask + 1, sizeof(*places));
	if (!places)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t at = entries[i].hash & mask;

		while (places[at])
			at = (at + 1) & mask;
		places[at] = i + 1;
	}
	free(t->places);
	t->places = places;
	t->mask = mask;
	t->cap = cap;
	return 0;
}

int term_table_add(struct term_table *t, const void *term, size_t len, uint32_t *ret_number)
{
	uint32_t hash = (uint32_t)hash_bytes(term, len, 0), at;
	int r = t->n == t->cap ? grow(t) : 0;

	if (r < 0)
		return r;
	at = place_of(t, term, len, hash);
	if (!t->places[at]) {
		size_t begin = t->bytes.len;

		r = buf_add(&t->bytes, term, len);
		if (r < 0)
			return r;
		t->entries[t->n] = (struct term_entry){ .hash = hash, .len = (uint32_t)len, .at = begin };
		t->places[at] = ++t->n;
	}
	*ret_number = t->places[at] - 1;
	return 0;
}

size_t term_table_memory(const struct term_table *t)
{
	return t->bytes.cap + (size_t)t->cap * (sizeof(*t->entries) + 2 * sizeof(*t->places));
}
