/* SPDX-License-Identifier: MIT */
/* The second half of partition.h: which packs are made anew. The array is sorted several times, once for
 * each question; no memory is taken. Groups are first collected as they come, and numbered at last. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/move/partition.h"

#define CLEAN_BELOW 50
#define MERGE_BELOW 25
#define SMALL_MAX 8
#define REWRITE_BYTES (1ull << 30)

struct job {
	uint64_t full, small, budget; /* bytes */
	uint32_t clean_below, small_max, span;
	struct partition_pack *packs;
	size_t n;
	struct partition_plan *plan;
};

/* A new pack that is being filled. */
struct group {
	uint32_t number;
	int64_t first_day, last_day;
	uint64_t bytes;
};

/* ---- what kind of pack */

static uint64_t dead_bytes(const struct partition_pack *p)
{
	return p->stored_bytes > p->live_bytes ? p->stored_bytes - p->live_bytes : 0;
}

static bool is_sparse(const struct job *j, const struct partition_pack *p)
{
	return (unsigned __int128)p->live_bytes * 100 < (unsigned __int128)p->stored_bytes * j->clean_below;
}

static bool is_small(const struct job *j, const struct partition_pack *p)
{
	return p->live_bytes < j->small;
}

static bool is_free(const struct partition_pack *p)
{
	return p->action == PARTITION_KEEP;
}

/* ---- orders */

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_day(const void *a, const void *b)
{
	const struct partition_pack *x = a, *y = b;

	if (x->first_day != y->first_day)
		return x->first_day < y->first_day ? -1 : 1;
	return by_number(x->id, y->id);
}

static int by_group(const void *a, const void *b)
{
	const struct partition_pack *x = a, *y = b;
	int order = by_number(x->group, y->group);

	return order ? order : by_day(a, b);
}

static int by_size(const void *a, const void *b)
{
	const struct partition_pack *x = a, *y = b;
	int order = by_number(x->live_bytes, y->live_bytes);

	return order ? order : by_day(a, b);
}

/* What frees the most for each byte rewritten: the lowest share alive. */
static int by_share(const void *a, const void *b)
{
	const struct partition_pack *x = a, *y = b;
	unsigned __int128 left = (unsigned __int128)x->live_bytes * MAX(y->stored_bytes, (uint64_t)1);
	unsigned __int128 right = (unsigned __int128)y->live_bytes * MAX(x->stored_bytes, (uint64_t)1);

	return left < right ? -1 : left > right ? 1 : by_day(a, b);
}

static void sort(struct partition_pack *packs, size_t n, int (*order)(const void *, const void *))
{
	if (n > 1)
		qsort(packs, n, sizeof(packs[0]), order);
}

/* ---- groups */

static bool fits(const struct job *j, const struct group *g, const struct partition_pack *p)
{
	int64_t first = MIN(g->first_day, p->first_day), last = MAX(g->last_day, p->last_day);

	return g->number > 0 && last - first < (int64_t)j->span && g->bytes <= j->full &&
	       p->live_bytes <= j->full - g->bytes;
}

static void join(struct job *j, struct group *g, struct partition_pack *p)
{
	if (g->number == 0)
		*g = (struct group){ ++j->plan->groups, p->first_day, p->last_day, 0 };
	g->first_day = MIN(g->first_day, p->first_day);
	g->last_day = MAX(g->last_day, p->last_day);
	g->bytes += p->live_bytes;
	p->action = PARTITION_REWRITE;
	p->group = g->number;
	j->plan->rewritten++;
	j->plan->rewritten_bytes += p->live_bytes;
	j->plan->freed_bytes += dead_bytes(p);
}

static bool in_budget(const struct job *j, uint64_t bytes)
{
	return j->plan->rewritten_bytes == 0 || j->plan->rewritten_bytes + bytes <= j->budget;
}

/* ---- passes */

static void drop_dead(struct job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		struct partition_pack *p = &j->packs[i];

		p->action = p->live_bytes == 0 ? PARTITION_DROP : PARTITION_KEEP;
		p->group = 0;
		j->plan->dropped += p->action == PARTITION_DROP;
		j->plan->freed_bytes += p->action == PARTITION_DROP ? p->stored_bytes : 0;
	}
}

/* How many of the first packs, sorted by share, are to be rewritten. */
static size_t count_sparse(const struct job *j)
{
	uint64_t bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < j->n && (is_sparse(j, &j->packs[i]) || j->packs[i].live_bytes == 0); i++) {
		if (bytes > 0 && bytes + j->packs[i].live_bytes > j->budget)
			break;
		bytes += j->packs[i].live_bytes;
		n = i + 1;
	}
	return n;
}

/* Sparse ones by day into as few new packs as hold them. */
static void clean(struct job *j)
{
	struct group g = { 0 };
	size_t n;

	sort(j->packs, j->n, by_share);
	n = count_sparse(j);
	sort(j->packs, n, by_day);
	for (size_t i = 0; i < n; i++) {
		if (!is_free(&j->packs[i]))
			continue;
		if (!fits(j, &g, &j->packs[i]))
			g.number = 0;
		join(j, &g, &j->packs[i]);
	}
}

/* What a group has come to. */
static struct group group_of(const struct job *j, uint32_t number)
{
	struct group g = { 0 };

	for (size_t i = 0; i < j->n; i++) {
		const struct partition_pack *p = &j->packs[i];

		if (p->group != number)
			continue;
		g.first_day = g.number ? MIN(g.first_day, p->first_day) : p->first_day;
		g.last_day = g.number ? MAX(g.last_day, p->last_day) : p->last_day;
		g.number = number;
		g.bytes += p->live_bytes;
	}
	return g;
}

/* Small ones of the same time find room in the new packs of sparse ones. */
static void join_small(struct job *j)
{
	uint32_t groups = j->plan->groups;

	sort(j->packs, j->n, by_size);
	for (uint32_t number = 1; number <= groups; number++) {
		struct group g = group_of(j, number);

		for (size_t i = 0; i < j->n; i++) {
			struct partition_pack *p = &j->packs[i];

			if (is_free(p) && is_small(j, p) && fits(j, &g, p) && in_budget(j, p->live_bytes))
				join(j, &g, p);
		}
	}
}

/* Brings what may be merged to the front, sorted by day. */
static size_t gather_small(struct job *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->n; i++) {
		struct partition_pack p = j->packs[i];

		if (!is_free(&p) || !is_small(j, &p) || p.last_day - p.first_day >= (int64_t)j->span)
			continue;
		j->packs[i] = j->packs[n];
		j->packs[n++] = p;
	}
	sort(j->packs, n, by_day);
	return n;
}

/* How many of `n` packs, sorted by day, lie within a span. */
static size_t count_near(const struct job *j, const struct partition_pack *packs, size_t n)
{
	size_t i = 0;

	while (i < n && packs[i].last_day - packs[0].first_day < (int64_t)j->span)
		i++;
	return i;
}

/* How many of `n` packs, sorted by size, are merged into one. */
static size_t count_merged(const struct job *j, const struct partition_pack *packs, size_t n)
{
	uint64_t sum = 0;
	size_t most = 0, worth = 0;

	while (most < n && packs[most].live_bytes <= j->full - sum) {
		sum += packs[most++].live_bytes;
		if (most > 1 && sum / 2 >= packs[most - 1].live_bytes)
			worth = most;
	}
	if (n > j->small_max && worth < 2)
		worth = most;
	return worth > 1 ? worth : 0;
}

static void merge_near(struct job *j, struct partition_pack *packs, size_t n)
{
	size_t merged;

	sort(packs, n, by_size);
	for (; (merged = count_merged(j, packs, n)) > 0; packs += merged, n -= merged) {
		struct group g = { 0 };
		uint64_t bytes = 0;

		for (size_t i = 0; i < merged; i++)
			bytes += packs[i].live_bytes;
		if (!in_budget(j, bytes))
			return;
		for (size_t i = 0; i < merged; i++)
			join(j, &g, &packs[i]);
	}
}

static void merge(struct job *j)
{
	size_t n = gather_small(j), near;

	for (size_t i = 0; i < n; i += near) {
		near = count_near(j, j->packs + i, n - i);
		merge_near(j, j->packs + i, near);
	}
}

void partition_plan(const struct partition_config *config, struct partition_pack *packs, size_t n,
		    struct partition_plan *ret_plan)
{
	uint64_t full = config->pack_bytes ? config->pack_bytes : PARTITION_PACK_BYTES;
	struct job j = {
		.full = full,
		.small = full / 100 * (config->merge_below ? config->merge_below : MERGE_BELOW),
		.budget = config->rewrite_bytes ? config->rewrite_bytes : REWRITE_BYTES,
		.clean_below = config->clean_below ? config->clean_below : CLEAN_BELOW,
		.small_max = config->small_max ? config->small_max : SMALL_MAX,
		.span = config->span_days ? config->span_days : PARTITION_SPAN_DAYS,
		.packs = packs, .n = n, .plan = ret_plan,
	};

	*ret_plan = (struct partition_plan){ 0 };
	drop_dead(&j);
	clean(&j);
	join_small(&j);
	merge(&j);
	sort(packs, n, by_group);
}
