/* SPDX-License-Identifier: MIT */
/* Packed sets by their letter, for tests that count or spoil them: with a number behind it, or one set only. And other records,
 * by theirs. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/packed_set.h"
#include "tests/unit/check.h"

static inline bool packed_is_numbered(char letter)
{
	return letter != 'n' && letter != 'm' && letter != 'w';
}

static inline struct packed_walk packed_box_walk(struct catalog *c, char letter)
{
	struct key prefix = key_start(letter);

	return packed_is_numbered(letter) ? packed_walk_over_sets(c, &prefix) : packed_walk_over(c, &prefix);
}

/* Both end the walk. */
static inline size_t packed_count_of(struct packed_walk w)
{
	struct packed_member m;
	size_t n = 0;

	while (packed_walk_next(&w, &m) > 0)
		n++;
	packed_walk_done(&w);
	return n;
}

/* The first member's a; 0: there is none. */
static inline uint64_t packed_first_of(struct packed_walk w)
{
	struct packed_member m = { 0 };

	CHECK(packed_walk_next(&w, &m) >= 0);
	packed_walk_done(&w);
	return m.a;
}

static inline size_t packed_box_count(struct catalog *c, char letter)
{
	return packed_count_of(packed_box_walk(c, letter));
}

/* The first `most` members, as if they had got lost. */
static inline void packed_box_lose(struct catalog *c, char letter, size_t most)
{
	struct packed_walk w = packed_box_walk(c, letter);
	struct packed_member m;
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	for (; most > 0 && packed_walk_next(&w, &m) > 0; most--) {
		struct key prefix = key_start(letter);

		if (packed_is_numbered(letter))
			prefix = key_u64(prefix, packed_walk_set(&w));
		m.n = 0;
		packed_set_put(b, &prefix, &m);
	}
	CHECK_EQ(batch_commit(b, NULL), 0);
	packed_walk_done(&w);
}

/* Records that begin with a letter. */
static inline size_t packed_box_records(struct catalog *c, char letter)
{
	const void *key, *value;
	size_t key_len, value_len, n = 0;
	struct cursor *cur;

	CHECK_EQ(cursor_open(c, &letter, 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) > 0)
		n++;
	(void) cursor_close(cur);
	return n;
}
