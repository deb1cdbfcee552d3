/* SPDX-License-Identifier: MIT */
/* Breadth first from both ends. Whole levels, so that at any time all files within so many links of an end
 * are known: the first level that meets the other side has met it on a shortest path.
 *
 * The least path in lexical order comes of the order of the walks. From the front, levels are walked in the
 * order in which they were met: neighbours ascend, so that numbers ascend with the least paths that lead to
 * them. From the back, levels are walked by inode, so that each file was met first from the least one that
 * follows it. Of all meetings then the one counts whose file of the front has the least number. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/graph_impl.h"
#include "index/graph/numbers.h"

enum side { FRONT, BACK, DENIED };

/* A link as the walk met it: from the file `from`, which is nearer to the end of its side. */
struct hop {
	uint32_t from; /* number; of an end, its own */
	uint32_t verb;
	bool against;  /* it points against the path */
	uint8_t side;
};

struct frontier {
	uint32_t *numbers; /* owned */
	uint32_t n, cap;
};

struct search {
	const struct graph_source *source; /* borrowed */
	const struct graph_way *way;       /* borrowed */
	struct numbers nodes;
	struct hop *hops;                  /* owned; by number */
	uint32_t hops_cap;
	struct frontier frontiers[2];
	enum side side;                    /* that is walked */
	uint32_t from;                     /* whose neighbours come */
	bool met;
	uint32_t front, back;              /* where: numbers; and by which link */
	struct hop bridge;
};

static void done(struct search *s)
{
	numbers_done(&s->nodes);
	free(s->hops);
	free(s->frontiers[FRONT].numbers);
	free(s->frontiers[BACK].numbers);
}

static int add_node(struct search *s, uint64_t ino, struct hop hop, uint32_t *ret_number)
{
	int r = numbers_give(&s->nodes, ino, ret_number);

	if (r <= 0)
		return r;
	r = numbers_fit(&s->hops, &s->hops_cap, s->nodes.n, sizeof(*s->hops));
	if (r >= 0)
		s->hops[*ret_number] = hop;
	return r < 0 ? r : 1;
}

/* 1: no better meeting can follow. Links come ascending, so that the first meeting of a file of the front is
 * the best one of all when the front is walked, and of that file when the back is. */
static int meet_sides(struct search *s, uint32_t other, struct hop hop)
{
	bool of_front = s->side == FRONT;
	uint32_t front = of_front ? s->from : other, back = of_front ? other : s->from;

	if (s->met && s->front == front && s->back == back && s->bridge.verb == hop.verb)
		s->bridge.against = s->bridge.against && hop.against;
	if (s->met && s->front <= front)
		return 0;
	s->met = true;
	s->front = front;
	s->back = back;
	s->bridge = hop;
	return of_front;
}

static int meet(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct search *s = visitor;
	struct hop hop = { s->from, verb, way == (s->side == FRONT ? GRAPH_IN : GRAPH_OUT),
			   (uint8_t)s->side };
	struct hop *known;
	uint32_t number;
	int r = graph_filter_takes(&s->way->filter, verb) ? add_node(s, other, hop, &number) : 1;

	if (r != 0)
		return MIN(r, 0);
	known = &s->hops[number];
	if (known->side == s->side) {
		/* Two links between the same files: rather the one that stands in the earlier one. */
		if (known->from == s->from && known->verb == verb)
			known->against = known->against && hop.against;
		return 0;
	}
	return known->side == DENIED ? 0 : meet_sides(s, number, hop);
}

/* Those from `first` on are the side's next level, as far as they are seen. */
static int take_level(struct search *s, uint32_t first)
{
	struct frontier *f = &s->frontiers[s->side];
	int r = 0;

	f->n = 0;
	for (uint32_t k = first; k < s->nodes.n; k++) {
		r = graph_sees(s->source, s->nodes.inos[k]);
		if (r == 0)
			s->hops[k].side = DENIED;
		else if (r > 0)
			r = numbers_fit(&f->numbers, &f->cap, f->n + 1, sizeof(*f->numbers));
		if (r < 0)
			return r;
		if (s->hops[k].side != DENIED)
			f->numbers[f->n++] = k;
	}
	if (s->side == BACK)
		numbers_sort(&s->nodes, f->numbers, f->n);
	return 0;
}

static int walk_level(struct search *s, enum side side)
{
	const struct graph_source *source = s->source;
	const struct frontier *f = &s->frontiers[side];
	enum graph_direction direction = s->way->filter.direction;
	uint32_t first = s->nodes.n;
	int r = 0;

	s->side = side;
	direction = side == FRONT ? direction : graph_reverse(direction);
	for (uint32_t i = 0; r == 0 && i < f->n; i++) {
		s->from = f->numbers[i];
		r = source->neighbours(source->context, s->nodes.inos[s->from], direction, meet, s);
	}
	return r < 0 || s->met ? MIN(r, 0) : take_level(s, first);
}

static int begin(struct search *s, enum side side, uint64_t ino)
{
	struct frontier *f = &s->frontiers[side];
	struct hop hop = { .from = s->nodes.n, .side = (uint8_t)side };
	uint32_t number;
	int r = add_node(s, ino, hop, &number);

	if (r >= 0)
		r = numbers_fit(&f->numbers, &f->cap, 1, sizeof(*f->numbers));
	if (r >= 0)
		f->numbers[f->n++] = number;
	return r;
}

static uint32_t length_from(const struct search *s, uint32_t number)
{
	uint32_t n = 1;

	for (; s->hops[number].from != number; number = s->hops[number].from)
		n++;
	return n;
}

static struct graph_step step_of(const struct search *s, uint32_t before, uint32_t number,
				 const struct hop *hop)
{
	uint64_t a = s->nodes.inos[before], b = s->nodes.inos[number];

	return (struct graph_step){ b, hop->against ? (struct graph_edge){ b, a, hop->verb }
						    : (struct graph_edge){ a, b, hop->verb } };
}

static int make_path(const struct search *s, struct graph_path *ret_p)
{
	uint32_t n_front = length_from(s, s->front), n_back = length_from(s, s->back);
	struct graph_step *steps = calloc((size_t)n_front + n_back, sizeof(*steps));
	uint32_t k = s->front;

	if (!steps)
		return -ENOMEM;
	for (uint32_t i = n_front - 1; i > 0; i--, k = s->hops[k].from)
		steps[i] = step_of(s, s->hops[k].from, k, &s->hops[k]);
	steps[0].ino = s->nodes.inos[k];
	steps[n_front] = step_of(s, s->front, s->back, &s->bridge);
	k = s->back;
	for (uint32_t i = 1; i < n_back; i++, k = s->hops[k].from)
		steps[n_front + i] = step_of(s, k, s->hops[k].from, &s->hops[k]);
	*ret_p = (struct graph_path){ steps, (size_t)n_front + n_back, (uint64_t)n_front + n_back - 1 };
	return 1;
}

int graph_path_plain(const struct graph_source *source, const struct graph_way *way, struct graph_path *ret_p)
{
	struct search s = { .source = source, .way = way, .nodes.max = way->budget };
	const struct frontier *f = &s.frontiers[FRONT], *b = &s.frontiers[BACK];
	int r = begin(&s, FRONT, way->from);

	if (r >= 0)
		r = begin(&s, BACK, way->to);
	while (r >= 0 && !s.met && f->n > 0 && b->n > 0)
		r = walk_level(&s, f->n <= b->n ? FRONT : BACK);
	if (r >= 0)
		r = s.met ? make_path(&s, ret_p) : 0;
	done(&s);
	return r;
}

/* ---- what both kinds of search begin with */

void graph_path_done(struct graph_path *p)
{
	free(p->steps);
	*p = (struct graph_path){ 0 };
}

static int path_to_itself(uint64_t ino, struct graph_path *ret_p)
{
	struct graph_step *steps = calloc(1, sizeof(*steps));

	if (!steps)
		return -ENOMEM;
	steps[0].ino = ino;
	*ret_p = (struct graph_path){ steps, 1, 0 };
	return 1;
}

int graph_path(const struct graph_source *source, const struct graph_way *way, struct graph_path *ret_p)
{
	struct graph_way w = *way;
	int r;

	if (!graph_filter_valid(&w.filter) || !w.from || !w.to)
		return -EINVAL;
	w.budget = w.budget ? w.budget : GRAPH_BUDGET;
	r = graph_sees(source, w.from);
	if (r > 0 && w.from == w.to)
		return path_to_itself(w.from, ret_p);
	if (r > 0)
		r = graph_sees(source, w.to);
	if (r <= 0)
		return r;
	return w.weight ? graph_path_weighted(source, &w, ret_p) : graph_path_plain(source, &w, ret_p);
}
