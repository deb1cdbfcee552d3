/* SPDX-License-Identifier: MIT */
/* Each node pushes its rank along its links: rows as they are will do, and those of the other direction are
 * not built. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/whole.h"

/* Returns the rank of nodes without links, which goes to all. */
static double push(const struct graph_csr *g, const double *ranks, double *next)
{
	double dangling = 0;

	for (uint32_t k = 0; k < g->n; k++)
		next[k] = 0;
	for (uint32_t k = 0; k < g->n; k++) {
		uint32_t start = g->starts[k], end = g->starts[k + 1];
		double share = start < end ? ranks[k] / (end - start) : 0;

		if (start == end)
			dangling += ranks[k];
		for (uint32_t i = start; i < end; i++)
			next[g->targets[i]] += share;
	}
	return dangling;
}

/* Returns the sum of changes. */
static double finish_round(const struct graph_csr *g, const double *ranks, double *next, double dangling)
{
	double everywhere = (1 - GRAPH_PAGERANK_DAMPING + GRAPH_PAGERANK_DAMPING * dangling) / g->n;
	double delta = 0;

	for (uint32_t k = 0; k < g->n; k++) {
		next[k] = GRAPH_PAGERANK_DAMPING * next[k] + everywhere;
		delta += fabs(next[k] - ranks[k]);
	}
	return delta;
}

int graph_pagerank(const struct graph_csr *g, double **ret_ranks)
{
	_cleanup_free_ double *ranks = malloc(((size_t)g->n + 1) * sizeof(*ranks));
	_cleanup_free_ double *next = malloc(((size_t)g->n + 1) * sizeof(*next));
	unsigned rounds = 0;
	double delta = g->n > 0 ? 1 : 0;

	if (!ranks || !next)
		return -ENOMEM;
	for (uint32_t k = 0; k < g->n; k++)
		ranks[k] = 1.0 / g->n;
	for (; delta >= GRAPH_PAGERANK_DELTA && rounds < GRAPH_PAGERANK_ROUNDS; rounds++) {
		double *old = ranks;

		if (graph_stopped(g->stop))
			return -ECANCELED;
		delta = finish_round(g, ranks, next, push(g, ranks, next));
		ranks = next;
		next = old;
	}
	*ret_ranks = steal_ptr(&ranks);
	return (int)rounds;
}

int graph_degrees(const struct graph_csr *g, struct graph_degree **ret_degrees)
{
	struct graph_degree *degrees = calloc((size_t)g->n + 1, sizeof(*degrees));

	if (!degrees)
		return -ENOMEM;
	for (uint32_t k = 0; k < g->n; k++)
		degrees[k].out = g->starts[k + 1] - g->starts[k];
	for (uint32_t i = 0; i < graph_csr_edges(g); i++)
		degrees[g->targets[i]].in++;
	*ret_degrees = degrees;
	return 0;
}
