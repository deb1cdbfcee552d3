/* SPDX-License-Identifier: MIT */
/* Graphs as a whole, and parts of random ones. */
#pragma once

#include "index/graph/whole.h"
#include "tests/unit/graph_box.h"

struct graph_whole {
	struct graph_box box;
	uint32_t verbs[BOX_VERBS];
	uint64_t inos[BOX_NODES];
	struct graph_part part;
};

static inline int whole_has(void *context, uint64_t ino)
{
	const struct graph_whole *w = context;

	CHECK(!w->box.busy);
	return ino % 3 != 0;
}

/* Is this file a node, if it has a link that counts? */
static inline bool whole_has_node(const struct graph_whole *w, uint64_t ino)
{
	bool named = w->part.inos == NULL;

	for (size_t i = 0; w->part.inos && i < w->part.n_inos; i++)
		named = named || w->part.inos[i] == ino;
	return named && !box_denies(&w->box, ino) && (!w->part.has || ino % 3 != 0);
}

static inline bool whole_counts(const struct graph_whole *w, const struct graph_edge *e)
{
	const struct graph_filter f = { w->part.verbs, w->part.n_verbs, GRAPH_OUT };

	return box_takes(&f, e->verb) && whole_has_node(w, e->from) && whole_has_node(w, e->to);
}

/* Of a random part; every other time of all. */
static inline void whole_random(struct graph_whole *w, unsigned seed, uint32_t nodes, uint32_t links)
{
	struct graph_filter f;

	srand(seed);
	*w = (struct graph_whole){ 0 };
	box_random(&w->box, nodes, links, box_below(2) * (3 + box_below(6)));
	f = box_filter(w->verbs);
	w->part = (struct graph_part){
		.verbs = w->verbs, .n_verbs = f.n_verbs, .context = w, .with_verbs = true
	};
	if (seed % 2)
		return;
	w->part.has = box_below(3) ? NULL : whole_has;
	if (box_below(3) == 0)
		return;
	w->part.inos = w->inos;
	while (w->part.n_inos < box_below(nodes) + 1)
		w->inos[w->part.n_inos++] = box_ino(box_below(nodes));
}

static inline struct graph_csr whole_build(struct graph_whole *w)
{
	struct graph_source source = box_source(&w->box);
	struct graph_csr g = { 0 };

	CHECK_EQ(graph_csr_build(&source, &w->part, &g), 0);
	for (uint32_t k = 0; k < BOX_NODES; k++)
		CHECK(w->box.asked_of[k] <= 1);
	return g;
}

/* Groups must be numbered by size, then by least node, and cover all. */
static inline void whole_check_numbers(const struct graph_groups *s, uint32_t n)
{
	uint32_t sizes[BOX_NODES] = { 0 }, first[BOX_NODES], all = 0;

	memset(first, 0xff, sizeof(first));
	for (uint32_t k = 0; k < n; k++) {
		CHECK(s->of[k] < s->n);
		first[s->of[k]] = MIN(first[s->of[k]], k);
		sizes[s->of[k]]++;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		CHECK_EQ(s->sizes[i], sizes[i]);
		CHECK(sizes[i] > 0);
		CHECK(i == 0 || sizes[i - 1] > sizes[i] ||
		      (sizes[i - 1] == sizes[i] && first[i - 1] < first[i]));
		all += s->sizes[i];
	}
	CHECK_EQ(all, n);
}
