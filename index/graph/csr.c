/* SPDX-License-Identifier: MIT */
/* One walk gathers the links, their ends numbered in the order in which they come. Only then is asked who
 * sees what, since the source is not to be asked from within its own walk. What remains moves forward in its
 * arrays and is numbered anew, by inode: rows come ascending, so they keep their order. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/graph/graph_impl.h"
#include "index/graph/numbers.h"
#include "index/graph/whole.h"

#define DROPPED UINT32_MAX

struct row {
	uint32_t from;  /* number */
	uint32_t start;
};

struct gather {
	const struct graph_part *part; /* borrowed */
	uint32_t edges_max;
	struct numbers nodes;
	struct row *rows;              /* owned */
	uint32_t n_rows, rows_cap;
	uint32_t *targets;             /* owned; numbers */
	uint32_t targets_cap;
	uint32_t *verbs;               /* owned; NULL unless asked for */
	uint32_t verbs_cap;
	uint32_t n;                    /* links */
	uint64_t last_from;
	uint32_t *place;               /* owned; by number: its place by inode, or DROPPED */
	uint32_t n_kept;
};

void graph_csr_done(struct graph_csr *g)
{
	free(g->inos);
	free(g->starts);
	free(g->targets);
	free(g->verbs);
	*g = (struct graph_csr){ 0 };
}

static void done(struct gather *g)
{
	numbers_done(&g->nodes);
	free(g->rows);
	free(g->targets);
	free(g->verbs);
	free(g->place);
}

/* ---- gathering */

/* 0: it is none of those that were asked for. */
static int number_of(struct gather *g, uint64_t ino, uint32_t *ret_number)
{
	int r;

	if (g->part->inos)
		return numbers_find(&g->nodes, ino, ret_number);
	r = numbers_give(&g->nodes, ino, ret_number);
	return r < 0 ? r : 1;
}

static int add_link(struct gather *g, uint32_t to, uint32_t verb)
{
	int r = numbers_fit(&g->targets, &g->targets_cap, g->n + 1, sizeof(*g->targets));

	if (r >= 0 && g->part->with_verbs)
		r = numbers_fit(&g->verbs, &g->verbs_cap, g->n + 1, sizeof(*g->verbs));
	if (r < 0)
		return r;
	if (g->verbs)
		g->verbs[g->n] = verb;
	g->targets[g->n++] = to;
	return 0;
}

static int add_row(struct gather *g, uint32_t from)
{
	int r;

	if (g->n_rows > 0 && g->rows[g->n_rows - 1].from == from)
		return 0;
	r = numbers_fit(&g->rows, &g->rows_cap, g->n_rows + 1, sizeof(*g->rows));
	if (r >= 0)
		g->rows[g->n_rows++] = (struct row){ from, g->n };
	return r;
}

static int add_edge(void *visitor, uint64_t from, uint64_t to, uint32_t verb)
{
	struct gather *g = visitor;
	uint32_t a, b;
	int r;

	if (from < g->last_from)
		return -EBADMSG;
	if (graph_stopped(g->part->stop))
		return -ECANCELED;
	g->last_from = from;
	if (!graph_takes(g->part->verbs, g->part->n_verbs, verb))
		return 0;
	r = from && to ? number_of(g, from, &a) : -EINVAL;
	if (r > 0)
		r = number_of(g, to, &b);
	if (r <= 0)
		return r;
	if (g->n == g->edges_max)
		return -E2BIG;
	r = add_row(g, a);
	return r < 0 ? r : add_link(g, b, verb);
}

static int gather(struct gather *g, const struct graph_source *source)
{
	uint32_t number;
	int r = 0;

	for (size_t i = 0; r >= 0 && g->part->inos && i < g->part->n_inos; i++)
		r = g->part->inos[i] ? numbers_give(&g->nodes, g->part->inos[i], &number) : -EINVAL;
	return r < 0 ? r : source->edges(source->context, add_edge, g);
}

/* ---- leaving out */

static int is_node(const struct graph_source *source, const struct graph_part *part, uint64_t ino)
{
	int r = part->has ? part->has(part->context, ino) : 1;

	return r > 0 ? graph_sees(source, ino) : r;
}

/* Until they are ordered, those that stay have place 0. */
static int ask(struct gather *g, const struct graph_source *source)
{
	g->place = malloc(((size_t)g->nodes.n + 1) * sizeof(*g->place));
	if (!g->place)
		return -ENOMEM;
	for (uint32_t k = 0; k < g->nodes.n; k++) {
		int r = is_node(source, g->part, g->nodes.inos[k]);

		if (graph_stopped(g->part->stop))
			return -ECANCELED;
		if (r < 0)
			return r;
		g->place[k] = r ? 0 : DROPPED;
	}
	return 0;
}

static void leave_out_links(struct gather *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n_rows; i++) {
		uint32_t end = i + 1 < g->n_rows ? g->rows[i + 1].start : g->n, at = g->rows[i].start;

		g->rows[i].start = n;
		for (; g->place[g->rows[i].from] != DROPPED && at < end; at++) {
			if (g->place[g->targets[at]] == DROPPED)
				continue;
			g->targets[n] = g->targets[at];
			if (g->verbs)
				g->verbs[n] = g->verbs[at];
			n++;
		}
	}
	g->n = n;
}

static int leave_out_lonely(struct gather *g)
{
	_cleanup_free_ bool *linked = calloc((size_t)g->nodes.n + 1, sizeof(*linked));

	if (!linked)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_rows; i++) {
		uint32_t end = i + 1 < g->n_rows ? g->rows[i + 1].start : g->n;

		linked[g->rows[i].from] = linked[g->rows[i].from] || g->rows[i].start < end;
	}
	for (uint32_t i = 0; i < g->n; i++)
		linked[g->targets[i]] = true;
	for (uint32_t k = 0; k < g->nodes.n; k++)
		if (!linked[k])
			g->place[k] = DROPPED;
	return 0;
}

/* ---- ordering */

static int order_nodes(struct gather *g, struct graph_csr *csr)
{
	_cleanup_free_ uint32_t *order = malloc(((size_t)g->nodes.n + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t k = 0; k < g->nodes.n; k++)
		if (g->place[k] != DROPPED)
			order[csr->n++] = k;
	numbers_sort(&g->nodes, order, csr->n);
	csr->inos = malloc(((size_t)csr->n + 1) * sizeof(*csr->inos));
	if (!csr->inos)
		return -ENOMEM;
	for (uint32_t i = 0; i < csr->n; i++) {
		csr->inos[i] = g->nodes.inos[order[i]];
		g->place[order[i]] = i;
	}
	numbers_done(&g->nodes);
	return 0;
}

/* Rows without links come to nothing here: the start after one is the start of what follows. */
static int fill_starts(const struct gather *g, struct graph_csr *csr)
{
	uint32_t next = 0;

	csr->starts = malloc(((size_t)csr->n + 1) * sizeof(*csr->starts));
	if (!csr->starts)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_rows; i++) {
		uint32_t at = g->place[g->rows[i].from];

		for (; at != DROPPED && next <= at; next++)
			csr->starts[next] = g->rows[i].start;
	}
	while (next <= csr->n)
		csr->starts[next++] = g->n;
	return 0;
}

static int by_value(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static bool is_sorted(const uint32_t *targets, const uint32_t *verbs, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (targets[i] < targets[i - 1] ||
		    (verbs && targets[i] == targets[i - 1] && verbs[i] < verbs[i - 1]))
			return false;
	return true;
}

static int sort_row(uint32_t *targets, uint32_t *verbs, uint32_t n)
{
	_cleanup_free_ uint64_t *links = NULL;

	if (is_sorted(targets, verbs, n))
		return 0;
	links = malloc(n * sizeof(*links));
	if (!links)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		links[i] = (uint64_t)targets[i] << 32 | (verbs ? verbs[i] : 0);
	qsort(links, n, sizeof(*links), by_value);
	for (uint32_t i = 0; i < n; i++) {
		targets[i] = (uint32_t)(links[i] >> 32);
		if (verbs)
			verbs[i] = (uint32_t)links[i];
	}
	return 0;
}

static void give_back(uint32_t **items, uint32_t n)
{
	uint32_t *less = reallocarray(*items, (size_t)n + 1, sizeof(**items));

	*items = less ? less : *items;
}

static int take_links(struct gather *g, struct graph_csr *csr)
{
	int r = 0;

	for (uint32_t i = 0; i < g->n; i++)
		g->targets[i] = g->place[g->targets[i]];
	csr->targets = steal_ptr(&g->targets);
	csr->verbs = steal_ptr(&g->verbs);
	give_back(&csr->targets, g->n);
	if (csr->verbs)
		give_back(&csr->verbs, g->n);
	for (uint32_t k = 0; r >= 0 && k < csr->n; k++) {
		uint32_t start = csr->starts[k];

		r = sort_row(csr->targets + start, csr->verbs ? csr->verbs + start : NULL,
			     csr->starts[k + 1] - start);
	}
	return r;
}

static int make(struct gather *g, const struct graph_source *source, struct graph_csr *csr)
{
	int r = gather(g, source);

	if (r >= 0)
		r = ask(g, source);
	if (r < 0)
		return r;
	leave_out_links(g);
	r = g->part->inos ? 0 : leave_out_lonely(g);
	if (r >= 0)
		r = order_nodes(g, csr);
	if (r >= 0)
		r = fill_starts(g, csr);
	return r < 0 ? r : take_links(g, csr);
}

int graph_csr_build(const struct graph_source *source, const struct graph_part *part, struct graph_csr *ret_g)
{
	struct gather g = {
		.part = part,
		.nodes.max = part->nodes_max ? part->nodes_max : NUMBERS_MAX,
		.edges_max = part->edges_max ? MIN(part->edges_max, GRAPH_EDGES_MAX) : GRAPH_EDGES_MAX,
	};
	struct graph_csr csr = { .stop = part->stop };
	int r = make(&g, source, &csr);

	done(&g);
	if (r < 0) {
		graph_csr_done(&csr);
		return r;
	}
	*ret_g = csr;
	return 0;
}
