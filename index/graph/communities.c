/* SPDX-License-Identifier: MIT */
/* Gains are compared as integers, so that each move makes modularity greater and the search ends: of a node
 * with k links, `to` of them to a group whose nodes have `total`, the gain is to / m - k total / 2 m^2, and
 * here 2 m^2 times that. With at most 2^30 links no product passes 2^62. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/groups.h"
#include "index/graph/level.h"

/* A node at a level is looked at no more often, in the mean. In bench/graph.c it is 1 to 24 times. */
#define LOOKS_MAX 200u

struct moves {
	const struct level *l; /* borrowed */
	int64_t ends;          /* of all links: 2 m */
	uint32_t *group;       /* owned, as all of these; by node */
	uint32_t *degree;      /* by node */
	uint32_t *total;       /* of the degrees in it; by group */
	uint32_t *to;          /* links from the node at hand; by group, else 0 */
	uint32_t *touched;     /* groups whose `to` is not 0 */
	uint32_t n_touched;
	uint32_t *queue;       /* a ring of nodes */
	bool *queued;          /* by node */
	uint32_t head, n_queued;
};

static void moves_done(struct moves *m)
{
	free(m->group);
	free(m->degree);
	free(m->total);
	free(m->to);
	free(m->touched);
	free(m->queue);
	free(m->queued);
}

static void enqueue(struct moves *m, uint32_t k)
{
	if (m->queued[k])
		return;
	m->queue[((uint64_t)m->head + m->n_queued++) % m->l->n] = k;
	m->queued[k] = true;
}

static uint32_t dequeue(struct moves *m)
{
	uint32_t k = m->queue[m->head];

	m->head = (m->head + 1) % m->l->n;
	m->n_queued--;
	m->queued[k] = false;
	return k;
}

/* Each node is a group of its own, and all wait. */
static int moves_init(struct moves *m, const struct level *l)
{
	uint32_t **arrays[] = { &m->group, &m->degree, &m->total, &m->to, &m->touched, &m->queue };

	m->l = l;
	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		*arrays[i] = calloc((size_t)l->n + 1, sizeof(**arrays[i]));
		if (!*arrays[i])
			return -ENOMEM;
	}
	m->queued = calloc((size_t)l->n + 1, sizeof(*m->queued));
	if (!m->queued)
		return -ENOMEM;
	for (uint32_t k = 0; k < l->n; k++) {
		m->group[k] = k;
		m->degree[k] = m->total[k] = level_degree(l, k);
		m->ends += m->degree[k];
		enqueue(m, k);
	}
	return 0;
}

static int64_t gain(const struct moves *m, uint32_t k, uint32_t group)
{
	return m->to[group] * m->ends - (int64_t)m->degree[k] * m->total[group];
}

static void touch_neighbours(struct moves *m, uint32_t k)
{
	const struct level *l = m->l;

	for (uint32_t i = l->starts[k]; i < l->starts[k + 1]; i++) {
		uint32_t group = m->group[l->targets[i]];

		if (!m->to[group])
			m->touched[m->n_touched++] = group;
		m->to[group] += level_weight(l, i);
	}
}

static uint32_t best_group(const struct moves *m, uint32_t k)
{
	uint32_t own = m->group[k], best = own;
	int64_t most = gain(m, k, own);

	for (uint32_t i = 0; i < m->n_touched; i++) {
		uint32_t group = m->touched[i];
		int64_t here = gain(m, k, group);

		if (here > most || (here == most && best != own && group < best)) {
			most = here;
			best = group;
		}
	}
	return best;
}

static void leave_for(struct moves *m, uint32_t k, uint32_t group)
{
	const struct level *l = m->l;

	m->group[k] = group;
	for (uint32_t i = l->starts[k]; i < l->starts[k + 1]; i++)
		if (m->group[l->targets[i]] != group)
			enqueue(m, l->targets[i]);
}

static void look_at(struct moves *m, uint32_t k)
{
	uint32_t own = m->group[k], best;

	touch_neighbours(m, k);
	m->total[own] -= m->degree[k];
	best = best_group(m, k);
	m->total[best] += m->degree[k];
	while (m->n_touched > 0)
		m->to[m->touched[--m->n_touched]] = 0;
	if (best != own)
		leave_for(m, k, best);
}

static int move_all(struct moves *m, const bool *stop)
{
	uint64_t left = (uint64_t)m->l->n * LOOKS_MAX;

	while (m->n_queued > 0 && left-- > 0) {
		if (graph_stopped(stop))
			return -ECANCELED;
		look_at(m, dequeue(m));
	}
	return 0;
}

/* Numbers groups by their first node; returns how many there are. `names` are zeros before. */
static uint32_t number_groups(struct moves *m, uint32_t *names)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < m->l->n; k++) {
		uint32_t *name = &names[m->group[k]];

		if (!*name)
			*name = ++n;
		m->group[k] = *name - 1;
	}
	return n;
}

/* 1: groups have become nodes of *l. 0: no node has moved. */
static int rise(const struct graph_csr *g, struct level *l, uint32_t *of)
{
	_cleanup_free_ uint32_t *groups = NULL;
	struct moves m = { 0 };
	struct level next = { 0 };
	int r = moves_init(&m, l);
	uint32_t n = 0;

	if (r >= 0)
		r = move_all(&m, g->stop);
	if (r >= 0) {
		n = number_groups(&m, m.to);
		groups = steal_ptr(&m.group);
	}
	moves_done(&m);
	if (r >= 0)
		r = n < l->n ? level_merge(l, groups, n, &next) : 0;
	if (r <= 0)
		return r;
	for (uint32_t k = 0; k < g->n; k++)
		of[k] = groups[of[k]];
	level_done(l);
	*l = next;
	return 1;
}

static double modularity(const struct level *l)
{
	double ends = 0, sum = 0;

	for (uint32_t k = 0; k < l->n; k++)
		ends += level_degree(l, k);
	for (uint32_t k = 0; k < l->n && ends > 0; k++) {
		double share = level_degree(l, k) / ends;

		sum += level_inner(l, k) / ends - share * share;
	}
	return sum;
}

int graph_communities(const struct graph_csr *g, struct graph_groups *ret_s, double *ret_modularity)
{
	_cleanup_free_ uint32_t *of = malloc(((size_t)g->n + 1) * sizeof(*of));
	_cleanup_level_ struct level l = { 0 };
	int r = of ? level_of_csr(g, &l) : -ENOMEM;

	for (uint32_t k = 0; r >= 0 && k < g->n; k++)
		of[k] = k;
	while (r >= 0 && (r = rise(g, &l, of)) > 0)
		;
	if (r >= 0)
		r = groups_of_labels(steal_ptr(&of), g->n, ret_s);
	if (r >= 0 && ret_modularity)
		*ret_modularity = modularity(&l);
	return r;
}
