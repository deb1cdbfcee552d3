/* SPDX-License-Identifier: MIT */
#include "index/query/relations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "catalog/verbs.h"
#include "index/query/why.h"
#include "index/viewers.h"

/* ---- the graph */

static int neighbours(void *context, uint64_t ino, enum graph_direction direction,
		      graph_visit_neighbour visit, void *visitor)
{
	struct relations *r = context;

	return inverses_neighbours(&r->links, ino, direction, visit, visitor);
}

static int edges(void *context, graph_visit_edge visit, void *visitor)
{
	struct relations *r = context;

	return inverses_edges(&r->links, visit, visitor);
}

static int sees(void *context, uint64_t ino)
{
	struct relations *r = context;
	int there = r->links.inner.sees(r->links.inner.context, ino);

	return there <= 0 || !r->s->viewer ? there : viewer_sees(r->s->viewer, ino);
}

int relations_begin(struct search *s, struct relations *ret_r)
{
	int r = inverses_init(&ret_r->links, s, s->query->verbs);

	if (r < 0) {
		relations_done(ret_r);
		return r;
	}
	ret_r->s = s;
	ret_r->source = (struct graph_source){ ret_r, neighbours, edges, sees };
	return 0;
}

void relations_done(struct relations *r)
{
	inverses_done(&r->links);
	*r = (struct relations){ 0 };
}

int relations_find(struct search *s, const char *key, const char *path, uint64_t *ret_ino)
{
	struct inode i;
	int r = search_walk(s, path, &i);

	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL)
		return query_why(s->ret_why, "%s%.200s: no such file below the folder that is asked", key,
				 path);
	if (r >= 0)
		*ret_ino = i.ino;
	return r;
}

/* ---- related */

static int find_starts(struct search *s, struct buf *inos)
{
	const char *at = s->query->to, *end = at + s->query->to_len;
	int r = 0;

	for (; at && at < end && r >= 0; at += strlen(at) + 1) {
		uint64_t ino;

		r = relations_find(s, "to=", at, &ino);
		if (r >= 0)
			r = buf_add(inos, &ino, sizeof(ino));
	}
	return r;
}

static int choose(struct search *s, uint64_t ino, double score)
{
	const struct search_choice c = { ino, score };

	return buf_add(&s->chosen, &c, sizeof(c));
}

static struct graph_near near_of(const struct relations *rel, const struct buf *starts, uint32_t depth)
{
	return (struct graph_near){
		.starts = (const void *)starts->data,
		.n_starts = starts->len / sizeof(uint64_t),
		.filter = { rel->links.verbs, rel->links.n_verbs,
			    (enum graph_direction)rel->s->query->direction },
		.depth = depth,
	};
}

int search_related(struct search *s)
{
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	_cleanup_(relations_done) struct relations rel = { 0 };
	_cleanup_buf_ struct buf starts = BUF_INIT;
	int r = relations_begin(s, &rel);

	if (r >= 0)
		r = find_starts(s, &starts);
	if (r >= 0) {
		const struct graph_near near = near_of(&rel, &starts, MAX(s->query->depth, 1u));

		r = graph_related(&rel.source, &near, &found);
	}
	for (size_t k = 0; r >= 0 && k < found.n; k++)
		r = choose(s, found.items[k].ino, 1.0 / found.items[k].distance);
	return r;
}

int search_name_files(struct search *s)
{
	_cleanup_buf_ struct buf named = BUF_INIT;
	int r = find_starts(s, &named);

	for (size_t k = 0; r >= 0 && k < named.len / sizeof(uint64_t); k++)
		r = choose(s, ((const uint64_t *)(const void *)named.data)[k], 0);
	return r;
}

/* ---- filters */

/* What links to a file is one step from it, whatever the query says of others. */
static int find_related(struct search *s, const struct relations *rel, const struct query_filter *f,
			struct ino_map *steps)
{
	bool link = f->kind == FILTER_LINK;
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	_cleanup_buf_ struct buf start = BUF_INIT;
	struct graph_near near;
	uint64_t ino;
	int r = relations_find(s, link ? "link:" : "related:", f->value, &ino);

	if (r >= 0)
		r = buf_add(&start, &ino, sizeof(ino));
	if (r < 0)
		return r;
	near = near_of(rel, &start, link ? 1 : s->query->depth ? s->query->depth : RELATED_DEPTH);
	if (link)
		near.filter.direction = GRAPH_IN;
	r = graph_related(&rel->source, &near, &found);
	if (r >= 0 && found.cut)
		return query_why(s->ret_why,
				 "%s%.200s: more than %u files are that near; a smaller depth is wanted",
				 link ? "link:" : "related:", f->value, GRAPH_BUDGET);
	for (size_t k = 0; r >= 0 && k < found.n; k++)
		r = ino_map_set(steps, found.items[k].ino, NULL, found.items[k].distance);
	return r;
}

int search_find_related(struct search *s)
{
	_cleanup_(relations_done) struct relations rel = { 0 };
	bool begun = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->parsed.n_filters; i++) {
		const struct query_filter *f = &s->parsed.filters[i];

		if (f->kind != FILTER_RELATED && f->kind != FILTER_LINK)
			continue;
		r = begun ? 0 : relations_begin(s, &rel);
		begun = begun || r >= 0;
		if (r >= 0)
			r = find_related(s, &rel, f, &s->members[i].steps);
	}
	return r;
}

/* ---- path */

#define WEIGHT_MAX 1000000u

struct weights {
	uint32_t verbs[2 * VERBS_MAX], weights[2 * VERBS_MAX];
	size_t n;
};

static uint32_t weight_of(void *context, uint32_t verb)
{
	const struct weights *w = context;

	for (size_t k = 0; k < w->n; k++)
		if (w->verbs[k] == verb)
			return w->weights[k];
	return 1;
}

/* One that no link has weighs nothing. */
static int add_weight(const struct relations *rel, struct weights *w, const char *verb, size_t len,
		      uint32_t weight)
{
	int r = inverses_number(&rel->links, verb, len, &w->verbs[w->n]);

	w->weights[w->n] = weight;
	w->n += r > 0;
	return MIN(r, 0);
}

/* Reads "VERB:N" at `at`. NULL: it is not there. */
static const char *read_weight(const char *at, size_t *ret_len, uint32_t *ret_weight)
{
	const char *colon = at + strcspn(at, ":,");
	char *end = NULL;
	unsigned long n =
		*colon == ':' && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;

	*ret_len = (size_t)(colon - at);
	*ret_weight = (uint32_t)n;
	return end && n <= WEIGHT_MAX && (!*end || *end == ',') && link_verb_is_good(at, *ret_len) ? end
												   : NULL;
}

/* A weight is also that of the verb's inverse, unless that has one: the first in the list counts. */
static int parse_weights(const struct relations *rel, const char *text, bool inverses, struct weights *w)
{
	for (const char *at = text; at && *at;) {
		const char *verb = at, *inverse;
		uint32_t weight;
		size_t len;
		int r = 0;

		at = read_weight(verb, &len, &weight);
		if (!at || w->n == ARRAY_SIZE(w->verbs))
			return query_why(rel->s->ret_why, "weights=%.100s: VERB:N,.. is wanted, N up to %u",
					 text, WEIGHT_MAX);
		inverse = inverses ? verb_inverse(verb, len) : NULL;
		if (inverses && inverse)
			r = add_weight(rel, w, inverse, strlen(inverse), weight);
		else if (!inverses)
			r = add_weight(rel, w, verb, len, weight);
		if (r < 0)
			return r;
		at += *at == ',';
	}
	return 0;
}

static int find_path(struct search *s, struct relations *rel, const struct graph_way *way)
{
	struct graph_path path = { 0 };
	int r = graph_path(&rel->source, way, &path);

	if (r == -E2BIG)
		r = query_why(s->ret_why, "no chain was found among the first %u files", GRAPH_BUDGET);
	for (size_t k = 0; r >= 0 && k < path.n; k++)
		r = choose(s, path.steps[k].ino, (double)k);
	graph_path_done(&path);
	return r;
}

int search_path(struct search *s)
{
	struct weights weights = { .n = 0 };
	struct graph_way way = { 0 };
	struct relations rel = { 0 };
	int r = relations_begin(s, &rel);

	if (r < 0)
		return r;
	r = relations_find(s, "from=", s->query->from, &way.from);
	if (r >= 0)
		r = relations_find(s, "to=", s->query->to, &way.to);
	if (r >= 0)
		r = parse_weights(&rel, s->query->weights, false, &weights);
	if (r >= 0)
		r = parse_weights(&rel, s->query->weights, true, &weights);
	way.filter = (struct graph_filter){ rel.links.verbs, rel.links.n_verbs,
					    (enum graph_direction)s->query->direction };
	if (s->query->weights) {
		way.weight = weight_of;
		way.context = &weights;
	}
	if (r >= 0)
		r = find_path(s, &rel, &way);
	relations_done(&rel);
	return r;
}

/* ---- hits */

/* 1: it passes the filters, and *ret_h is it. */
static int take(struct search *s, const struct search_choice *c, struct hit *ret_h)
{
	bool filters = !search_picks(s);
	struct search_part *part;
	struct inode i;
	uint32_t doc;
	int r;

	*ret_h = (struct hit){ .ino = c->ino, .score = c->score };
	part = search_document(s, c->ino, &doc);
	if (part) {
		ret_h->segment = part->segment;
		ret_h->doc = doc;
		return !filters || part->candidate[doc];
	}
	r = inode_get(s->x->config.catalog, c->ino, &i);
	if (r < 0 || !filters)
		return r == -ENOENT ? 0 : r < 0 ? r : 1;
	return S_ISREG(i.mode) && !s->parsed.n_phrases && !s->parsed.n_words ? search_filter_file(s, &i) : 0;
}

int search_take_chosen(struct search *s, struct hits *ret_h)
{
	const struct search_choice *chosen = (const void *)s->chosen.data;
	size_t n = s->chosen.len / sizeof(*chosen);
	bool all = s->query->verb == QUERY_PATH;

	ret_h->items = calloc(n + 1, sizeof(*ret_h->items));
	if (!ret_h->items)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		struct hit h;
		int r = take(s, &chosen[k], &h);

		if (r < 0)
			return r;
		if (!r)
			continue;
		if (ret_h->total++ >= s->query->offset && (all || ret_h->n < s->query->limit))
			ret_h->items[ret_h->n++] = h;
	}
	return 0;
}
