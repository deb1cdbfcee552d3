/* SPDX-License-Identifier: MIT */
#include "tiers/move/throttle.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

#define MS 1000000ull
#define S (1000 * MS)

/* ---- token bucket */

static void test_bucket(void)
{
	struct token_bucket b;

	token_bucket_init(&b, 100, 50, 0);
	CHECK_EQ(token_bucket_take(&b, 50, 0), 0);
	CHECK_EQ(token_bucket_take(&b, 10, 0), 100 * MS);
	CHECK_EQ(token_bucket_take(&b, 10, 100 * MS), 100 * MS);
	CHECK_EQ(token_bucket_take(&b, 1, 200 * MS), 10 * MS);
	CHECK_EQ(token_bucket_try(&b, 1, 210 * MS), 10 * MS);
	CHECK_EQ(token_bucket_try(&b, 1, 220 * MS), 0);
	CHECK_EQ(token_bucket_try(&b, 50, 100 * S), 0);
	CHECK_EQ(token_bucket_try(&b, 1, 100 * S), 10 * MS);
	CHECK_EQ(token_bucket_try(&b, 1, 50 * S), 10 * MS); /* a clock that goes back gives nothing */
	token_bucket_init(&b, 0, 0, 0);
	CHECK_EQ(token_bucket_take(&b, UINT64_MAX, 0), 0);
	CHECK_EQ(token_bucket_try(&b, UINT64_MAX, 0), 0);
}

/* What is larger than the burst passes too, and is paid for. */
static void test_large(void)
{
	struct token_bucket b;

	token_bucket_init(&b, 1000, 0, 0);
	CHECK_EQ(token_bucket_try(&b, 5000, 0), 0);
	CHECK_EQ(token_bucket_try(&b, 1, 0), 4 * S + MS);
	CHECK_EQ(token_bucket_take(&b, 0, 4 * S), 0);
	token_bucket_init(&b, 1, 1, 0);
	CHECK(token_bucket_take(&b, UINT64_MAX, 0) > 0);
	CHECK(token_bucket_take(&b, UINT64_MAX, 0) > 0);
	CHECK(token_bucket_try(&b, UINT64_MAX, UINT64_MAX) > 0);
	token_bucket_init(&b, UINT64_MAX, UINT64_MAX, 0);
	CHECK_EQ(token_bucket_take(&b, 1 << 20, UINT64_MAX), 0);
}

/* Over a long time exactly the rate, however often it is asked. */
static void test_exact(void)
{
	uint64_t taken = 0, now = 0;
	struct token_bucket b;

	token_bucket_init(&b, 333, 10, 0);
	srand(1);
	while (now < 100 * S) {
		taken += token_bucket_try(&b, 1, now) == 0;
		now += (uint64_t)rand() % 1000000;
	}
	CHECK(taken >= 33300 && taken <= 33311);
}

static void test_new_rate(void)
{
	struct token_bucket b;

	token_bucket_init(&b, 100, 100, 0);
	CHECK_EQ(token_bucket_take(&b, 200, 0), S);
	token_bucket_set_rate(&b, 10, 10, 0);
	CHECK_EQ(token_bucket_take(&b, 0, 0), 10 * S);
	token_bucket_set_rate(&b, 0, 0, S);
	CHECK_EQ(token_bucket_take(&b, 1000, S), 0);
	token_bucket_init(&b, 0, 0, 0);
	token_bucket_set_rate(&b, 10, 10, 500 * S);
	CHECK_EQ(token_bucket_take(&b, 1, 500 * S), 100 * MS);
}

/* ---- back-off */

static uint32_t share_at(uint64_t operations_a_second)
{
	struct pace p = { 0 };

	pace_note(&p, 1000, 5 * S);
	pace_note(&p, 1000 + operations_a_second, 6 * S);
	return pace_share(&p, &(struct pace_config){ 0 });
}

static void test_share(void)
{
	uint32_t last = 1000;

	CHECK_EQ(share_at(0), 1000);
	CHECK_EQ(share_at(50), 1000);
	CHECK_EQ(share_at(2000), 20);
	CHECK_EQ(share_at(1000000), 20);
	for (uint64_t rate = 50; rate < 2100; rate += 10) {
		uint32_t share = share_at(rate);

		CHECK(share <= last && share >= 20);
		last = share;
	}
	CHECK(share_at(316) > 450 && share_at(316) < 550); /* half-way between 50 and 2000 on a logarithmic scale */
	CHECK_EQ(pace_apply(1000, 20), 20);
	CHECK_EQ(pace_apply(10, 20), 1);
	CHECK_EQ(pace_apply(0, 20), 0);
	CHECK_EQ(pace_apply(UINT64_MAX, 1000), UINT64_MAX);
}

static void test_pace(void)
{
	struct pace_config config = { .calm = 10, .busy = 100, .least = 100 }, same = { .calm = 10, .busy = 10 };
	struct pace p = { 0 };

	CHECK_EQ(pace_share(&p, &config), 1000);
	pace_note(&p, UINT64_MAX / 2, S);
	CHECK_EQ(pace_share(&p, &config), 1000);
	pace_note(&p, UINT64_MAX / 2 + 100, 2 * S);
	CHECK_EQ(p.rate, 100);
	CHECK_EQ(pace_share(&p, &config), 100);
	pace_note(&p, UINT64_MAX / 2 + 200, 2 * S + 10 * MS); /* too soon */
	CHECK_EQ(p.rate, 100);
	pace_note(&p, UINT64_MAX / 2 + 100, 4 * S);
	CHECK_EQ(p.rate, 50);
	pace_note(&p, UINT64_MAX / 2 + 100, 5 * S);
	CHECK(p.rate >= 36 && p.rate <= 38);
	pace_note(&p, 5, 6 * S); /* the counter began anew */
	CHECK(p.rate > 20);
	pace_note(&p, 5, 1000 * S);
	CHECK_EQ(p.rate, 0);
	p.rate = 11;
	CHECK_EQ(pace_share(&p, &same), 20);
}

/* ---- suspension */

static const struct suspension_config often = { .window_s = 600, .back_off_s = 60, .back_off_max_s = 200 };

static bool note_many(struct suspension *s, unsigned good, unsigned failed, uint64_t now_s)
{
	bool suspended = false;

	while (good-- > 0)
		suspended |= suspension_note(s, &often, false, now_s);
	while (failed-- > 0)
		suspended |= suspension_note(s, &often, true, now_s);
	return suspended;
}

static void test_over_half(void)
{
	struct suspension s = { 0 };

	CHECK(!note_many(&s, 4, 4, 1000));
	CHECK_EQ(suspension_wait_s(&s, 1000), 0);
	CHECK(suspension_note(&s, &often, true, 1000));
	CHECK_EQ(suspension_wait_s(&s, 1000), 60);
	CHECK_EQ(suspension_wait_s(&s, 1059), 1);
	CHECK_EQ(suspension_wait_s(&s, 1060), 0);
	s = (struct suspension){ 0 };
	CHECK(!note_many(&s, 0, 7, 1000));
	CHECK(suspension_note(&s, &often, true, 1000));
	/* Failures of an hour ago do not count. */
	s = (struct suspension){ 0 };
	CHECK(!note_many(&s, 0, 7, 1000));
	CHECK(!note_many(&s, 3, 4, 1600));
	CHECK_EQ(s.moves, 7);
}

static void test_back_off(void)
{
	struct suspension s = { 0 };

	CHECK(note_many(&s, 0, 8, 1000));
	CHECK(!suspension_note(&s, &often, true, 1010)); /* was on its way */
	CHECK(suspension_note(&s, &often, true, 1060));
	CHECK_EQ(suspension_wait_s(&s, 1060), 120);
	CHECK(suspension_note(&s, &often, true, 1200));
	CHECK_EQ(suspension_wait_s(&s, 1200), 200);
	CHECK(suspension_note(&s, &often, true, 1400));
	CHECK_EQ(suspension_wait_s(&s, 1400), 200);
	/* One success, and it is as at the beginning. */
	CHECK(!suspension_note(&s, &often, false, 1700));
	CHECK(!note_many(&s, 0, 6, 1700));
	CHECK(suspension_note(&s, &often, true, 1701));
	CHECK_EQ(suspension_wait_s(&s, 1701), 60);
}

static void test_rounds(void)
{
	struct suspension s = { 0 };

	CHECK(!suspension_end_round(&s, &often, 1000));
	CHECK(!note_many(&s, 1, 1, 1000));
	CHECK(!suspension_end_round(&s, &often, 1000));
	CHECK(!note_many(&s, 1, 2, 1001));
	CHECK(suspension_end_round(&s, &often, 1001));
	CHECK_EQ(suspension_wait_s(&s, 1001), 60);
	/* A round that suspended before its end does not do so twice. */
	s = (struct suspension){ 0 };
	CHECK(note_many(&s, 0, 8, 1000));
	CHECK(!suspension_end_round(&s, &often, 1000));
	CHECK_EQ(suspension_wait_s(&s, 1000), 60);
	/* A single move that failed is over half of its round. */
	s = (struct suspension){ 0 };
	CHECK(!note_many(&s, 0, 1, 1000));
	CHECK(suspension_end_round(&s, &(struct suspension_config){ 0 }, 1000));
	CHECK_EQ(suspension_wait_s(&s, 1000), 60);
}

int main(void)
{
	test_bucket();
	test_large();
	test_exact();
	test_new_rate();
	test_share();
	test_pace();
	test_over_half();
	test_back_off();
	test_rounds();
	return check_result();
}
