/* SPDX-License-Identifier: MIT */
/* A graph without directions, each link in the rows of both its ends; and that of groups of its nodes, whose
 * links within become a figure of theirs. For communities.c. */
#pragma once

#include "index/graph/whole.h"

struct level {
	uint32_t *starts;  /* owned; n + 1 */
	uint32_t *targets; /* owned; none its own node */
	uint32_t *weights; /* owned; of each; NULL: 1 */
	uint32_t *inner;   /* owned; ends of links within, by node; NULL: 0 */
	uint32_t n;
};

#define _cleanup_level_ _cleanup_(level_done)
void level_done(struct level *l);
/* -ENOMEM. */
int level_of_csr(const struct graph_csr *g, struct level *ret_l);
/* `groups` by node, below n. 1. -ENOMEM. */
int level_merge(const struct level *l, const uint32_t *groups, uint32_t n, struct level *ret_l);

static inline uint32_t level_weight(const struct level *l, uint32_t i)
{
	return l->weights ? l->weights[i] : 1;
}

static inline uint32_t level_inner(const struct level *l, uint32_t k)
{
	return l->inner ? l->inner[k] : 0;
}

/* Ends of links at this node. */
static inline uint32_t level_degree(const struct level *l, uint32_t k)
{
	uint32_t n = level_inner(l, k);

	for (uint32_t i = l->starts[k]; i < l->starts[k + 1]; i++)
		n += level_weight(l, i);
	return n;
}
