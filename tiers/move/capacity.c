/* SPDX-License-Identifier: MIT */
#include "tiers/move/capacity.h"

#include <stdlib.h>

#include "base/cleanup.h"

#define HIGH 85
#define LOW 80
#define IDLE_S 3600
/* Of what pass 1 frees: one in so many bytes at least. */
#define WORTH 20

struct job {
	struct capacity_candidate *c;
	size_t n;
	bool cold_attached;
	uint64_t idle_s;
	struct capacity_result *result;
};

static uint64_t percent_of(uint64_t bytes, unsigned percent)
{
	return (uint64_t)((unsigned __int128)bytes * percent / 100);
}

static uint64_t mark(const struct capacity_disk *disk, unsigned percent, unsigned otherwise)
{
	return percent_of(disk->total_bytes, percent ? percent : otherwise);
}

bool capacity_is_full(const struct capacity_config *config, const struct capacity_disk *disk)
{
	uint64_t low = mark(disk, config->low, LOW), high = mark(disk, config->high, HIGH);

	return disk->total_bytes > 0 && disk->used_bytes >= (disk->under_way ? MIN(low, high) : high);
}

uint64_t capacity_room(const struct capacity_config *config, const struct capacity_disk *disk)
{
	uint64_t high = mark(disk, config->high, HIGH);

	return high - MIN(high, disk->used_bytes);
}

static uint64_t weigh(const struct capacity_candidate *c)
{
	uint64_t pages = (c->hot_bytes + c->warm_bytes) >> 12;
	unsigned doublings = pages ? 63u - (unsigned)__builtin_clzll(pages) : 0;
	uint64_t age = c->age_s > 0 ? (uint64_t)c->age_s : 0;

	return MIN(age, UINT64_MAX / 32) * (8 + MIN(doublings, 16u)) / 8;
}

static int by_weight(const void *a, const void *b)
{
	const struct capacity_candidate *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void choose(struct job *j, struct capacity_candidate *c, enum policy_tier to, uint64_t freed)
{
	j->result->chosen += c->to == POLICY_AUTO;
	c->to = to;
	j->result->freed_bytes += freed;
}

static bool is_enough(const struct job *j)
{
	return j->result->freed_bytes >= j->result->wanted_bytes;
}

static bool is_idle(const struct job *j, const struct capacity_candidate *c)
{
	return c->age_s >= 0 && (uint64_t)c->age_s >= j->idle_s;
}

static void pass_to_warm(struct job *j)
{
	for (size_t i = 0; i < j->n && !is_enough(j); i++) {
		struct capacity_candidate *c = &j->c[i];
		uint64_t freed = c->hot_bytes > c->packed_bytes ? c->hot_bytes - c->packed_bytes : 0;

		if (c->to == POLICY_AUTO && is_idle(j, c) && freed > 0 && freed >= c->hot_bytes / WORTH)
			choose(j, c, POLICY_WARM, freed);
	}
}

/* What was chosen to be warm has freed a part already. */
static void pass_to_cold(struct job *j)
{
	for (size_t i = 0; i < j->n && !is_enough(j); i++) {
		struct capacity_candidate *c = &j->c[i];
		uint64_t local = c->warm_bytes + (c->to == POLICY_WARM ? c->packed_bytes : c->hot_bytes);

		if (c->to != POLICY_COLD && is_idle(j, c) && !c->not_cold && local > 0)
			choose(j, c, POLICY_COLD, local);
	}
}

static void pass(struct job *j)
{
	pass_to_warm(j);
	if (j->cold_attached)
		pass_to_cold(j);
}

void capacity_choose(const struct capacity_config *config, const struct capacity_disk *disk, bool cold_attached,
		     struct capacity_candidate *candidates, size_t n, struct capacity_result *ret_result)
{
	uint64_t low = mark(disk, config->low, LOW);
	struct job j = {
		.c = candidates, .n = n, .cold_attached = cold_attached,
		.idle_s = config->idle_s ? config->idle_s : IDLE_S, .result = ret_result,
	};

	*ret_result = (struct capacity_result){ 0 };
	for (size_t i = 0; i < n; i++) {
		candidates[i].to = POLICY_AUTO;
		candidates[i].weight = weigh(&candidates[i]);
	}
	if (n > 1)
		qsort(candidates, n, sizeof(candidates[0]), by_weight);
	/* Below the low mark, not at it. */
	if (capacity_is_full(config, disk) && disk->used_bytes >= low)
		ret_result->wanted_bytes = disk->used_bytes - low + 1;
	pass(&j);
	j.idle_s = 0;
	pass(&j);
}

void capacity_move(const struct capacity_candidate *c, struct policy_move *ret_move)
{
	*ret_move = (struct policy_move){
		.action = c->to == POLICY_AUTO ? POLICY_STAY : POLICY_DEMOTE,
		.to = c->to,
		.reason = c->to == POLICY_AUTO ? POLICY_IN_PLACE : POLICY_CAPACITY,
		.age_s = c->age_s,
	};
	if (c->to != POLICY_AUTO)
		ret_move->bytes_from[POLICY_HOT] = c->hot_bytes;
	if (c->to == POLICY_COLD)
		ret_move->bytes_from[POLICY_WARM] = c->warm_bytes;
}
