/* SPDX-License-Identifier: MIT */
#include "tiers/move/capacity.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define MB 1000000ull
#define MIB (1ull << 20)

static const struct capacity_config defaults = { 0 };

/* Of a disk of 1000 MB. */
static struct capacity_result choose(uint64_t used_mb, bool cold, struct capacity_candidate *c, size_t n)
{
	struct capacity_result result;

	capacity_choose(&defaults, &(struct capacity_disk){ used_mb * MB, 1000 * MB, false }, cold, c, n, &result);
	return result;
}

static enum policy_tier target(const struct capacity_candidate *c, size_t n, uint64_t ino)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].ino == ino)
			return c[i].to;
	return POLICY_TIERS;
}

static bool is_full(const struct capacity_config *config, uint64_t used, uint64_t total, bool under_way)
{
	return capacity_is_full(config, &(struct capacity_disk){ used, total, under_way });
}

static void test_marks(void)
{
	struct capacity_config own = { .high = 50, .low = 10 };

	CHECK(!is_full(&defaults, 849999999, 1000 * MB, false));
	CHECK(is_full(&defaults, 850 * MB, 1000 * MB, false));
	CHECK(is_full(&defaults, 800 * MB, 1000 * MB, true));
	CHECK(!is_full(&defaults, 799999999, 1000 * MB, true));
	CHECK(!is_full(&defaults, 0, 0, true));
	CHECK(is_full(&own, 500 * MB, 1000 * MB, false));
	CHECK(!is_full(&own, 499 * MB, 1000 * MB, false));
	CHECK(is_full(&own, 100 * MB, 1000 * MB, true));
	CHECK(!is_full(&defaults, UINT64_MAX / 2, UINT64_MAX, false));
	CHECK(is_full(&defaults, UINT64_MAX, UINT64_MAX, false));
	CHECK_EQ(choose(849, true, NULL, 0).wanted_bytes, 0);
	CHECK_EQ(choose(850, true, NULL, 0).wanted_bytes, 50 * MB + 1);
	CHECK_EQ(choose(850, true, NULL, 0).freed_bytes, 0);
}

/* It stops when the low mark is passed, the oldest first. */
static void test_oldest_first(void)
{
	struct capacity_candidate c[20];
	struct capacity_result r;

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = (struct capacity_candidate){ .ino = i, .age_s = (i * 7 % 20 + 1) * DAY, .hot_bytes = 20 * MB,
						    .packed_bytes = 10 * MB };
	r = choose(850, true, c, ARRAY_SIZE(c));
	CHECK_EQ(r.chosen, 6);
	CHECK_EQ(r.freed_bytes, 60 * MB);
	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		CHECK_EQ(c[i].to, c[i].age_s > 14 * DAY ? POLICY_WARM : POLICY_AUTO);
	r = choose(849, true, c, ARRAY_SIZE(c));
	CHECK_EQ(r.chosen, 0);
	CHECK_EQ(c[0].to, POLICY_AUTO);
}

/* Begun at the high mark, it goes on below it. */
static void test_under_way(void)
{
	struct capacity_candidate c = { .age_s = DAY, .hot_bytes = 40 * MB, .packed_bytes = 20 * MB };
	struct capacity_disk disk = { 840 * MB, 1000 * MB, true };
	struct capacity_result result;

	capacity_choose(&defaults, &disk, true, &c, 1, &result);
	CHECK_EQ(result.wanted_bytes, 40 * MB + 1);
	CHECK_EQ(c.to, POLICY_COLD);
	disk.under_way = false;
	capacity_choose(&defaults, &disk, true, &c, 1, &result);
	CHECK_EQ(result.wanted_bytes, 0);
	CHECK_EQ(c.to, POLICY_AUTO);
}

/* First all that compression frees, then cold. */
static void test_warm_then_cold(void)
{
	struct capacity_candidate c[] = {
		{ .ino = 1, .age_s = 20 * DAY, .hot_bytes = 40 * MB, .packed_bytes = 20 * MB },
		{ .ino = 2, .age_s = 10 * DAY, .hot_bytes = 40 * MB, .packed_bytes = 20 * MB },
		{ .ino = 3, .age_s = 25 * DAY, .warm_bytes = 30 * MB },
		{ .ino = 4, .age_s = 5 * DAY, .warm_bytes = 30 * MB },
	};
	struct capacity_result r = choose(870, true, c, 4);

	CHECK_EQ(r.wanted_bytes, 70 * MB + 1);
	CHECK_EQ(target(c, 4, 1), POLICY_COLD);
	CHECK_EQ(target(c, 4, 2), POLICY_WARM);
	CHECK_EQ(target(c, 4, 3), POLICY_COLD);
	CHECK_EQ(target(c, 4, 4), POLICY_AUTO);
	CHECK_EQ(r.freed_bytes, 20 * MB + 20 * MB + 30 * MB + 20 * MB);
	CHECK_EQ(r.chosen, 3);
	r = choose(870, false, c, 4);
	CHECK_EQ(r.freed_bytes, 40 * MB);
	CHECK_EQ(target(c, 4, 1), POLICY_WARM);
	CHECK_EQ(target(c, 4, 3), POLICY_AUTO);
}

static void test_what_stays(void)
{
	struct capacity_candidate c[] = {
		{ .ino = 1, .age_s = 9 * DAY, .hot_bytes = 40 * MB, .packed_bytes = 39 * MB }, /* does not shrink */
		{ .ino = 2, .age_s = 8 * DAY, .hot_bytes = 40 * MB, .packed_bytes = 20 * MB, .not_cold = true },
		{ .ino = 3, .age_s = 7 * DAY, .warm_bytes = 40 * MB, .not_cold = true },
		{ .ino = 4, .age_s = 6 * DAY }, /* all cold */
		{ .ino = 5, .age_s = 5 * DAY, .hot_bytes = 10 * MB, .packed_bytes = 11 * MB },
	};

	(void) choose(990, true, c, 5);
	CHECK_EQ(target(c, 5, 1), POLICY_COLD);
	CHECK_EQ(target(c, 5, 2), POLICY_WARM);
	CHECK_EQ(target(c, 5, 3), POLICY_AUTO);
	CHECK_EQ(target(c, 5, 4), POLICY_AUTO);
	CHECK_EQ(target(c, 5, 5), POLICY_COLD);
	CHECK_EQ(choose(990, false, c, 5).chosen, 1);
}

/* What is in use goes last, to cold even after what is idle. */
static void test_in_use(void)
{
	struct capacity_candidate c[] = {
		{ .ino = 1, .age_s = HOUR - 1, .hot_bytes = 200 * MB, .packed_bytes = 20 * MB },
		{ .ino = 2, .age_s = HOUR, .hot_bytes = 100 * MB, .packed_bytes = 40 * MB },
	};

	(void) choose(880, true, c, 2);
	CHECK_EQ(target(c, 2, 1), POLICY_AUTO);
	CHECK_EQ(target(c, 2, 2), POLICY_COLD);
	(void) choose(880, false, c, 2);
	CHECK_EQ(target(c, 2, 1), POLICY_WARM);
	CHECK_EQ(target(c, 2, 2), POLICY_WARM);
}

static bool goes_before(int64_t age_a, uint64_t bytes_a, int64_t age_b, uint64_t bytes_b)
{
	struct capacity_candidate c[] = {
		{ .ino = 1, .age_s = age_a, .hot_bytes = bytes_a }, { .ino = 2, .age_s = age_b, .hot_bytes = bytes_b },
	};

	(void) choose(990, true, c, 2);
	return c[0].ino == 1;
}

static void test_weights(void)
{
	CHECK(goes_before(10 * DAY, 4096, 9 * DAY, 4096));
	CHECK(goes_before(10 * DAY, 256 * MIB, 29 * DAY, 1000));
	CHECK(!goes_before(10 * DAY, 256 * MIB, 31 * DAY, 1000));
	CHECK(!goes_before(10 * DAY, 1ull << 50, 31 * DAY, 1000));
	CHECK(!goes_before(1 * DAY, 4096 * MIB, 7 * DAY, 1000));
	CHECK(goes_before(8 * DAY, 8192, 8 * DAY, 8191));
	CHECK(goes_before(8 * DAY, 8192, 8 * DAY, 8192)); /* the smaller number */
	CHECK(goes_before(INT64_MAX, UINT64_MAX, INT64_MAX - 1, 0));
	CHECK(!goes_before(-5, 8192, 1, 8192));
}

static void test_moves(void)
{
	struct capacity_candidate c = { .age_s = 5, .hot_bytes = 7, .warm_bytes = 9, .to = POLICY_COLD };
	struct policy_move m;

	capacity_move(&c, &m);
	CHECK(m.action == POLICY_DEMOTE && m.to == POLICY_COLD && m.reason == POLICY_CAPACITY);
	CHECK(m.bytes_from[POLICY_HOT] == 7 && m.bytes_from[POLICY_WARM] == 9);
	c.to = POLICY_WARM;
	capacity_move(&c, &m);
	CHECK(m.bytes_from[POLICY_HOT] == 7 && m.bytes_from[POLICY_WARM] == 0);
	c.to = POLICY_AUTO;
	capacity_move(&c, &m);
	CHECK(m.action == POLICY_STAY && m.bytes_from[POLICY_HOT] == 0);
}

int main(void)
{
	test_marks();
	test_oldest_first();
	test_under_way();
	test_warm_then_cold();
	test_what_stays();
	test_in_use();
	test_weights();
	test_moves();
	return check_result();
}
