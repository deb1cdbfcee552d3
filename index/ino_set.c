/* SPDX-License-Identifier: MIT */
#include "index/ino_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOW_BITS 16
#define LOW_MASK 0xffffu
#define LIST_MAX 4096u /* as many take as much as bits do */
#define LIST_MIN 4u
#define WORDS (65536u / 64)

/* A list of `cap` places, or bits: then `cap` is 0. */
struct ino_chunk {
	uint64_t high;
	union {
		uint16_t *list; /* owned; ascending */
		uint64_t *bits; /* owned */
	};
	uint32_t n, cap;
};

static size_t chunk_bytes(const struct ino_chunk *c)
{
	return c->cap ? c->cap * sizeof(*c->list) : WORDS * sizeof(*c->bits);
}

void ino_set_done(struct ino_set *s)
{
	for (size_t i = 0; i < s->n_chunks; i++)
		free(s->chunks[i].list);
	free(s->chunks);
	*s = (struct ino_set){ 0 };
}

/* ---- places in what ascends */

/* The first chunk at or above. */
static size_t chunk_at(const struct ino_set *s, uint64_t high)
{
	size_t low = 0, end = s->n_chunks;

	if (end > 0 && s->chunks[end - 1].high < high)
		return end;
	while (low < end) {
		size_t middle = (low + end) / 2;

		if (s->chunks[middle].high < high)
			low = middle + 1;
		else
			end = middle;
	}
	return low;
}

static struct ino_chunk *find(const struct ino_set *s, uint64_t ino)
{
	size_t at = chunk_at(s, ino >> LOW_BITS);

	return at < s->n_chunks && s->chunks[at].high == ino >> LOW_BITS ? &s->chunks[at] : NULL;
}

/* The first of a list at or above. */
static uint32_t list_at(const struct ino_chunk *c, uint16_t low)
{
	uint32_t first = 0, end = c->n;

	if (end > 0 && c->list[end - 1] < low)
		return end;
	while (first < end) {
		uint32_t middle = (first + end) / 2;

		if (c->list[middle] < low)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

static bool chunk_has(const struct ino_chunk *c, uint16_t low)
{
	uint32_t at;

	if (!c->cap)
		return c->bits[low / 64] >> low % 64 & 1;
	at = list_at(c, low);
	return at < c->n && c->list[at] == low;
}

bool ino_set_has(const struct ino_set *s, uint64_t ino)
{
	const struct ino_chunk *c = find(s, ino);

	return c && chunk_has(c, ino & LOW_MASK);
}

/* ---- growing */

/* An empty one, which the caller fills. */
static int insert_chunk(struct ino_set *s, size_t at, uint64_t high, const struct ino_chunk *like)
{
	struct ino_chunk fresh = { .high = high, .n = like->n, .cap = like->cap };

	if (s->n_chunks == s->cap) {
		size_t cap = s->cap ? s->cap + s->cap / 2 + 1 : 4;
		struct ino_chunk *more = reallocarray(s->chunks, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->bytes += (cap - s->cap) * sizeof(*more);
		s->chunks = more;
		s->cap = cap;
	}
	fresh.list = malloc(chunk_bytes(&fresh));
	if (!fresh.list)
		return -ENOMEM;
	memmove(s->chunks + at + 1, s->chunks + at, (s->n_chunks - at) * sizeof(*s->chunks));
	s->chunks[at] = fresh;
	s->n_chunks++;
	s->bytes += chunk_bytes(&fresh);
	return 0;
}

static int make_bits(struct ino_set *s, struct ino_chunk *c)
{
	uint64_t *bits = calloc(WORDS, sizeof(*bits));

	if (!bits)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->n; i++)
		bits[c->list[i] / 64] |= 1ull << c->list[i] % 64;
	s->bytes += WORDS * sizeof(*bits) - chunk_bytes(c);
	free(c->list);
	c->bits = bits;
	c->cap = 0;
	return 0;
}

static int grow_list(struct ino_set *s, struct ino_chunk *c)
{
	uint32_t cap = c->cap + c->cap / 2;
	uint16_t *list;

	if (c->n == LIST_MAX)
		return make_bits(s, c);
	cap = cap < LIST_MAX ? cap : LIST_MAX;
	list = reallocarray(c->list, cap, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->bytes += (cap - c->cap) * sizeof(*list);
	c->list = list;
	c->cap = cap;
	return 0;
}

static int chunk_add(struct ino_set *s, struct ino_chunk *c, uint16_t low)
{
	uint32_t at;
	int r = c->cap && c->n == c->cap ? grow_list(s, c) : 0;

	if (r < 0)
		return r;
	if (c->cap) {
		at = list_at(c, low);
		memmove(c->list + at + 1, c->list + at, (c->n - at) * sizeof(*c->list));
		c->list[at] = low;
	} else {
		c->bits[low / 64] |= 1ull << low % 64;
	}
	c->n++;
	s->n++;
	return 1;
}

int ino_set_add(struct ino_set *s, uint64_t ino)
{
	const struct ino_chunk empty = { .cap = LIST_MIN };
	struct ino_chunk *c = find(s, ino);
	size_t at;
	int r;

	if (c)
		return chunk_has(c, ino & LOW_MASK) ? 0 : chunk_add(s, c, ino & LOW_MASK);
	at = chunk_at(s, ino >> LOW_BITS);
	r = insert_chunk(s, at, ino >> LOW_BITS, &empty);
	return r < 0 ? r : chunk_add(s, &s->chunks[at], ino & LOW_MASK);
}

/* ---- shrinking: an empty chunk goes; bits stay bits, since whoever removes mostly empties the set */

static void remove_chunk(struct ino_set *s, struct ino_chunk *c)
{
	size_t at = (size_t)(c - s->chunks);

	s->bytes -= chunk_bytes(c);
	free(c->list);
	s->n_chunks--;
	memmove(c, c + 1, (s->n_chunks - at) * sizeof(*c));
}

bool ino_set_remove(struct ino_set *s, uint64_t ino)
{
	struct ino_chunk *c = find(s, ino);
	uint16_t low = ino & LOW_MASK;

	if (!c || !chunk_has(c, low))
		return false;
	if (c->cap) {
		uint32_t at = list_at(c, low);

		memmove(c->list + at, c->list + at + 1, (c->n - at - 1) * sizeof(*c->list));
	} else {
		c->bits[low / 64] &= ~(1ull << low % 64);
	}
	s->n--;
	if (--c->n == 0)
		remove_chunk(s, c);
	if (s->n_chunks == 0)
		ino_set_done(s);
	return true;
}

/* ---- walking */

static bool next_bit(const struct ino_chunk *c, uint32_t low, uint64_t *ret_low)
{
	for (uint32_t w = low / 64; w < WORDS; w++) {
		uint64_t word = c->bits[w] & (w == low / 64 ? ~0ull << low % 64 : ~0ull);

		if (word) {
			*ret_low = w * 64 + (uint32_t)__builtin_ctzll(word);
			return true;
		}
	}
	return false;
}

static bool chunk_next(const struct ino_chunk *c, uint16_t low, uint64_t *ret_low)
{
	uint32_t at;

	if (!c->cap)
		return next_bit(c, low, ret_low);
	at = list_at(c, low);
	if (at == c->n)
		return false;
	*ret_low = c->list[at];
	return true;
}

bool ino_set_next(const struct ino_set *s, uint64_t from, uint64_t *ret_ino)
{
	for (size_t at = chunk_at(s, from >> LOW_BITS); at < s->n_chunks; at++) {
		const struct ino_chunk *c = &s->chunks[at];
		uint64_t low;

		if (chunk_next(c, c->high == from >> LOW_BITS ? from & LOW_MASK : 0, &low)) {
			*ret_ino = c->high << LOW_BITS | low;
			return true;
		}
	}
	return false;
}

/* ---- merging */

static int merge_chunk(struct ino_set *s, const struct ino_chunk *c)
{
	uint64_t from = c->high << LOW_BITS, low;
	int r = 0;

	for (uint32_t at = 0; r >= 0 && at <= LOW_MASK && chunk_next(c, (uint16_t)at, &low); at = (uint32_t)low + 1)
		r = ino_set_add(s, from | low);
	return r < 0 ? r : 0;
}

int ino_set_merge(struct ino_set *s, const struct ino_set *other)
{
	for (size_t i = 0; i < other->n_chunks; i++) {
		const struct ino_chunk *c = &other->chunks[i];
		size_t at = chunk_at(s, c->high);
		int r;

		if (at < s->n_chunks && s->chunks[at].high == c->high) {
			r = merge_chunk(s, c);
		} else {
			r = insert_chunk(s, at, c->high, c);
			if (r >= 0) {
				memcpy(s->chunks[at].list, c->list, chunk_bytes(c));
				s->n += c->n;
			}
		}
		if (r < 0)
			return r;
	}
	return 0;
}
