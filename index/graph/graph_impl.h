/* SPDX-License-Identifier: MIT */
/* What the walks share. */
#pragma once

#include <errno.h>

#include "index/graph/graph.h"

static inline int graph_sees(const struct graph_source *s, uint64_t ino)
{
	return s->sees ? s->sees(s->context, ino) : 1;
}

static inline bool graph_takes(const uint32_t *verbs, size_t n, uint32_t verb)
{
	for (size_t i = 0; i < n; i++)
		if (verbs[i] == verb)
			return true;
	return n == 0;
}

static inline bool graph_filter_takes(const struct graph_filter *f, uint32_t verb)
{
	return graph_takes(f->verbs, f->n_verbs, verb);
}

static inline bool graph_filter_valid(const struct graph_filter *f)
{
	return f->direction >= GRAPH_OUT && f->direction <= GRAPH_BOTH;
}

static inline enum graph_direction graph_reverse(enum graph_direction d)
{
	return d == GRAPH_BOTH ? d : d == GRAPH_OUT ? GRAPH_IN : GRAPH_OUT;
}

/* The link between a file and one of its neighbours. */
static inline struct graph_edge graph_edge_of(uint64_t ino, uint64_t other, uint32_t verb,
					      enum graph_direction way)
{
	return way == GRAPH_OUT ? (struct graph_edge){ ino, other, verb }
				: (struct graph_edge){ other, ino, verb };
}

/* path.c and weighted.c: of a `way` that is valid, between two files that are seen and differ. */
int graph_path_plain(const struct graph_source *source, const struct graph_way *way,
		     struct graph_path *ret_p);
int graph_path_weighted(const struct graph_source *source, const struct graph_way *way,
			struct graph_path *ret_p);
