/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/groups.h"
#include "index/graph/whole.h"

/* ---- weak */

static uint32_t root_of(uint32_t *parents, uint32_t k)
{
	while (parents[k] != k)
		k = parents[k] = parents[parents[k]];
	return k;
}

static void join(uint32_t *parents, uint32_t a, uint32_t b)
{
	a = root_of(parents, a);
	b = root_of(parents, b);
	parents[MAX(a, b)] = MIN(a, b);
}

int graph_components_weak(const struct graph_csr *g, struct graph_groups *ret_s)
{
	uint32_t *parents = malloc(((size_t)g->n + 1) * sizeof(*parents));

	if (!parents)
		return -ENOMEM;
	for (uint32_t k = 0; k < g->n; k++)
		parents[k] = k;
	for (uint32_t k = 0; k < g->n; k++)
		for (uint32_t i = g->starts[k]; i < g->starts[k + 1]; i++)
			join(parents, k, g->targets[i]);
	for (uint32_t k = 0; k < g->n; k++)
		parents[k] = root_of(parents, k);
	return groups_of_labels(parents, g->n, ret_s);
}

/* ---- strong: Tarjan's search. A node is on the stack of the search from its first visit until all below it
 * are seen, and open until its component is. `low` is the earliest visit of an open node known to be
 * reachable; once closed, a node keeps the number of the first node of its component in `label`. */

#define NOT_YET UINT32_MAX

struct tarjan {
	const struct graph_csr *g; /* borrowed */
	uint32_t *visit;           /* owned, as all of these; when it was visited, by node */
	uint32_t *low;
	uint32_t *next;            /* which of its links is next */
	uint32_t *label;           /* NOT_YET: not closed */
	uint32_t *open;            /* a stack */
	uint32_t *stack;           /* of the search */
	uint32_t n_visited, n_open, n_stack;
};

static void tarjan_done(struct tarjan *t)
{
	free(t->visit);
	free(t->low);
	free(t->next);
	free(t->label);
	free(t->open);
	free(t->stack);
}

static int tarjan_init(struct tarjan *t, const struct graph_csr *g)
{
	uint32_t **arrays[] = { &t->visit, &t->low, &t->next, &t->label, &t->open, &t->stack };

	t->g = g;
	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		*arrays[i] = malloc(((size_t)g->n + 1) * sizeof(**arrays[i]));
		if (!*arrays[i])
			return -ENOMEM;
	}
	for (uint32_t k = 0; k < g->n; k++)
		t->visit[k] = t->label[k] = NOT_YET;
	return 0;
}

static void enter(struct tarjan *t, uint32_t k)
{
	t->visit[k] = t->low[k] = t->n_visited++;
	t->next[k] = t->g->starts[k];
	t->open[t->n_open++] = k;
	t->stack[t->n_stack++] = k;
}

static void leave(struct tarjan *t, uint32_t k)
{
	uint32_t closed;

	t->n_stack--;
	if (t->n_stack > 0) {
		uint32_t above = t->stack[t->n_stack - 1];

		t->low[above] = MIN(t->low[above], t->low[k]);
	}
	if (t->low[k] < t->visit[k])
		return;
	do {
		closed = t->open[--t->n_open];
		t->label[closed] = k;
	} while (closed != k);
}

static void search_from(struct tarjan *t, uint32_t start)
{
	enter(t, start);
	while (t->n_stack > 0) {
		uint32_t k = t->stack[t->n_stack - 1], other;

		if (t->next[k] == t->g->starts[k + 1]) {
			leave(t, k);
			continue;
		}
		other = t->g->targets[t->next[k]++];
		if (t->visit[other] == NOT_YET)
			enter(t, other);
		else if (t->label[other] == NOT_YET)
			t->low[k] = MIN(t->low[k], t->visit[other]);
	}
}

int graph_components_strong(const struct graph_csr *g, struct graph_groups *ret_s)
{
	struct tarjan t = { 0 };
	uint32_t *labels = NULL;
	int r = tarjan_init(&t, g);

	for (uint32_t k = 0; r >= 0 && k < g->n; k++)
		if (graph_stopped(g->stop))
			r = -ECANCELED;
		else if (t.visit[k] == NOT_YET)
			search_from(&t, k);
	if (r >= 0)
		labels = steal_ptr(&t.label);
	tarjan_done(&t);
	return r < 0 ? r : groups_of_labels(labels, g->n, ret_s);
}
