/* SPDX-License-Identifier: MIT */
/* A graph in a list of links, as a source; and random ones. It minds how it is asked: as graph.h says. */
#pragma once

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/graph.h"
#include "tests/unit/check.h"

#define BOX_NODES 64u
#define BOX_LINKS 512u
#define BOX_VERBS 4u
/* Inodes of random graphs are not all small. */
#define BOX_FAR (1ull << 40)

struct graph_box {
	struct graph_edge links[BOX_LINKS]; /* ascending by from, to, verb */
	size_t n_links;
	uint64_t denied[BOX_NODES];
	size_t n_denied;
	bool busy;         /* a callback runs */
	unsigned asked;    /* neighbours() */
	unsigned asked_of[BOX_NODES]; /* sees(), of random graphs */
};

static inline uint64_t box_ino(uint32_t k)
{
	return k % 5 == 4 ? BOX_FAR + k : k + 1;
}

static inline uint32_t box_number(uint64_t ino)
{
	return (uint32_t)(ino >= BOX_FAR ? ino - BOX_FAR : ino - 1);
}

static inline int box_order(const void *left, const void *right)
{
	const struct graph_edge *a = left, *b = right;
	int c = (a->from > b->from) - (a->from < b->from);

	c = c ? c : (a->to > b->to) - (a->to < b->to);
	return c ? c : (a->verb > b->verb) - (a->verb < b->verb);
}

static inline bool box_denies(const struct graph_box *b, uint64_t ino)
{
	for (size_t i = 0; i < b->n_denied; i++)
		if (b->denied[i] == ino)
			return true;
	return false;
}

static inline int box_sees(void *context, uint64_t ino)
{
	struct graph_box *b = context;

	CHECK(!b->busy);
	if (box_number(ino) < BOX_NODES)
		b->asked_of[box_number(ino)]++;
	return !box_denies(b, ino);
}

struct box_end {
	uint64_t other;
	uint32_t verb;
	enum graph_direction way;
};

static inline int box_end_order(const void *left, const void *right)
{
	const struct box_end *a = left, *b = right;
	int c = (a->other > b->other) - (a->other < b->other);

	c = c ? c : (a->verb > b->verb) - (a->verb < b->verb);
	return c ? c : (a->way > b->way) - (a->way < b->way);
}

static inline size_t box_ends(const struct graph_box *b, uint64_t ino, enum graph_direction direction,
			      struct box_end *ends)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_links; i++) {
		if (direction & GRAPH_OUT && b->links[i].from == ino)
			ends[n++] = (struct box_end){ b->links[i].to, b->links[i].verb, GRAPH_OUT };
		if (direction & GRAPH_IN && b->links[i].to == ino)
			ends[n++] = (struct box_end){ b->links[i].from, b->links[i].verb, GRAPH_IN };
	}
	qsort(ends, n, sizeof(*ends), box_end_order);
	return n;
}

static inline int box_neighbours(void *context, uint64_t ino, enum graph_direction direction,
				 graph_visit_neighbour visit, void *visitor)
{
	struct box_end ends[2 * BOX_LINKS];
	struct graph_box *b = context;
	size_t n = box_ends(b, ino, direction, ends);
	int r = 0;

	CHECK(!b->busy && !box_denies(b, ino));
	b->asked++;
	b->busy = true;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = visit(visitor, ends[i].other, ends[i].verb, ends[i].way);
	b->busy = false;
	return r;
}

static inline int box_edges(void *context, graph_visit_edge visit, void *visitor)
{
	struct graph_box *b = context;
	int r = 0;

	CHECK(!b->busy);
	b->busy = true;
	for (size_t i = 0; r == 0 && i < b->n_links; i++)
		r = visit(visitor, b->links[i].from, b->links[i].to, b->links[i].verb);
	b->busy = false;
	return r;
}

static inline struct graph_source box_source(struct graph_box *b)
{
	return (struct graph_source){ b, box_neighbours, box_edges, box_sees };
}

/* Links must be told apart by the caller. */
static inline void box_link(struct graph_box *b, uint64_t from, uint64_t to, uint32_t verb)
{
	b->links[b->n_links++] = (struct graph_edge){ from, to, verb };
	qsort(b->links, b->n_links, sizeof(*b->links), box_order);
}

static inline uint32_t box_below(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* Up to `nodes` nodes, of which one in `denied` is not seen (0: all are); each link once. */
static inline void box_random(struct graph_box *b, uint32_t nodes, uint32_t links, uint32_t denied)
{
	*b = (struct graph_box){ 0 };
	for (uint32_t i = 0; i < links; i++) {
		struct graph_edge e = { box_ino(box_below(nodes)), box_ino(box_below(nodes)),
					box_below(BOX_VERBS) };
		bool known = false;

		for (size_t k = 0; k < b->n_links; k++)
			known = known || box_order(&b->links[k], &e) == 0;
		if (!known)
			b->links[b->n_links++] = e;
	}
	qsort(b->links, b->n_links, sizeof(*b->links), box_order);
	for (uint32_t k = 0; denied && k < nodes; k++)
		if (box_below(denied) == 0)
			b->denied[b->n_denied++] = box_ino(k);
}

/* A random one; `verbs` must have room for BOX_VERBS. */
static inline struct graph_filter box_filter(uint32_t *verbs)
{
	struct graph_filter f = { verbs, 0, (enum graph_direction)(1 + box_below(3)) };

	for (uint32_t v = BOX_VERBS; rand() % 2 && v-- > 0;)
		if (rand() % 2)
			verbs[f.n_verbs++] = v;
	return f;
}

static inline bool box_takes(const struct graph_filter *f, uint32_t verb)
{
	for (size_t i = 0; i < f->n_verbs; i++)
		if (f->verbs[i] == verb)
			return true;
	return f->n_verbs == 0;
}
