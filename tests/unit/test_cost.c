/* SPDX-License-Identifier: MIT */
/* Prices, estimates, caps by day. */
#include "tiers/move/cost.h"

#include <errno.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "tests/unit/check.h"

#define GB 1000000000ull
#define MIB (1ull << 20)

/* As a large provider charges, in millionths. */
static const struct prices prices = {
	.put = 5000, .get = 400, .list = 5000, .remove = 0, .out_gb = 90000, .stored_gb_month = 23000,
};

static void test_cost(void)
{
	CHECK_EQ(cost_of(&prices, &(struct traffic){ 0 }), 0);
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .puts = 1000 }), 5000);
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .gets = 1000, .lists = 1000, .removes = 1000 }), 5400);
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .out_bytes = GB, .in_bytes = 50 * GB }), 90000);
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .gets = 1 }), 1); /* 0.4, rounded up once, not for each part */
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .gets = 1, .puts = 1 }), 6);
	CHECK_EQ(cost_of(&prices, &(struct traffic){ .gets = 1, .out_bytes = 1 }), 1);
	CHECK_EQ(cost_of(&(struct prices){ 0 }, &(struct traffic){ .puts = 1000, .out_bytes = GB }), 0);
	CHECK_EQ(cost_stored(&prices, 100 * GB), 2300000);
	CHECK_EQ(cost_stored(&prices, 0), 0);
}

static void test_large_numbers(void)
{
	struct traffic all = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, more = all;
	struct prices dear = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

	traffic_add(&more, &all);
	CHECK(more.puts == UINT64_MAX && more.out_bytes == UINT64_MAX);
	CHECK(traffic_requests(&all) == UINT64_MAX);
	CHECK(cost_of(&dear, &all) == UINT64_MAX);
	CHECK(cost_stored(&dear, UINT64_MAX) == UINT64_MAX);
	CHECK(cost_of(&prices, &all) > 1000 * GB);
}

static void expect_text(uint64_t millionths, const char *currency, const char *want)
{
	char text[60];

	CHECK(strcmp(cost_text(millionths, currency, text, sizeof(text)), want) == 0);
}

static void test_text(void)
{
	expect_text(0, "USD", "0.00 USD");
	expect_text(1, "USD", "0.000001 USD");
	expect_text(9999, "USD", "0.009999 USD");
	expect_text(10000, "USD", "0.01 USD");
	expect_text(14999, NULL, "0.01");
	expect_text(15000, "", "0.02");
	expect_text(1234567, "EUR", "1.23 EUR");
	expect_text(999999, "EUR", "1.00 EUR");
	expect_text(UINT64_MAX, "EUR", "18446744073709.55 EUR");
}

/* ---- estimates */

static struct policy_move move(enum policy_action action, enum policy_tier to, uint64_t hot, uint64_t warm, uint64_t cold)
{
	return (struct policy_move){ .action = action, .to = to, .bytes_from = { 0, hot, warm, cold } };
}

static void add(struct cost_estimate *e, enum policy_action action, enum policy_tier to, uint64_t hot, uint64_t warm,
		uint64_t cold)
{
	struct cost_facts facts = { 0 };
	struct policy_move m = move(action, to, hot, warm, cold);

	cost_add(e, &facts, &m);
}

static void test_estimate(void)
{
	struct cost_estimate e = { 0 };
	struct cost_facts facts = { 0 };
	struct traffic t;

	add(&e, POLICY_STAY, POLICY_COLD, 0, 0, 0);
	add(&e, POLICY_DEMOTE, POLICY_WARM, 500, 0, 0);
	cost_traffic(&e, &facts, &t);
	CHECK_EQ(traffic_requests(&t), 0);
	CHECK_EQ(e.moves[POLICY_WARM], 1);
	CHECK_EQ(e.bytes[POLICY_WARM], 500);
	/* 65 MiB in many files fill two packs of 32 MiB when half is saved. */
	for (unsigned i = 0; i < 65; i++)
		add(&e, POLICY_DEMOTE, POLICY_COLD, MIB / 2, MIB / 2, 0);
	cost_traffic(&e, &facts, &t);
	CHECK_EQ(e.moves[POLICY_COLD], 65);
	CHECK_EQ(t.puts, 2);
	CHECK_EQ(t.gets, 4);
	CHECK_EQ(t.in_bytes, 65 * MIB / 2);
	CHECK_EQ(t.out_bytes, 2 * 65536);
	/* A recall of 40 MiB is 20 MiB stored, in three requests of up to 8. */
	add(&e, POLICY_PROMOTE, POLICY_HOT, 0, 100, 40 * MIB);
	add(&e, POLICY_REMOVE, POLICY_AUTO, 1, 2, 3);
	cost_traffic(&e, &facts, &t);
	CHECK_EQ(t.gets, 7);
	CHECK_EQ(t.out_bytes, 2 * 65536 + 20 * MIB);
	CHECK_EQ(e.moves[POLICY_AUTO], 1);
	CHECK_EQ(e.bytes[POLICY_AUTO], 6);
}

static void test_facts(void)
{
	struct cost_facts facts = { .pack_bytes = 1000, .warm_ratio = 1000, .fetch_bytes = 10, .table_bytes = 7 };
	struct policy_move up = move(POLICY_DEMOTE, POLICY_COLD, 1001, 0, 0);
	struct policy_move small = move(POLICY_DEMOTE, POLICY_COLD, 3, 0, 0);
	struct policy_move back = move(POLICY_PROMOTE, POLICY_WARM, 0, 0, 11);
	struct cost_estimate e = { 0 };
	struct traffic t;

	cost_add(&e, &facts, &up);
	cost_add(&e, &facts, &back);
	cost_traffic(&e, &facts, &t);
	CHECK(t.puts == 2 && t.gets == 6 && t.in_bytes == 1001 && t.out_bytes == 14 + 11);
	e = (struct cost_estimate){ 0 };
	cost_add(&e, &facts, &small);
	cost_traffic(&e, &facts, &t);
	CHECK_EQ(t.out_bytes, 3); /* not more than there is */
}

/* ---- caps */

static void test_limits(void)
{
	struct limits l = { .requests = 100, .bytes = 1000 };
	struct limits_used u = { 0 };
	struct traffic one = { .gets = 1 }, ten = { .puts = 10, .in_bytes = 100, .out_bytes = 100 };
	int64_t noon = 20000 * (int64_t)DAY_S + DAY_S / 2;

	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &ten, noon), 0);
	for (unsigned i = 0; i < 4; i++)
		limits_note(&u, &ten, noon);
	CHECK_EQ(u.day, 20000);
	CHECK_EQ(u.requests, 40);
	CHECK_EQ(u.bytes, 800);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &ten, noon), 0);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_BACKGROUND, &ten, noon), DAY_S / 2);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_BACKGROUND, &one, noon), 0);
	limits_note(&u, &ten, noon + 5);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &ten, noon + 5), DAY_S / 2 - 5);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &one, noon + 5), 0); /* asks for no bytes that are counted */
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &ten, noon + DAY_S / 2), 0);
	CHECK_EQ(limits_wait_s(&(struct limits){ 0 }, &u, LIMITS_BACKGROUND, &ten, noon), 0);
	/* A clock that is set back, then goes on. */
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &ten, noon - DAY_S), DAY_S + DAY_S / 2);
	limits_note(&u, &one, noon - DAY_S);
	CHECK(u.day == 20000 && u.requests == 51);
	limits_note(&u, &one, noon + DAY_S);
	CHECK(u.day == 20001 && u.requests == 1 && u.bytes == 0);
}

/* What is above the cap itself passes once a day. */
static void test_above_cap(void)
{
	struct limits l = { .bytes = 10 };
	struct limits_used u = { 0 };
	struct traffic large = { .gets = 1, .out_bytes = 50 };

	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_BACKGROUND, &large, 100), 0);
	limits_note(&u, &large, 100);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &large, 100), DAY_S - 100);
	CHECK_EQ(limits_wait_s(&l, &u, LIMITS_RECALL, &large, DAY_S), 0);
}

static void test_stored(void)
{
	struct limits_used u = { .day = 20779, .requests = 3, .bytes = 1ull << 60 }, again;
	_cleanup_buf_ struct buf value = BUF_INIT, bad = BUF_INIT;
	struct reader in;

	CHECK_EQ(limits_encode(&u, &value), 0);
	in = reader_over(value.data, value.len);
	CHECK_EQ(limits_decode(&in, &again), 0);
	CHECK_MEM(&again, sizeof(again), &u, sizeof(u));
	for (size_t len = 0; len < value.len; len++) {
		in = reader_over(value.data, len);
		CHECK_EQ(limits_decode(&in, &again), -EBADMSG);
	}
	u.day = INT64_MAX;
	CHECK_EQ(limits_encode(&u, &bad), 0);
	in = reader_over(bad.data, bad.len);
	CHECK_EQ(limits_decode(&in, &again), -EBADMSG);
}

int main(void)
{
	test_cost();
	test_large_numbers();
	test_text();
	test_estimate();
	test_facts();
	test_limits();
	test_above_cap();
	test_stored();
	return check_result();
}
