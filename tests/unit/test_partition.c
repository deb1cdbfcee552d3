/* SPDX-License-Identifier: MIT */
#include "tiers/move/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

#define MIB (1ull << 20)
#define KIB (1ull << 10)

static const struct partition_config defaults = { 0 };

/* ---- new packs */

static void test_grown_until_full(void)
{
	struct partition_item items[100];
	struct partition p;

	for (unsigned i = 0; i < 100; i++)
		items[i] = (struct partition_item){ .day = i / 10, .bytes = MIB };
	CHECK(partition_next(&defaults, items, 100, 0, 500, &p));
	CHECK(p.first == 0 && p.end == 64 && p.full && p.packs == 1);
	CHECK(p.first_day == 0 && p.last_day == 6);
	CHECK(p.bytes == 64 * MIB && p.stored_bytes == 32 * MIB);
	CHECK(partition_next(&defaults, items, 100, p.end, 500, &p));
	CHECK(p.first == 64 && p.end == 100 && !p.full && p.first_day == 6 && p.last_day == 9);
	CHECK(!partition_next(&defaults, items, 100, p.end, 500, &p));
	CHECK(!partition_next(&defaults, items, 0, 0, 500, &p));
	CHECK(partition_next(&defaults, items, 100, 0, 0, &p));
	CHECK_EQ(p.end, 32);
}

static void test_at_most_a_year(void)
{
	struct partition_item items[] = { { -400, 5 }, { -300, 5 }, { -36, 5 }, { -35, 5 }, { 400, 5 } };
	struct partition p;

	CHECK(partition_next(&defaults, items, 5, 0, 0, &p));
	CHECK(p.end == 3 && p.first_day == -400 && p.last_day == -36 && !p.full); /* 365 days */
	CHECK(partition_next(&defaults, items, 5, 3, 0, &p));
	CHECK(p.end == 4 && p.first_day == -35 && p.last_day == -35);
	CHECK(partition_next(&(struct partition_config){ .span_days = 1 }, items, 5, 0, 0, &p));
	CHECK_EQ(p.end, 1);
}

static void test_large_items(void)
{
	struct partition_item items[] = { { 1, MIB }, { 1, 100 * MIB }, { 2, MIB }, { 3, UINT64_MAX }, { 3, 0 } };
	struct partition p;

	CHECK(partition_next(&defaults, items, 5, 0, 1000, &p));
	CHECK(p.end == 1 && p.full && p.packs == 1);
	CHECK(partition_next(&defaults, items, 5, 1, 1000, &p));
	CHECK(p.end == 2 && p.packs == 4);
	CHECK(partition_next(&defaults, items, 5, 2, 1000, &p));
	CHECK(p.end == 3 && p.full);
	CHECK(partition_next(&defaults, items, 5, 3, 1000, &p));
	CHECK(p.end == 4 && p.packs == UINT32_MAX);
	CHECK(partition_next(&defaults, items, 5, 4, 1000, &p));
	CHECK(p.end == 5 && p.packs == 1 && p.bytes == 0);
}

/* ---- packs that lie there */

static struct partition_pack pack(uint64_t id, int64_t first_day, int64_t last_day, uint64_t stored, uint64_t live)
{
	return (struct partition_pack){ .id = id, .first_day = first_day, .last_day = last_day, .stored_bytes = stored,
					.live_bytes = live };
}

static const struct partition_pack *find(const struct partition_pack *packs, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (packs[i].id == id)
			return &packs[i];
	return NULL;
}

/* What must hold of any plan; returns how many packs there are after it, small ones in *ret_small. */
static size_t check_plan(const struct partition_pack *packs, size_t n, const struct partition_plan *plan, size_t *ret_small)
{
	size_t left = plan->groups, rewritten = 0, dropped = 0;
	uint64_t rewritten_bytes = 0, freed = 0;

	*ret_small = 0;
	for (size_t i = 0; i < n;) {
		uint64_t bytes = 0;
		int64_t first = packs[i].first_day, last = packs[i].last_day;
		size_t from = i;

		for (; i < n && packs[i].group == packs[from].group; i++) {
			const struct partition_pack *p = &packs[i];

			CHECK((p->group > 0) == (p->action == PARTITION_REWRITE));
			CHECK((p->live_bytes == 0) == (p->action == PARTITION_DROP));
			bytes += p->live_bytes;
			first = MIN(first, p->first_day);
			last = MAX(last, p->last_day);
			rewritten += p->group > 0;
			dropped += p->action == PARTITION_DROP;
			rewritten_bytes += p->group > 0 ? p->live_bytes : 0;
			freed += p->action == PARTITION_KEEP ? 0 : p->stored_bytes - p->live_bytes;
			left += p->action == PARTITION_KEEP;
			*ret_small += p->action == PARTITION_KEEP && p->live_bytes < PARTITION_PACK_BYTES / 4;
		}
		if (packs[from].group == 0)
			continue;
		CHECK(packs[from].group <= plan->groups);
		CHECK(bytes <= PARTITION_PACK_BYTES && (last - first < 365 || i - from == 1));
		*ret_small += bytes < PARTITION_PACK_BYTES / 4;
	}
	CHECK(rewritten == plan->rewritten && dropped == plan->dropped);
	CHECK(rewritten_bytes == plan->rewritten_bytes && freed == plan->freed_bytes);
	return left;
}

static struct partition_plan make_plan(const struct partition_config *config, struct partition_pack *packs, size_t n)
{
	struct partition_plan plan;
	size_t small;

	partition_plan(config, packs, n, &plan);
	(void) check_plan(packs, n, &plan, &small);
	return plan;
}

static void test_clean(void)
{
	struct partition_pack packs[] = {
		pack(1, 0, 5, 32 * MIB, 0), pack(2, 6, 9, 32 * MIB, 15 * MIB), pack(3, 10, 19, 32 * MIB, 16 * MIB),
		pack(4, 20, 29, 32 * MIB, 10 * MIB), pack(5, 30, 39, 32 * MIB, 12 * MIB), pack(6, 40, 49, 32 * MIB, 32 * MIB),
	};
	struct partition_plan plan = make_plan(&defaults, packs, 6);

	CHECK_EQ(find(packs, 6, 1)->action, PARTITION_DROP);
	CHECK_EQ(find(packs, 6, 2)->action, PARTITION_REWRITE);
	CHECK_EQ(find(packs, 6, 3)->action, PARTITION_KEEP); /* exactly half */
	CHECK_EQ(find(packs, 6, 4)->group, find(packs, 6, 2)->group);
	CHECK(find(packs, 6, 5)->group != find(packs, 6, 4)->group && find(packs, 6, 5)->group > 0);
	CHECK_EQ(plan.groups, 2);
	CHECK_EQ(plan.freed_bytes, 32 * MIB + 17 * MIB + 22 * MIB + 20 * MIB);
	CHECK_EQ(plan.rewritten_bytes, 37 * MIB);
	plan = make_plan(&(struct partition_config){ .clean_below = 40 }, packs, 6);
	CHECK_EQ(plan.rewritten, 2);
	plan = make_plan(&defaults, packs, 0);
	CHECK_EQ(plan.groups, 0);
}

/* What frees the most for the least comes first. */
static void test_budget(void)
{
	struct partition_config config = { .rewrite_bytes = 20 * MIB };
	struct partition_pack packs[] = {
		pack(1, 0, 0, 32 * MIB, 15 * MIB), pack(2, 1, 1, 32 * MIB, 9 * MIB), pack(3, 2, 2, 32 * MIB, 10 * MIB),
		pack(4, 3, 3, 32 * MIB, 14 * MIB),
	};
	struct partition_plan plan = make_plan(&config, packs, 4);

	CHECK_EQ(plan.rewritten, 2);
	CHECK(find(packs, 4, 2)->group == 1 && find(packs, 4, 3)->group == 1);
	/* One too large for the budget goes alone, or it never would. */
	config.rewrite_bytes = 1;
	plan = make_plan(&config, packs, 4);
	CHECK(plan.rewritten == 1 && find(packs, 4, 2)->group == 1);
}

/* Sparse packs of different years do not share a new one. */
static void test_span(void)
{
	struct partition_pack packs[] = {
		pack(1, 0, 0, 10 * MIB, MIB), pack(2, 364, 364, 10 * MIB, MIB), pack(3, 365, 365, 10 * MIB, MIB),
		pack(4, 2000, 3000, 10 * MIB, MIB), pack(5, 2001, 2002, 10 * MIB, MIB),
	};

	(void) make_plan(&defaults, packs, 5);
	CHECK_EQ(find(packs, 5, 1)->group, find(packs, 5, 2)->group);
	CHECK(find(packs, 5, 3)->group != find(packs, 5, 2)->group);
	CHECK(find(packs, 5, 4)->action == PARTITION_REWRITE);
	CHECK(find(packs, 5, 5)->group != find(packs, 5, 4)->group);
}

static void test_merge(void)
{
	struct partition_pack packs[] = {
		pack(1, 0, 0, MIB, MIB), pack(2, 1, 1, MIB, MIB), pack(3, 2, 2, 9 * MIB, 9 * MIB),
		pack(4, 1000, 1000, MIB, MIB), pack(5, 2000, 2000, 2 * MIB, 2 * MIB), pack(6, 2001, 2001, MIB, MIB),
	};
	struct partition_plan plan = make_plan(&defaults, packs, 6);

	CHECK_EQ(plan.groups, 1);
	CHECK(find(packs, 6, 1)->group == 1 && find(packs, 6, 2)->group == 1);
	CHECK_EQ(find(packs, 6, 3)->action, PARTITION_KEEP); /* not small */
	CHECK_EQ(find(packs, 6, 4)->action, PARTITION_KEEP); /* alone */
	CHECK_EQ(find(packs, 6, 5)->action, PARTITION_KEEP); /* 1 and 2 MiB: 2 would be written again for 1 */
	plan = make_plan(&(struct partition_config){ .small_max = 1 }, packs, 6);
	CHECK(plan.groups == 2 && find(packs, 6, 5)->group == 2);
}

/* Small packs go with sparse ones of their time, as these are written anyway. */
static void test_join(void)
{
	struct partition_pack packs[] = {
		pack(1, 0, 9, 32 * MIB, 10 * MIB), pack(2, 10, 10, 3 * MIB, 3 * MIB), pack(3, 900, 900, 3 * MIB, 3 * MIB),
		pack(4, 11, 11, 20 * MIB, 20 * MIB),
	};
	struct partition_plan plan = make_plan(&defaults, packs, 4);

	CHECK_EQ(plan.groups, 1);
	CHECK_EQ(find(packs, 4, 2)->group, 1);
	CHECK_EQ(find(packs, 4, 3)->group, 0);
	CHECK_EQ(find(packs, 4, 4)->group, 0);
}

/* ---- years of it: what the plan says is done, again and again */

struct store {
	struct partition_pack packs[4000];
	size_t n;
	uint64_t next_id, written; /* bytes that were rewritten */
};

static void add_pack(struct store *s, int64_t first_day, int64_t last_day, uint64_t bytes)
{
	s->packs[s->n++] = pack(s->next_id++, first_day, last_day, bytes, bytes);
}

static struct partition_plan carry_out(struct store *s)
{
	struct partition_plan plan;
	size_t n = s->n, kept = 0, small, left;

	partition_plan(&defaults, s->packs, n, &plan);
	left = check_plan(s->packs, n, &plan, &small);
	s->written += plan.rewritten_bytes;
	for (size_t i = 0; i < n; i++)
		if (s->packs[i].action == PARTITION_KEEP)
			s->packs[kept++] = s->packs[i];
	for (size_t i = plan.dropped + (kept), from; i < n; i = from) {
		struct partition_pack sum = s->packs[i];

		for (from = i + 1; from < n && s->packs[from].group == sum.group; from++) {
			sum.first_day = MIN(sum.first_day, s->packs[from].first_day);
			sum.last_day = MAX(sum.last_day, s->packs[from].last_day);
			sum.live_bytes += s->packs[from].live_bytes;
		}
		s->packs[kept++] = pack(s->next_id++, sum.first_day, sum.last_day, sum.live_bytes, sum.live_bytes);
	}
	CHECK_EQ(kept, left);
	s->n = kept;
	return plan;
}

static size_t count_small(const struct store *s)
{
	size_t small = 0;

	for (size_t i = 0; i < s->n; i++)
		small += s->packs[i].live_bytes < PARTITION_PACK_BYTES / 4;
	return small;
}

/* A little each day for three years: no dust, and each byte is rewritten a few times only. */
static void test_no_dust(void)
{
	struct store *s = calloc(1, sizeof(*s));
	uint64_t bytes = 0;

	CHECK(s);
	if (!s)
		return;
	srand(11);
	for (int64_t day = 0; day < 3 * 365; day++) {
		uint64_t size = 10 * KIB + (uint64_t)rand() % (300 * KIB);

		add_pack(s, day, day, size);
		bytes += size;
		(void) carry_out(s);
		CHECK(count_small(s) <= 8u * (size_t)(day / 365 + 2));
	}
	while (carry_out(s).groups > 0)
		;
	CHECK(s->n <= bytes / (PARTITION_PACK_BYTES / 2) + 30);
	CHECK(s->written <= 8 * bytes);
	free(s);
}

/* Random deletions: a fixed point is reached, with less than half dead in each pack. */
static void test_settles(void)
{
	struct store *s = calloc(1, sizeof(*s));
	unsigned rounds = 0;

	CHECK(s);
	if (!s)
		return;
	srand(13);
	for (unsigned i = 0; i < 2000; i++)
		add_pack(s, i, i + rand() % 20, KIB + (uint64_t)rand() % (32 * MIB - KIB));
	for (size_t i = 0; i < s->n; i++)
		s->packs[i].live_bytes -= s->packs[i].stored_bytes * (uint64_t)(rand() % 101) / 100;
	while (carry_out(s).rewritten > 0 && rounds < 100)
		rounds++;
	CHECK(rounds < 100);
	for (size_t i = 0; i < s->n; i++)
		CHECK(s->packs[i].live_bytes * 2 >= s->packs[i].stored_bytes);
	free(s);
}

int main(void)
{
	test_grown_until_full();
	test_at_most_a_year();
	test_large_items();
	test_clean();
	test_budget();
	test_span();
	test_merge();
	test_join();
	test_no_dust();
	test_settles();
	return check_result();
}
