/* SPDX-License-Identifier: MIT */
#include "index/query/inverses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "catalog/verbs.h"
#include "index/graph/source.h"

/* A verb that no link has needs a number all the same, at least for its inverse: those of labels do not come
 * here. */
#define NUMBERS_FROM (UINT32_MAX - VERBS_MAX)

/* ---- what is asked for */

/* 1, 0: no link has it, -errno. */
static int find_verb(const struct inverses *v, const char *name, size_t len, uint32_t *ret_verb)
{
	int r = link_verb_find(v->s->x->config.catalog, name, len, ret_verb);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static bool asks_for(const char *names, const char *name)
{
	size_t wanted = strlen(name);

	for (const char *at = names;; at++) {
		size_t len = strcspn(at, ",");

		if (len == wanted && memcmp(at, name, len) == 0)
			return true;
		at += len;
		if (!*at)
			return false;
	}
}

/* Is one to be turned, or are both asked for anyway? */
static bool is_turned(const struct inverses *v, const char *names, const char *inverse)
{
	if (!asks_for(names, inverse))
		return true;
	return v->s->query->verb != QUERY_GRAPH && v->s->query->direction != GRAPH_BOTH;
}

/* Its place among those that are asked for; n_verbs: it is none. */
static size_t place_of(const struct inverses *v, const char *name, size_t len)
{
	size_t k = 0;

	while (k < v->n_verbs && (v->lengths[k] != len || memcmp(v->names[k], name, len) != 0))
		k++;
	return k;
}

static int add_verb(struct inverses *v, const char *names, const char *name, size_t len)
{
	const char *inverse = verb_inverse(name, len);
	uint32_t verb = NUMBERS_FROM + (uint32_t)v->n_verbs, other;
	int there, turned = 0;

	there = find_verb(v, name, len, &verb);
	if (there >= 0 && inverse && is_turned(v, names, inverse))
		turned = find_verb(v, inverse, strlen(inverse), &other);
	if (there < 0 || turned < 0)
		return MIN(there, turned);
	if (turned)
		v->turned[v->n_turned++] = (struct verb_pair){ other, verb };
	v->names[v->n_verbs] = name;
	v->lengths[v->n_verbs] = len;
	v->verbs[v->n_verbs++] = verb;
	return 0;
}

static int add_verbs(struct inverses *v, const char *names)
{
	for (const char *at = names; at;) {
		size_t len = strcspn(at, ",");
		int r = place_of(v, at, len) < v->n_verbs ? 0 : add_verb(v, names, at, len);

		if (r < 0)
			return r;
		at = at[len] ? at + len + 1 : NULL;
	}
	return 0;
}

/* Is a verb one of those that are asked for, or are all? */
static bool is_asked(const struct inverses *v, uint32_t verb)
{
	bool asked = v->n_verbs == 0;

	for (size_t k = 0; k < v->n_verbs && !asked; k++)
		asked = v->verbs[k] == verb;
	return asked;
}

/* Pairs of which links have both verbs, and of which the first one may be told. */
static int find_pairs(struct inverses *v)
{
	for (size_t k = 0; k < known_verbs_n; k++) {
		struct verb_pair p;
		int r = find_verb(v, known_verbs[k].name, strlen(known_verbs[k].name), &p.as);

		if (r > 0)
			r = find_verb(v, known_verbs[k].inverse, strlen(known_verbs[k].inverse), &p.verb);
		if (r < 0)
			return r;
		if (r && is_asked(v, p.as))
			v->twice[v->n_twice++] = p;
	}
	return 0;
}

int inverses_init(struct inverses *v, struct search *s, const char *names)
{
	int r;

	*v = (struct inverses){ .s = s, .inner = graph_source_of(s->x->config.catalog) };
	v->verbs = calloc(VERBS_MAX, sizeof(*v->verbs));
	v->turned = calloc(VERBS_MAX, sizeof(*v->turned));
	v->twice = calloc(known_verbs_n, sizeof(*v->twice));
	r = v->verbs && v->turned && v->twice ? add_verbs(v, names) : -ENOMEM;
	return r < 0 ? r : find_pairs(v);
}

void inverses_done(struct inverses *v)
{
	free(v->verbs);
	free(v->turned);
	free(v->twice);
}

int inverses_number(const struct inverses *v, const char *name, size_t len, uint32_t *ret_verb)
{
	size_t k = place_of(v, name, len);

	if (k == v->n_verbs)
		return find_verb(v, name, len, ret_verb);
	*ret_verb = v->verbs[k];
	return 1;
}

int inverses_name(const struct inverses *v, uint32_t verb, struct buf *out)
{
	for (size_t k = 0; k < v->n_verbs; k++)
		if (v->verbs[k] == verb)
			return buf_add(out, v->names[k], v->lengths[k]);
	return link_verb_name(v->s->x->config.catalog, verb, out);
}

/* ---- neighbours: the links of one other file are gathered, since those that are turned come in no order */

struct neighbour {
	uint64_t other;
	uint32_t verb;
	enum graph_direction way;
};

struct gathering {
	const struct inverses *v;
	enum graph_direction direction;
	graph_visit_neighbour visit;
	void *visitor;
	struct buf links; /* struct neighbour, all of one other file */
};

static int compare_neighbours(const void *left, const void *right)
{
	const struct neighbour *a = left, *b = right;

	if (a->verb != b->verb)
		return a->verb < b->verb ? -1 : 1;
	return (a->way > b->way) - (a->way < b->way);
}

/* Do both ends say it? Of a link without direction, that of the file whose neighbours they are is told. */
static bool is_said_twice(const struct gathering *g, const struct neighbour *links, size_t n, size_t k)
{
	for (size_t p = 0; p < g->v->n_twice; p++) {
		const struct verb_pair *pair = &g->v->twice[p];

		if (pair->verb != links[k].verb || (pair->as == pair->verb && links[k].way == GRAPH_OUT))
			continue;
		for (size_t j = 0; j < n; j++)
			if (links[j].verb == pair->as && links[j].way != links[k].way)
				return true;
	}
	return false;
}

static int tell(struct gathering *g)
{
	struct neighbour *links = (void *)g->links.data;
	size_t n = g->links.len / sizeof(*links);
	int r = 0;

	if (n > 1)
		qsort(links, n, sizeof(*links), compare_neighbours);
	for (size_t k = 0; r == 0 && k < n; k++)
		if ((k == 0 || compare_neighbours(&links[k - 1], &links[k]) != 0) &&
		    !(g->direction == GRAPH_BOTH && is_said_twice(g, links, n, k)))
			r = g->visit(g->visitor, links[k].other, links[k].verb, links[k].way);
	buf_reset(&g->links);
	return r;
}

static int gather(struct gathering *g, uint64_t other, uint32_t verb, enum graph_direction way)
{
	const struct neighbour n = { other, verb, way };

	return way & g->direction ? buf_add(&g->links, &n, sizeof(n)) : 0;
}

static int gather_both(void *context, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct gathering *g = context;
	const struct neighbour *first = (const void *)g->links.data;
	int r = g->links.len && first->other != other ? tell(g) : 0;

	if (r == 0)
		r = gather(g, other, verb, way);
	for (size_t k = 0; r == 0 && k < g->v->n_turned; k++)
		if (g->v->turned[k].verb == verb)
			r = gather(g, other, g->v->turned[k].as, way == GRAPH_OUT ? GRAPH_IN : GRAPH_OUT);
	return r;
}

int inverses_neighbours(struct inverses *v, uint64_t ino, enum graph_direction direction,
			graph_visit_neighbour visit, void *visitor)
{
	struct gathering g = { v, direction, visit, visitor, BUF_INIT };
	int r;

	if (!v->n_turned && !(v->n_twice && direction == GRAPH_BOTH))
		return v->inner.neighbours(v->inner.context, ino, direction, visit, visitor);
	r = v->inner.neighbours(v->inner.context, ino, GRAPH_BOTH, gather_both, &g);
	if (r == 0)
		r = tell(&g);
	buf_done(&g.links);
	return r;
}

/* ---- all links: first what is turned or would come twice, then everything in its order */

struct editing {
	const struct inverses *v;
	struct buf known;       /* struct graph_edge: links of pairs, as the first verb says them */
	struct buf turned;      /* struct graph_edge: links to be told beside those that are there */
	struct graph_edge last; /* that was told */
	size_t at;              /* the next of `turned` */
	graph_visit_edge visit;
	void *visitor;
};

static int compare_edges(const void *left, const void *right)
{
	const struct graph_edge *a = left, *b = right;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	return (a->verb > b->verb) - (a->verb < b->verb);
}

/* Only what the first verb says can make the other one needless. */
static int note_edge(void *context, uint64_t from, uint64_t to, uint32_t verb)
{
	const struct graph_edge there = { from, to, verb };
	struct editing *e = context;
	int r = 0;

	for (size_t k = 0; r >= 0 && k < e->v->n_turned; k++)
		if (e->v->turned[k].verb == verb)
			r = buf_add(&e->turned, &(struct graph_edge){ to, from, e->v->turned[k].as },
				    sizeof(there));
	for (size_t k = 0; r >= 0 && k < e->v->n_twice; k++)
		if (e->v->twice[k].as == verb)
			r = buf_add(&e->known, &there, sizeof(there));
	return MIN(r, 0);
}

static void sort(struct buf *edges)
{
	if (edges->len)
		qsort(edges->data, edges->len / sizeof(struct graph_edge), sizeof(struct graph_edge),
		      compare_edges);
}

static bool is_needless(const struct editing *e, const struct graph_edge *edge)
{
	for (size_t k = 0; k < e->v->n_twice; k++) {
		const struct verb_pair *p = &e->v->twice[k];
		const struct graph_edge first = { edge->to, edge->from, p->as };

		if (p->verb == edge->verb && (p->verb != p->as || edge->from > edge->to) && e->known.len &&
		    bsearch(&first, e->known.data, e->known.len / sizeof(first), sizeof(first),
			    compare_edges))
			return true;
	}
	return false;
}

static int tell_edge(struct editing *e, const struct graph_edge *edge)
{
	if (compare_edges(&e->last, edge) == 0)
		return 0;
	e->last = *edge;
	return e->visit(e->visitor, edge->from, edge->to, edge->verb);
}

/* Those that are turned and come before `edge`; all that are left before NULL. */
static int tell_turned(struct editing *e, const struct graph_edge *edge)
{
	const struct graph_edge *turned = (const void *)e->turned.data;
	size_t n = e->turned.len / sizeof(*turned);
	int r = 0;

	while (r == 0 && e->at < n && (!edge || compare_edges(&turned[e->at], edge) < 0))
		r = tell_edge(e, &turned[e->at++]);
	return r;
}

static int edit_edge(void *context, uint64_t from, uint64_t to, uint32_t verb)
{
	const struct graph_edge edge = { from, to, verb };
	struct editing *e = context;
	int r = tell_turned(e, &edge);

	return r || is_needless(e, &edge) ? r : tell_edge(e, &edge);
}

static void editing_done(struct editing *e)
{
	buf_done(&e->known);
	buf_done(&e->turned);
}

int inverses_edges(struct inverses *v, graph_visit_edge visit, void *visitor)
{
	_cleanup_(editing_done) struct editing e = { .v = v, .visit = visit, .visitor = visitor };
	int r;

	if (!v->n_turned && !v->n_twice)
		return v->inner.edges(v->inner.context, visit, visitor);
	r = v->inner.edges(v->inner.context, note_edge, &e);
	if (r)
		return r;
	sort(&e.known);
	sort(&e.turned);
	r = v->inner.edges(v->inner.context, edit_edge, &e);
	return r ? r : tell_turned(&e, NULL);
}
