/* SPDX-License-Identifier: MIT */
/* What a query that follows links needs: the graph as the one who asks sees it. Used as search.h. */
#pragma once

#include "index/graph/graph.h"
#include "index/query/inverses.h"

struct relations {
	struct search *s;            /* borrowed */
	struct inverses links;       /* of the verbs that are asked for */
	struct graph_source source;  /* without what the asker does not see */
};
/* *ret_r stays where it is. */
int relations_begin(struct search *s, struct relations *ret_r);
void relations_done(struct relations *r);
/* The file or folder of a path; `key` is what stands before it, with its sign ("to="). -EINVAL with a reason. */
int relations_find(struct search *s, const char *key, const char *path, uint64_t *ret_ino);

/* Before the viewer is given back: who is related, or on the way; into s->chosen, in order. */
int search_related(struct search *s);
int search_path(struct search *s);
/* Those that `to` names, if any. */
int search_name_files(struct search *s);
/* Before the viewer is given back: the files of filters that follow links, into s->members. Which links those are say the
 * query's verbs and direction, and its depth how many; RELATED_DEPTH where it says nothing. -EINVAL with a reason. */
#define RELATED_DEPTH 2u
int search_find_related(struct search *s);
/* In the place of search_rank(): of those, the ones that pass. */
int search_take_chosen(struct search *s, struct hits *ret_h);
/* In the place of search_rank() and search_format(), with the viewer. */
int search_graph(struct search *s, uint64_t *ret_total, struct buf *ret_bytes);
