/* SPDX-License-Identifier: MIT */
/* Links as a query sees them whose verbs have inverses (catalog/verbs.h): a source of links over another one.
 *
 * Who asks for a verb gets the links that are said by its inverse, too, turned round and called as they were
 * asked for, and each once, when both ends say it. Without verbs, links are as they are said; but where it
 * does not matter which way they point, and in the graph as a whole, one that both ends say counts once: as
 * the verb that the table names first says it, and without direction as the lower inode does.
 *
 * Used as search.h. */
#pragma once

#include "index/graph/graph.h"
#include "index/query/keys.h"
#include "index/query/search.h"

/* A link of `verb` is one of `as` from its other end. */
struct verb_pair {
	uint32_t verb, as;
};

struct inverses {
	struct search *s;             /* borrowed */
	struct graph_source inner;    /* links as they are said */
	uint32_t *verbs;              /* owned; VERBS_MAX: those that are asked for */
	const char *names[VERBS_MAX]; /* borrowed: how they are called, */
	size_t lengths[VERBS_MAX];    /* and how long that is */
	size_t n_verbs;               /* 0: all */
	struct verb_pair *turned;     /* owned; VERBS_MAX: of those that are asked for */
	struct verb_pair *twice;      /* owned; links have both verbs, and the second is asked for */
	size_t n_turned, n_twice;
};

/* `names`: as keys.h takes them, borrowed; NULL: all. */
int inverses_init(struct inverses *v, struct search *s, const char *names);
void inverses_done(struct inverses *v);
/* As those of a graph_source. */
int inverses_neighbours(struct inverses *v, uint64_t ino, enum graph_direction direction,
			graph_visit_neighbour visit, void *visitor);
int inverses_edges(struct inverses *v, graph_visit_edge visit, void *visitor);
/* The number by which they tell a verb. 1, 0: there is no such link, -errno. */
int inverses_number(const struct inverses *v, const char *name, size_t len, uint32_t *ret_verb);
/* Appends the name of a verb that they have told. */
int inverses_name(const struct inverses *v, uint32_t verb, struct buf *out);
