/* SPDX-License-Identifier: MIT */
#include "index/query/relations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "index/graph/source.h"
#include "index/query/why.h"
#include "index/viewers.h"

#define VERBS_MAX 64u

/* ---- the graph */

static int neighbours(void *context, uint64_t ino, enum graph_direction direction, graph_visit_neighbour visit, void *visitor)
{
	struct relations *r = context;

	return r->inner.neighbours(r->inner.context, ino, direction, visit, visitor);
}

static int edges(void *context, graph_visit_edge visit, void *visitor)
{
	struct relations *r = context;

	return r->inner.edges(r->inner.context, visit, visitor);
}

static int sees(void *context, uint64_t ino)
{
	struct relations *r = context;
	int there = r->inner.sees(r->inner.context, ino);

	return there <= 0 || !r->s->viewer ? there : viewer_sees(r->s->viewer, ino);
}

static int add_verb(struct relations *r, const char *name, size_t len)
{
	int e = link_verb_find(r->s->x->config.catalog, name, len, &r->verbs[r->n_verbs]);

	if (!link_verb_is_good(name, len))
		return query_why(r->s->ret_why, "verb=%.*s: letters, digits, _ and - are wanted", (int)MIN(len, (size_t)100), name);
	r->n_verbs += e >= 0;
	return e == -ENOENT ? 0 : e;
}

/* A verb that no link has is none. */
static int parse_verbs(struct relations *r)
{
	const char *at = r->s->query->verbs;

	if (!at)
		return 0;
	r->verbs = calloc(VERBS_MAX, sizeof(*r->verbs));
	if (!r->verbs)
		return -ENOMEM;
	for (;;) {
		size_t len = strcspn(at, ",");
		int e = r->n_verbs < VERBS_MAX ? add_verb(r, at, len) : -E2BIG;

		if (e < 0)
			return e;
		if (!at[len])
			break;
		at += len + 1;
	}
	r->none = r->n_verbs == 0;
	return 0;
}

int relations_begin(struct search *s, struct relations *ret_r)
{
	struct relations r = { .s = s, .inner = graph_source_of(s->x->config.catalog) };
	int e = parse_verbs(&r);

	if (e < 0) {
		relations_done(&r);
		return e;
	}
	*ret_r = r;
	ret_r->source = (struct graph_source){ ret_r, neighbours, edges, sees };
	return 0;
}

void relations_done(struct relations *r)
{
	free(r->verbs);
}

int relations_find(struct search *s, const char *key, const char *path, uint64_t *ret_ino)
{
	struct inode i;
	int r = search_walk(s, path, &i);

	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL)
		return query_why(s->ret_why, "%s%s: no such file below the folder that is asked", key, path);
	if (r >= 0)
		*ret_ino = i.ino;
	return r;
}

/* ---- related */

static int find_starts(struct search *s, struct buf *inos)
{
	const char *at = s->query->to, *end = at + s->query->to_len;
	int r = 0;

	for (; at < end && r >= 0; at += strlen(at) + 1) {
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
		.starts = (const void *)starts->data, .n_starts = starts->len / sizeof(uint64_t),
		.filter = { rel->verbs, rel->n_verbs, (enum graph_direction)rel->s->query->direction },
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
	if (r >= 0 && !rel.none) {
		const struct graph_near near = near_of(&rel, &starts, MAX(s->query->depth, 1u));

		r = graph_related(&rel.source, &near, &found);
	}
	for (size_t k = 0; r >= 0 && k < found.n; k++)
		r = choose(s, found.items[k].ino, 1.0 / found.items[k].distance);
	return r;
}

/* ---- filters */

/* What links to a file is one step from it, whatever the query says of others. */
static int find_related(struct search *s, const struct relations *rel, const struct query_filter *f, struct ino_map *steps)
{
	bool link = f->kind == FILTER_LINK;
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	_cleanup_buf_ struct buf start = BUF_INIT;
	struct graph_near near;
	uint64_t ino;
	int r = relations_find(s, link ? "link:" : "related:", f->value, &ino);

	if (r >= 0)
		r = buf_add(&start, &ino, sizeof(ino));
	if (r < 0 || rel->none)
		return r;
	near = near_of(rel, &start, link ? 1 : s->query->depth ? s->query->depth : RELATED_DEPTH);
	if (link)
		near.filter.direction = GRAPH_IN;
	r = graph_related(&rel->source, &near, &found);
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

struct weights {
	uint32_t verbs[VERBS_MAX], weights[VERBS_MAX];
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

/* VERB:N,..; links of weight 0 are not taken. */
static int parse_weights(struct search *s, struct weights *w)
{
	const char *at = s->query->weights;

	while (at && *at) {
		size_t len = strcspn(at, ":,");
		char *end = NULL;
		unsigned long n = at[len] == ':' ? strtoul(at + len + 1, &end, 10) : 0;
		int r;

		if (!end || end == at + len + 1 || (*end && *end != ',') || n > 1000000 || w->n == VERBS_MAX)
			return query_why(s->ret_why, "weights=%s: VERB:N,.. is wanted, N up to 1000000", s->query->weights);
		w->weights[w->n] = (uint32_t)n;
		r = link_verb_find(s->x->config.catalog, at, len, &w->verbs[w->n]);
		if (r < 0 && r != -ENOENT)
			return r;
		w->n += r >= 0;
		at = end + (*end == ',');
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
	struct relations rel;
	int r = relations_begin(s, &rel);

	if (r < 0)
		return r;
	r = relations_find(s, "from=", s->query->from, &way.from);
	if (r >= 0)
		r = relations_find(s, "to=", s->query->to, &way.to);
	if (r >= 0)
		r = parse_weights(s, &weights);
	way.filter = (struct graph_filter){ rel.verbs, rel.n_verbs, (enum graph_direction)s->query->direction };
	if (s->query->weights) {
		way.weight = weight_of;
		way.context = &weights;
	}
	if (r >= 0 && (!rel.none || way.from == way.to))
		r = find_path(s, &rel, &way);
	relations_done(&rel);
	return r;
}

/* ---- hits */

/* 1: it passes the filters, and *ret_h is it. */
static int take(struct search *s, const struct search_choice *c, struct hit *ret_h)
{
	bool filters = s->parsed.n_filters || s->parsed.n_phrases || s->parsed.n_words || s->query->in;
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
