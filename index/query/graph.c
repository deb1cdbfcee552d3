/* SPDX-License-Identifier: MIT */
/* `graph?`: the links among the files that a query finds, or among all, with what an operation says of each. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/formats.h"
#include "index/graph/whole.h"
#include "index/query/relations.h"

/* Larger ones are for programs of their own. */
#define EDGES_MAX (64u << 20)

struct drawing {
	struct search *s;
	struct relations rel;
	struct buf inos;          /* uint64_t: the files that were found, ascending */
	bool all;
	struct graph_csr csr;
	double *ranks;            /* owned, as all below */
	struct graph_groups groups;
	struct graph_degree *degrees;
};

static void drawing_done(struct drawing *g)
{
	relations_done(&g->rel);
	buf_done(&g->inos);
	graph_csr_done(&g->csr);
	graph_groups_done(&g->groups);
	free(g->ranks);
	free(g->degrees);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The documents that pass. */
static int collect_files(struct drawing *g)
{
	struct search *s = g->s;
	int r = 0;

	g->all = !s->parsed.n_filters && !s->parsed.n_phrases && !s->parsed.n_words && !s->query->in && s->scope->top == ROOT_INO;
	for (unsigned p = 0; !g->all && p < s->n_parts; p++)
		for (uint32_t d = 0; r >= 0 && d < s->parts[p].segment->n_docs; d++)
			if (s->parts[p].candidate[d])
				r = buf_add(&g->inos, &s->parts[p].segment->docs[d].ino, sizeof(uint64_t));
	if (g->inos.len)
		qsort(g->inos.data, g->inos.len / sizeof(uint64_t), sizeof(uint64_t), compare);
	return r;
}

static int build(struct drawing *g)
{
	static const uint64_t nobody;
	const struct graph_part part = {
		.verbs = g->rel.links.verbs, .n_verbs = g->rel.links.n_verbs,
		.inos = g->all ? NULL : g->inos.len ? (const void *)g->inos.data : &nobody,
		.n_inos = g->inos.len / sizeof(uint64_t), .edges_max = EDGES_MAX,
		.with_verbs = g->s->query->format != FORMAT_TSV,
	};

	return graph_csr_build(&g->rel.source, &part, &g->csr);
}

static int operate(struct drawing *g)
{
	switch (g->s->query->op) {
	case GRAPH_OP_COMPONENTS:
		return graph_components_weak(&g->csr, &g->groups);
	case GRAPH_OP_COMMUNITIES:
		return graph_communities(&g->csr, &g->groups, NULL);
	case GRAPH_OP_PAGERANK:
		return graph_pagerank(&g->csr, &g->ranks);
	case GRAPH_OP_DEGREE:
	case GRAPH_OP_NONE:
		break;
	}
	return graph_degrees(&g->csr, &g->degrees);
}

/* ---- the answer */

static int label(void *context, uint64_t ino, struct buf *out)
{
	struct search *s = ((struct drawing *)context)->s;
	int r = tree_path(s->x->config.catalog, ino, s->scope->top, 0, out);

	if (r == -ENOENT) /* elsewhere, or gone meanwhile */
		r = tree_path(s->x->config.catalog, ino, ROOT_INO, 0, out);
	return r == -ENOENT ? 0 : r;
}

static int verb(void *context, uint32_t number, struct buf *out)
{
	struct drawing *g = context;

	return inverses_name(&g->rel.links, number, out);
}

static int draw(struct drawing *g, enum graph_format format, struct buf *out)
{
	const struct graph_picture picture = {
		.g = &g->csr, .pageranks = g->ranks, .degrees = g->degrees,
		.components = g->s->query->op == GRAPH_OP_COMPONENTS ? g->groups.of : NULL,
		.communities = g->s->query->op == GRAPH_OP_COMMUNITIES ? g->groups.of : NULL,
		.label = label, .verb = verb, .context = g,
	};

	return graph_write(out, format, &picture);
}

static int add_value(const struct drawing *g, uint32_t node, struct buf *out)
{
	if (g->ranks)
		return buf_addf(out, "%.9g\t", g->ranks[node]);
	if (g->degrees)
		return buf_addf(out, "%u\t%u\t", g->degrees[node].in, g->degrees[node].out);
	return buf_addf(out, "%u\t", g->groups.of[node]);
}

struct place {
	double key;
	uint32_t node;
};

/* The most linked, or the highest rank, first; groups by their numbers, which begin with the largest. */
static double key_of(const struct drawing *g, uint32_t node)
{
	if (g->ranks)
		return -g->ranks[node];
	if (g->degrees)
		return -(double)g->degrees[node].in - g->degrees[node].out;
	return g->groups.of[node];
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

static int write_lines(struct drawing *g, struct buf *out)
{
	struct place *places = calloc((size_t)g->csr.n + 1, sizeof(*places));
	uint32_t n = MIN(g->csr.n, g->s->query->limit);
	int r = places ? 0 : -ENOMEM;

	for (uint32_t k = 0; places && k < g->csr.n; k++)
		places[k] = (struct place){ key_of(g, k), k };
	if (places)
		qsort(places, g->csr.n, sizeof(*places), compare_places);
	for (uint32_t k = 0; k < n && r >= 0; k++) {
		_cleanup_buf_ struct buf path = BUF_INIT;

		r = label(g, g->csr.inos[places[k].node], &path);
		if (r >= 0)
			r = add_value(g, places[k].node, out);
		if (r >= 0)
			r = search_add_escaped(out, path.data, path.len);
		if (r >= 0)
			r = buf_add_u8(out, '\n');
	}
	free(places);
	return r;
}

int search_graph(struct search *s, uint64_t *ret_total, struct buf *ret_bytes)
{
	_cleanup_(drawing_done) struct drawing g = { .s = s };
	int r = relations_begin(s, &g.rel);

	if (r >= 0)
		r = collect_files(&g);
	if (r >= 0)
		r = build(&g);
	if (r >= 0)
		r = operate(&g);
	if (r < 0)
		return r;
	*ret_total = g.csr.n;
	if (s->query->format == FORMAT_TSV)
		return write_lines(&g, ret_bytes);
	return draw(&g, s->query->format == FORMAT_DOT ? GRAPH_DOT : s->query->format == FORMAT_JSON ? GRAPH_JSON : GRAPH_GRAPHML,
		    ret_bytes);
}
