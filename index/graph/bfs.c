/* SPDX-License-Identifier: MIT */
/* One level after the other. All files of a level are met before any of them is shown to `sees`, since the
 * source is not to be asked from within its own walk; what is denied keeps its number, and is asked once. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/graph_impl.h"
#include "index/graph/numbers.h"

/* How a file was met first. */
struct meeting {
	uint32_t from; /* number */
	uint32_t verb;
	uint32_t links;
	enum graph_direction way;
};

struct bfs {
	const struct graph_source *source; /* borrowed */
	const struct graph_near *near;     /* borrowed */
	struct numbers nodes;
	struct meeting *met;               /* owned; by number */
	uint32_t met_cap;
	uint32_t *level;                   /* owned; numbers */
	uint32_t n_level, level_cap;
	uint32_t first_new;                /* numbers from here on are of the next level */
	uint32_t from;                     /* whose neighbours come */
	uint32_t distance;
	struct graph_relatives found;
};

void graph_relatives_done(struct graph_relatives *r)
{
	free(r->items);
	*r = (struct graph_relatives){ 0 };
}

static void done(struct bfs *b)
{
	numbers_done(&b->nodes);
	free(b->met);
	free(b->level);
	graph_relatives_done(&b->found);
}

/* 1: the budget is used up. */
static int note(struct bfs *b, uint64_t ino, uint32_t verb, enum graph_direction way)
{
	uint32_t number;
	int r = numbers_give(&b->nodes, ino, &number);

	if (r == -E2BIG) {
		b->found.cut = true;
		return 1;
	}
	if (r > 0) {
		r = numbers_fit(&b->met, &b->met_cap, b->nodes.n, sizeof(*b->met));
		if (r >= 0)
			b->met[number] = (struct meeting){ b->from, verb, 0, way };
	}
	if (r >= 0 && number >= b->first_new)
		b->met[number].links++;
	return r;
}

static int meet(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct bfs *b = visitor;

	return graph_filter_takes(&b->near->filter, verb) ? note(b, other, verb, way) : 0;
}

/* Keeps those of the new ones that are seen as the next level. */
static int take_level(struct bfs *b)
{
	int r = 0;

	b->n_level = 0;
	for (uint32_t k = b->first_new; k < b->nodes.n; k++) {
		r = graph_sees(b->source, b->nodes.inos[k]);
		if (r > 0)
			r = numbers_fit(&b->level, &b->level_cap, b->n_level + 1, sizeof(*b->level));
		else if (r == 0)
			continue;
		if (r < 0)
			return r;
		b->level[b->n_level++] = k;
	}
	b->first_new = b->nodes.n;
	return 0;
}

static int best_first(const void *left, const void *right, void *context)
{
	const struct bfs *b = context;
	uint32_t l = *(const uint32_t *)left, r = *(const uint32_t *)right;
	int c = (b->met[l].links < b->met[r].links) - (b->met[l].links > b->met[r].links);

	return c ? c : (b->nodes.inos[l] > b->nodes.inos[r]) - (b->nodes.inos[l] < b->nodes.inos[r]);
}

static struct graph_relative relative_of(const struct bfs *b, uint32_t number)
{
	const struct meeting *m = &b->met[number];
	uint64_t ino = b->nodes.inos[number];

	return (struct graph_relative){
		.ino = ino,
		.distance = b->distance,
		.links = m->links,
		.by = graph_edge_of(b->nodes.inos[m->from], ino, m->verb, m->way),
	};
}

static int add_results(struct bfs *b)
{
	size_t n = b->found.n + b->n_level, limit = b->near->limit;
	struct graph_relative *items;

	b->found.more = limit > 0 && n > limit;
	n = b->found.more ? limit : n;
	if (n == b->found.n)
		return 0;
	items = reallocarray(b->found.items, n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	b->found.items = items;
	qsort_r(b->level, b->n_level, sizeof(*b->level), best_first, b);
	for (uint32_t i = 0; b->found.n < n; i++)
		items[b->found.n++] = relative_of(b, b->level[i]);
	return 0;
}

static int expand(struct bfs *b)
{
	const struct graph_source *s = b->source;
	int r = 0;

	/* The order decides which of their links is shown. */
	numbers_sort(&b->nodes, b->level, b->n_level);
	for (uint32_t i = 0; r == 0 && i < b->n_level; i++) {
		b->from = b->level[i];
		r = s->neighbours(s->context, b->nodes.inos[b->from], b->near->filter.direction, meet, b);
	}
	b->distance++;
	return MIN(r, 0);
}

static int begin(struct bfs *b)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < b->near->n_starts; i++)
		r = b->near->starts[i] ? note(b, b->near->starts[i], 0, GRAPH_OUT) : -EINVAL;
	return r < 0 ? r : take_level(b);
}

static int walk(struct bfs *b)
{
	uint32_t depth = b->near->depth ? b->near->depth : 1;
	int r = begin(b);

	while (r >= 0 && b->distance < depth && b->n_level > 0 && !b->found.more && !b->found.cut) {
		r = expand(b);
		if (r >= 0)
			r = take_level(b);
		if (r >= 0)
			r = add_results(b);
	}
	return r;
}

int graph_related(const struct graph_source *source, const struct graph_near *near,
		  struct graph_relatives *ret_r)
{
	uint32_t budget = near->budget ? near->budget : GRAPH_BUDGET;
	struct bfs b = { .source = source, .near = near, .nodes.max = budget };
	int r = graph_filter_valid(&near->filter) ? walk(&b) : -EINVAL;

	if (r >= 0) {
		*ret_r = b.found;
		b.found = (struct graph_relatives){ 0 };
	}
	done(&b);
	return MIN(r, 0);
}
