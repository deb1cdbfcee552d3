/* SPDX-License-Identifier: MIT */
#include "index/graph/level.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/numbers.h"

void level_done(struct level *l)
{
	free(l->starts);
	free(l->targets);
	free(l->weights);
	free(l->inner);
	*l = (struct level){ 0 };
}

/* ---- of directed links */

typedef void (*visit_end)(struct level *l, uint32_t k, uint32_t other);

/* Calls for both ends of all links between two nodes. */
static void foreach_end(const struct graph_csr *g, struct level *l, visit_end visit)
{
	for (uint32_t k = 0; k < g->n; k++)
		for (uint32_t i = g->starts[k]; i < g->starts[k + 1]; i++)
			if (g->targets[i] != k) {
				visit(l, k, g->targets[i]);
				visit(l, g->targets[i], k);
			}
}

static void count_end(struct level *l, uint32_t k, uint32_t other)
{
	l->starts[k + 1]++;
}

/* Rows are filled from their ends: starts[k + 1], where row k ended, is where it starts when it is full. */
static void put_end(struct level *l, uint32_t k, uint32_t other)
{
	l->targets[--l->starts[k + 1]] = other;
}

int level_of_csr(const struct graph_csr *g, struct level *ret_l)
{
	_cleanup_level_ struct level l = { .n = g->n };

	l.starts = calloc((size_t)g->n + 2, sizeof(*l.starts));
	if (!l.starts)
		return -ENOMEM;
	foreach_end(g, &l, count_end);
	for (uint32_t k = 0; k < g->n; k++)
		l.starts[k + 1] += l.starts[k];
	l.targets = malloc(((size_t)l.starts[g->n] + 1) * sizeof(*l.targets));
	if (!l.targets)
		return -ENOMEM;
	l.starts[g->n + 1] = l.starts[g->n];
	foreach_end(g, &l, put_end);
	for (uint32_t k = 0; k <= g->n; k++)
		l.starts[k] = l.starts[k + 1];
	*ret_l = l;
	l = (struct level){ 0 };
	return 0;
}

/* ---- of groups */

struct merge {
	const struct level *l;  /* borrowed */
	const uint32_t *groups; /* borrowed */
	uint32_t *first;        /* owned, as all of these; where a group's nodes begin in `nodes`; n + 1 */
	uint32_t *nodes;        /* by group */
	uint32_t *to;           /* links from the group at hand; by group, else 0 */
	uint32_t *touched;      /* groups whose `to` is not 0 */
	uint32_t n_touched;
	struct level next;
	uint32_t n_targets, targets_cap, weights_cap;
};

static void merge_done(struct merge *m)
{
	free(m->first);
	free(m->nodes);
	free(m->to);
	free(m->touched);
	level_done(&m->next);
}

static uint32_t *zeros(uint32_t n)
{
	return calloc((size_t)n + 2, sizeof(uint32_t));
}

static int merge_init(struct merge *m, uint32_t n)
{
	m->next.n = n;
	m->first = zeros(n);
	m->nodes = zeros(m->l->n);
	m->to = zeros(n);
	m->touched = zeros(n);
	m->next.starts = zeros(n);
	m->next.inner = zeros(n);
	return m->first && m->nodes && m->to && m->touched && m->next.starts && m->next.inner ? 0 : -ENOMEM;
}

/* By counting, from the end so that nodes ascend. */
static void gather_nodes(struct merge *m)
{
	for (uint32_t k = 0; k < m->l->n; k++)
		m->first[m->groups[k] + 1]++;
	for (uint32_t c = 0; c < m->next.n; c++)
		m->first[c + 1] += m->first[c];
	m->first[m->next.n + 1] = m->first[m->next.n];
	for (uint32_t k = m->l->n; k-- > 0;)
		m->nodes[--m->first[m->groups[k] + 1]] = k;
	for (uint32_t c = 0; c <= m->next.n; c++)
		m->first[c] = m->first[c + 1];
}

static void add_row_of(struct merge *m, uint32_t k)
{
	const struct level *l = m->l;

	for (uint32_t i = l->starts[k]; i < l->starts[k + 1]; i++) {
		uint32_t other = m->groups[l->targets[i]];

		if (other == m->groups[k]) {
			m->next.inner[other] += level_weight(l, i);
			continue;
		}
		if (!m->to[other])
			m->touched[m->n_touched++] = other;
		m->to[other] += level_weight(l, i);
	}
	m->next.inner[m->groups[k]] += level_inner(l, k);
}

static int put_row(struct merge *m)
{
	uint32_t n = m->n_targets + m->n_touched;
	int r = numbers_fit(&m->next.targets, &m->targets_cap, n, sizeof(*m->next.targets));

	if (r >= 0)
		r = numbers_fit(&m->next.weights, &m->weights_cap, n, sizeof(*m->next.weights));
	for (uint32_t i = 0; r >= 0 && i < m->n_touched; i++) {
		m->next.targets[m->n_targets] = m->touched[i];
		m->next.weights[m->n_targets++] = m->to[m->touched[i]];
		m->to[m->touched[i]] = 0;
	}
	m->n_touched = 0;
	return r;
}

static int merge(struct merge *m)
{
	/* There must be weights, or each would be taken for 1. */
	int r = numbers_fit(&m->next.weights, &m->weights_cap, 1, sizeof(*m->next.weights));

	gather_nodes(m);
	for (uint32_t c = 0; r >= 0 && c < m->next.n; c++) {
		for (uint32_t i = m->first[c]; i < m->first[c + 1]; i++)
			add_row_of(m, m->nodes[i]);
		r = put_row(m);
		m->next.starts[c + 1] = m->n_targets;
	}
	return r;
}

int level_merge(const struct level *l, const uint32_t *groups, uint32_t n, struct level *ret_l)
{
	struct merge m = { .l = l, .groups = groups };
	int r = merge_init(&m, n);

	if (r >= 0)
		r = merge(&m);
	if (r >= 0) {
		*ret_l = m.next;
		m.next = (struct level){ 0 };
		r = 1;
	}
	merge_done(&m);
	return r;
}
