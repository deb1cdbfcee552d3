/* SPDX-License-Identifier: MIT */
/* Sets of pairs, packed many to a record, beside plain arrays that do the same. Argument: a seed. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/derive.h"
#include "catalog/packed_set.h"
#include "tests/unit/tree_box.h"

#define PAIRS_MAX 3000
#define SETS 3
#define ROUNDS 400

static struct catalog *c;

/* All pairs there may be, in their order, and what n each of them has in which set; 0: it is no member. */
static struct packed_member pairs[PAIRS_MAX];
static unsigned n_pairs;

struct model {
	uint32_t n[SETS][PAIRS_MAX];
};
static struct model model;
static unsigned first_set; /* changed where the sets have to be such of which there is nothing yet */

static uint64_t dice_state;

static uint64_t dice(uint64_t below)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (dice_state >> 11) % below;
}

/* Neighbours in the store: nothing of one may be taken for another's. */
static struct key prefix_of(unsigned set)
{
	return set == 2 ? key_start('m') : key_u64(key_start('T'), 1 + first_set + set);
}

/* ---- pairs */

static int compare(const void *x, const void *y)
{
	const struct packed_member *a = x, *b = y;

	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return (a->b > b->b) - (a->b < b->b);
}

static uint64_t some_a(void)
{
	static const uint64_t edges[] = { 0, 1, INT64_MAX, 1ull << 63, UINT64_MAX - 1, UINT64_MAX };

	switch (dice(4)) {
	case 0:
		return edges[dice(ARRAY_SIZE(edges))];
	case 1:
		return dice(UINT64_MAX);
	default:
		return dice(1500);
	}
}

static uint64_t some_b(void)
{
	static const uint64_t edges[] = { 0, 1, UINT32_MAX, PACKED_B_MAX - 1, PACKED_B_MAX };

	return dice(3) == 0 ? edges[dice(ARRAY_SIZE(edges))] : dice(40);
}

static void make_pairs(void)
{
	static const struct packed_member corners[] = {
		{ .a = 0, .b = 0 }, { .a = 0, .b = PACKED_B_MAX }, { .a = UINT64_MAX, .b = 0 },
		{ .a = UINT64_MAX, .b = PACKED_B_MAX },
	};
	unsigned kept = 0;

	memcpy(pairs, corners, sizeof(corners));
	for (unsigned k = ARRAY_SIZE(corners); k < PAIRS_MAX; k++)
		pairs[k] = (struct packed_member){ .a = some_a(), .b = some_b() };
	qsort(pairs, PAIRS_MAX, sizeof(*pairs), compare);
	for (unsigned k = 0; k < PAIRS_MAX; k++)
		if (!kept || compare(&pairs[kept - 1], &pairs[k]) != 0)
			pairs[kept++] = pairs[k];
	n_pairs = kept;
}

static unsigned place_of(const struct packed_member *m)
{
	const struct packed_member *found = bsearch(m, pairs, n_pairs, sizeof(*pairs), compare);

	CHECK(found != NULL);
	return found ? (unsigned)(found - pairs) : 0;
}

/* ---- changes */

static uint32_t changed(uint32_t n, const struct packed_change *change)
{
	int64_t v = (int64_t)((n & ~change->clear) | change->set) + change->add;

	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void change_pair(struct batch *b, struct model *m, unsigned set, unsigned pair, struct packed_change change)
{
	struct key prefix = prefix_of(set);
	uint32_t *n = &m->n[set][pair], was = 12345, now = changed(*n, &change);

	change.a = pairs[pair].a;
	change.b = pairs[pair].b;
	CHECK_EQ(packed_set_change(b, &prefix, &change, dice(4) ? &was : NULL), now > 0);
	CHECK(was == 12345 || was == *n);
	*n = now;
}

/* More come than go when `grows` is above half. */
static struct packed_change some_change(unsigned grows_percent)
{
	if (dice(100) >= grows_percent)
		return dice(2) ? (struct packed_change){ .clear = UINT32_MAX }
			       : (struct packed_change){ .clear = 1, .add = -1 };
	switch (dice(4)) {
	case 0:
		return (struct packed_change){ .set = 1u << dice(32) };
	case 1:
		return (struct packed_change){ .add = INT32_MAX };
	default:
		return (struct packed_change){ .add = (int32_t)dice(4) };
	}
}

/* Single members here and there, in one set or several, or a run of neighbours. */
static void change_some(struct batch *b, struct model *m, unsigned grows_percent)
{
	unsigned pair = (unsigned)dice(n_pairs), set = (unsigned)dice(SETS);
	bool is_run = dice(3) == 0;

	for (uint64_t left = 1 + dice(is_run ? 300 : 40); left > 0; left--) {
		change_pair(b, m, set, pair, some_change(grows_percent));
		pair = is_run ? (pair + 1) % n_pairs : (unsigned)dice(n_pairs);
		set = is_run ? set : (unsigned)dice(SETS);
	}
}

static void run_batch(unsigned grows_percent)
{
	static struct model after;
	struct batch *b;

	after = model;
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	for (uint64_t n = dice(4); n < 4; n++)
		change_some(b, &after, grows_percent);
	if (dice(8) == 0) {
		batch_abort(b);
		return;
	}
	CHECK_EQ(batch_commit(b, NULL), 0);
	model = after;
}

/* ---- reading */

static void check_get(unsigned set, unsigned pair)
{
	struct key prefix = prefix_of(set);
	uint32_t n = 54321;

	CHECK_EQ(packed_set_get(c, &prefix, pairs[pair].a, pairs[pair].b, &n), 0);
	CHECK_EQ(n, model.n[set][pair]);
}

static unsigned next_member(unsigned set, unsigned pair)
{
	while (pair < n_pairs && !model.n[set][pair])
		pair++;
	return pair;
}

/* From the beginning, with a leap now and then. */
static void check_walk(unsigned set, unsigned leap_percent)
{
	struct key prefix = prefix_of(set);
	struct packed_walk w = packed_walk_over(c, &prefix);
	struct packed_member m;
	unsigned at = 0;
	int r;

	for (;;) {
		if (dice(100) < leap_percent && at < n_pairs) {
			at += (unsigned)dice(dice(2) ? 20 : n_pairs - at);
			at = MIN(at, n_pairs - 1);
			packed_walk_seek(&w, pairs[at].a, pairs[at].b);
		}
		at = next_member(set, at);
		r = packed_walk_next(&w, &m);
		CHECK_EQ(r, at < n_pairs);
		if (r <= 0 || at == n_pairs)
			break;
		CHECK(compare(&m, &pairs[at]) == 0 && m.n == model.n[set][at]);
		at++;
	}
	packed_walk_done(&w);
}

static void check_count(unsigned set)
{
	uint64_t low = dice(3) ? pairs[dice(n_pairs)].a : dice(2000), high = dice(3) ? pairs[dice(n_pairs)].a : dice(2000);
	struct key prefix = prefix_of(set);
	uint64_t count = 99999, want = 0;

	if (dice(5) == 0)
		low = 0;
	if (dice(5) == 0)
		high = UINT64_MAX;
	for (unsigned k = 0; k < n_pairs; k++)
		want += model.n[set][k] && pairs[k].a >= low && pairs[k].a <= high;
	CHECK_EQ(packed_set_count(c, &prefix, low, high, &count), 0);
	CHECK_EQ(count, want);
}

/* While the set changes: what is a member all the time comes, what never is one does not, and nothing comes twice. */
static void check_walk_meanwhile(unsigned set, unsigned grows_percent)
{
	static bool always[PAIRS_MAX], ever[PAIRS_MAX];
	struct key prefix = prefix_of(set);
	struct packed_walk w = packed_walk_over(c, &prefix);
	struct packed_member m;
	unsigned from = 0;

	for (unsigned k = 0; k < n_pairs; k++)
		always[k] = ever[k] = model.n[set][k] > 0;
	while (packed_walk_next(&w, &m) > 0) {
		unsigned at = place_of(&m);

		CHECK(at >= from && ever[at]);
		for (; from < at; from++)
			CHECK(!always[from]);
		from = at + 1;
		if (dice(20) > 0)
			continue;
		run_batch(grows_percent);
		if (dice(10) == 0)
			CHECK_EQ(catalog_checkpoint(c), 0);
		for (unsigned k = 0; k < n_pairs; k++) {
			always[k] = always[k] && model.n[set][k];
			ever[k] = ever[k] || model.n[set][k];
		}
	}
	for (; from < n_pairs; from++)
		CHECK(!always[from]);
	packed_walk_done(&w);
}

static void check_all(void)
{
	for (unsigned set = 0; set < SETS; set++) {
		check_walk(set, 0);
		check_walk(set, 10);
		for (unsigned k = 0; k < 30; k++)
			check_get(set, (unsigned)dice(n_pairs));
		for (unsigned k = 0; k < 10; k++)
			check_count(set);
	}
}

static void check_chunks(unsigned set, size_t want)
{
	struct key prefix = prefix_of(set);
	const void *key, *value;
	size_t key_len, value_len, n = 0;
	struct cursor *cur;

	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK_EQ(cursor_open(c, prefix.bytes, prefix.len, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) > 0)
		n++;
	(void) cursor_close(cur);
	CHECK_EQ(n, want);
}

static void test_model(void)
{
	static const unsigned grows_percent[] = { 90, 50, 5, 60 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned percent = grows_percent[round / 25 % ARRAY_SIZE(grows_percent)];

		run_batch(percent);
		if (dice(10) == 0)
			CHECK_EQ(catalog_checkpoint(c), 0);
		if (round % 8 == 0)
			check_all();
		if (round % 16 == 5)
			check_walk_meanwhile((unsigned)dice(SETS), percent);
		if (round % 100 == 99)
			c = tree_box_reopen(c);
	}
	check_all();
}

/* Each record is gone with the last member. */
static void test_emptied(void)
{
	struct batch *b;

	for (unsigned from = 0; from < n_pairs; from += 500) {
		CHECK_EQ(catalog_begin(c, false, &b), 0);
		for (unsigned k = from; k < MIN(from + 500, n_pairs); k++)
			for (unsigned set = 0; set < SETS; set++)
				change_pair(b, &model, set, k, (struct packed_change){ .clear = UINT32_MAX });
		CHECK_EQ(batch_commit(b, NULL), 0);
	}
	check_all();
	for (unsigned set = 0; set < SETS; set++)
		check_chunks(set, 0);
}

/* What comes in rising order fills its chunks, in one batch or in many. */
static void test_rising(void)
{
	struct batch *b = NULL;

	for (unsigned k = 0; k < n_pairs; k++) {
		if (!b)
			CHECK_EQ(catalog_begin(c, false, &b), 0);
		change_pair(b, &model, 0, k, (struct packed_change){ .set = 1 });
		if (k % 7 == 0 || k + 1 == n_pairs)
			CHECK_EQ(batch_commit(steal_ptr(&b), NULL), 0);
		if (k % 700 == 0)
			CHECK_EQ(catalog_checkpoint(c), 0);
	}
	check_chunks(0, (n_pairs + PACKED_CHUNK_MAX - 1) / PACKED_CHUNK_MAX);
	check_all();
	test_emptied();
}

/* ---- whole sets */

static int put_chunk(void *context, const struct key *key, const void *value, size_t len)
{
	batch_put(context, key->bytes, key->len, value, len);
	return 0;
}

static void write_set(unsigned set, unsigned n)
{
	struct packed_writer w = { .put = put_chunk };
	struct batch *b;

	first_set += SETS;
	w.prefix = prefix_of(set);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	w.context = b;
	for (unsigned k = 0; k < n; k++) {
		struct packed_member m = pairs[k * (n_pairs / n)];

		m.n = (uint32_t)(1 + dice(3));
		model.n[set][k * (n_pairs / n)] = m.n;
		CHECK_EQ(packed_writer_add(&w, &m), 0);
	}
	CHECK_EQ(packed_writer_end(&w), 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
	check_chunks(set, (n + PACKED_CHUNK_MAX - 1) / PACKED_CHUNK_MAX);
}

static void test_writer(void)
{
	static const unsigned sizes[] = { 0, 1, PACKED_CHUNK_MAX, PACKED_CHUNK_MAX + 1, 1000 };

	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		write_set(0, sizes[k]);
		check_all();
		for (unsigned n = 0; n < 10; n++)
			run_batch(50);
		check_all();
		test_emptied();
	}
}

/* ---- damage */

static int skip_member(struct batch *b, const struct key *prefix, uint64_t a)
{
	const struct packed_change change = { .a = a, .set = 1 };

	return packed_set_change(b, prefix, &change, NULL);
}

static void check_damaged(const struct key *prefix, uint64_t a)
{
	struct packed_walk w = packed_walk_over(c, prefix);
	struct packed_member m;
	uint32_t n = 77;
	struct batch *b;
	int r;

	CHECK_EQ(packed_set_get(c, prefix, a, 0, &n), -EBADMSG);
	CHECK_EQ(n, 77);
	while ((r = packed_walk_next(&w, &m)) > 0)
		CHECK(m.a < a);
	CHECK_EQ(r, -EBADMSG);
	packed_walk_done(&w);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(skip_member(b, prefix, a), -EBADMSG);
	batch_abort(b);
}

static void write_members(const struct key *prefix, uint64_t n)
{
	struct packed_writer w = { .prefix = *prefix, .put = put_chunk };
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	w.context = b;
	for (uint64_t a = 0; a < n; a++)
		CHECK_EQ(packed_writer_add(&w, &(struct packed_member){ .a = a, .n = 1 }), 0);
	CHECK_EQ(packed_writer_end(&w), 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(catalog_checkpoint(c), 0);
}

/* A set with 200 members, of which the chunk in the middle has another value. */
static void damage(const char *value, size_t len, bool counts)
{
	struct key prefix = key_u64(key_start('T'), 99), key = key_u64(key_u64(prefix, 127), 0);
	uint64_t count = 88;
	struct batch *b;

	write_members(&prefix, 200);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(batch_get(b, key.bytes, key.len, NULL), 0);
	batch_put(b, key.bytes, key.len, value, len);
	CHECK_EQ(batch_commit(b, NULL), 0);
	check_damaged(&prefix, 100);
	CHECK_EQ(packed_set_count(c, &prefix, 70, 80, &count), -EBADMSG);
	CHECK_EQ(count, 88);
	CHECK_EQ(packed_set_count(c, &prefix, 0, UINT64_MAX, &count), counts ? 0 : -EBADMSG);
}

static void test_damage(void)
{
	damage("", 0, false);
	damage("\xff", 1, false);
	damage("\x81\x01", 2, true);                 /* more than there may be */
	damage("\1\x40", 2, true);                   /* torn */
	damage("\1\x40\0\0", 4, true);               /* a byte too many */
	damage("\2\x40\0\0\0", 5, true);             /* one twice */
	damage("\1\x40\1\0", 4, true);               /* n is 0 */
	damage("\1\x40\1\x80\x80\x80\x80\x10", 8, true); /* n has more than 32 bits */
	damage("\2\x40\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", 14, true); /* a goes round */
	damage("\2\x40\2\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 14, true); /* b is too great */
}

static void put_member(const struct key *prefix, uint64_t a, uint32_t n)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	packed_set_put(b, prefix, &(struct packed_member){ .a = a, .n = n });
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static uint64_t count_all(const struct key *prefix)
{
	uint64_t count = 77777;

	CHECK_EQ(packed_set_count(c, prefix, 0, UINT64_MAX, &count), 0);
	return count;
}

/* Changes of a chunk that cannot be read are not lost, and the sets will be made anew. */
static void test_damage_met_by_changes(void)
{
	struct key prefix = key_u64(key_start('T'), 100), key = key_u64(key_u64(prefix, 127), 0);
	struct batch *b;
	uint32_t n = 0;

	CHECK_EQ(derive_run(c), 0);
	write_members(&prefix, 200);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_put(b, key.bytes, key.len, "\1", 1);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK(!derive_is_due(c));
	put_member(&prefix, 100, 5);
	put_member(&prefix, 10, 0);
	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK(derive_is_due(c));
	CHECK_EQ(packed_set_get(c, &prefix, 100, 0, &n), 0);
	CHECK_EQ(n, 5);
	CHECK_EQ(count_all(&prefix), 200 - 64 + 1 - 1);
}

/* Whole sets, and of some of them what came afterwards. */
static void test_dropped(void)
{
	struct key first = key_u64(key_start('a'), 5), second = key_u64(key_start('a'), 6), third = key_u64(key_start('a'), 7);
	struct batch *b;

	write_members(&first, 300);
	write_members(&second, 300);
	write_members(&third, 300);
	put_member(&second, 1000, 1);
	put_member(&third, 1000, 1);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(packed_set_drop(b, &second), 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
	put_member(&second, 2000, 1);
	put_member(&first, 0, 0);
	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK_EQ(count_all(&first), 299);
	CHECK_EQ(count_all(&second), 1);
	CHECK_EQ(count_all(&third), 301);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	first = key_start('a');
	CHECK_EQ(packed_set_drop(b, &first), 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK_EQ(count_all(&second) + count_all(&third), 0);
}

int main(int argc, char **argv)
{
	dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : 20260714;
	printf("seed %llu\n", (unsigned long long)dice_state);
	c = tree_box_open();
	CHECK(c != NULL);
	make_pairs();
	test_model();
	test_emptied();
	test_rising();
	test_writer();
	test_damage();
	test_damage_met_by_changes();
	test_dropped();
	tree_box_close(c);
	return check_result();
}
