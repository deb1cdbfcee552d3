/* SPDX-License-Identifier: MIT */
/* Dijkstra's algorithm from both ends. `best` is the least weight of any way through a file that both sides
 * have labelled; nothing better can come once the least labels that wait on both sides add up to that.
 *
 * Then each path of that weight has a file whose labels of both sides add up to it: after the last one that
 * the front has settled for less than waits there comes one that the front has labelled, and no more is left
 * to `to` from it than waits at the back. From such files those before them on such a path are marked; with
 * the marks and the labels of the back, each link can be told to be on one or not, and the least path is read
 * off from the front. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/graph/graph_impl.h"
#include "index/graph/heap.h"
#include "index/graph/numbers.h"

enum side { FRONT, BACK };

struct mark {
	bool denied;
	bool on_path; /* some least path leads through it; its label of the front is right */
};

struct search {
	const struct graph_source *source; /* borrowed */
	const struct graph_way *way;       /* borrowed */
	struct numbers nodes;
	struct mark *marks;                /* owned; by number */
	uint32_t marks_cap;
	struct heap sides[2];
	uint64_t best;                     /* UINT64_MAX: the sides have not met */
	enum side side;                    /* that is walked */
	uint32_t from;                     /* whose neighbours come */
	uint32_t *waiting;                 /* owned; marked, and those before it are not yet */
	uint32_t n_waiting, waiting_cap;
	struct graph_path path;
	uint32_t steps_cap;
};

static void done(struct search *s)
{
	numbers_done(&s->nodes);
	free(s->marks);
	heap_done(&s->sides[FRONT]);
	heap_done(&s->sides[BACK]);
	free(s->waiting);
	graph_path_done(&s->path);
}

static uint64_t label_of(const struct search *s, enum side side, uint32_t number)
{
	return s->sides[side].keys[number].label;
}

/* UINT64_MAX unless both sides know it. */
static uint64_t through(const struct search *s, uint32_t number)
{
	uint64_t front = label_of(s, FRONT, number), back = label_of(s, BACK, number);

	return front == UINT64_MAX || back == UINT64_MAX ? UINT64_MAX : front + back;
}

static uint32_t weigh(const struct search *s, uint32_t verb)
{
	return graph_filter_takes(&s->way->filter, verb) ? s->way->weight(s->way->context, verb) : 0;
}

/* ---- the search */

static int add_node(struct search *s, uint64_t ino, uint32_t *ret_number)
{
	int r = numbers_give(&s->nodes, ino, ret_number);

	if (r <= 0)
		return r;
	r = numbers_fit(&s->marks, &s->marks_cap, s->nodes.n, sizeof(*s->marks));
	if (r >= 0)
		r = heap_reach(&s->sides[FRONT], s->nodes.n);
	if (r >= 0)
		r = heap_reach(&s->sides[BACK], s->nodes.n);
	if (r >= 0)
		s->marks[*ret_number] = (struct mark){ 0 };
	return r;
}

/* What the other side knows already is seen and waits from now on; what is new waits for admit(). */
static int relax(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct search *s = visitor;
	struct heap *h = &s->sides[s->side];
	uint32_t weight = weigh(s, verb), number;
	uint64_t label = h->keys[s->from].label + weight;
	int r = weight > 0 ? add_node(s, other, &number) : 0;

	if (weight == 0 || r < 0 || s->marks[number].denied || label >= h->keys[number].label)
		return r;
	h->keys[number].label = label;
	s->best = MIN(s->best, through(s, number));
	if (h->keys[number].place != HEAP_NOWHERE)
		heap_raise(h, number);
	else if (label_of(s, !s->side, number) != UINT64_MAX)
		return heap_add(h, number);
	return 0;
}

static int admit(struct search *s, uint32_t first)
{
	int r = 0;

	for (uint32_t k = first; r >= 0 && k < s->nodes.n; k++) {
		r = graph_sees(s->source, s->nodes.inos[k]);
		if (r == 0)
			s->marks[k].denied = true;
		else if (r > 0)
			r = heap_add(&s->sides[s->side], k);
	}
	return r;
}

static int walk(struct search *s, enum side side, graph_visit_neighbour visit, uint32_t number)
{
	const struct graph_source *source = s->source;
	enum graph_direction direction = s->way->filter.direction;

	s->side = side;
	s->from = number;
	direction = side == FRONT ? direction : graph_reverse(direction);
	return source->neighbours(source->context, s->nodes.inos[number], direction, visit, s);
}

static int settle(struct search *s, enum side side)
{
	uint32_t first = s->nodes.n;
	int r = walk(s, side, relax, heap_take(&s->sides[side]));

	return r < 0 ? r : admit(s, first);
}

static int begin(struct search *s, enum side side, uint64_t ino)
{
	uint32_t number;
	int r = add_node(s, ino, &number);

	if (r < 0)
		return r;
	s->sides[side].keys[number].label = 0;
	return heap_add(&s->sides[side], number);
}

static int search(struct search *s)
{
	const struct heap *front = &s->sides[FRONT], *back = &s->sides[BACK];
	int r = begin(s, FRONT, s->way->from);

	if (r >= 0)
		r = begin(s, BACK, s->way->to);
	while (r >= 0 && front->n > 0 && back->n > 0 && heap_least(front) + heap_least(back) < s->best)
		r = settle(s, front->n <= back->n ? FRONT : BACK);
	return r;
}

/* ---- the least of the paths */

static int mark(struct search *s, uint32_t number)
{
	int r = numbers_fit(&s->waiting, &s->waiting_cap, s->n_waiting + 1, sizeof(*s->waiting));

	if (r < 0 || s->marks[number].on_path)
		return r;
	s->marks[number].on_path = true;
	s->waiting[s->n_waiting++] = number;
	return 0;
}

static int mark_before(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct search *s = visitor;
	uint32_t weight = weigh(s, verb), number;

	if (weight == 0 || !numbers_find(&s->nodes, other, &number) || s->marks[number].denied)
		return 0;
	if (label_of(s, FRONT, number) == UINT64_MAX ||
	    label_of(s, FRONT, number) + weight != label_of(s, FRONT, s->from))
		return 0;
	return mark(s, number);
}

static int mark_paths(struct search *s)
{
	int r = 0;

	for (uint32_t k = 0; r >= 0 && k < s->nodes.n; k++)
		if (!s->marks[k].denied && through(s, k) == s->best)
			r = mark(s, k);
	while (r >= 0 && s->n_waiting > 0)
		r = walk(s, BACK, mark_before, s->waiting[--s->n_waiting]);
	return r;
}

static int add_step(struct search *s, uint64_t ino, struct graph_edge by)
{
	int r = numbers_fit(&s->path.steps, &s->steps_cap, (uint32_t)s->path.n + 1, sizeof(*s->path.steps));

	if (r < 0)
		return r;
	s->path.steps[s->path.n++] = (struct graph_step){ ino, by };
	return 0;
}

/* 1: this link is the next one. */
static int take_link(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct search *s = visitor;
	uint64_t weight = weigh(s, verb), label = s->path.weight + weight, back;
	uint32_t number;
	int r;

	if (weight == 0 || !numbers_find(&s->nodes, other, &number) || s->marks[number].denied)
		return 0;
	back = label_of(s, BACK, number);
	if (!(s->marks[number].on_path && label == label_of(s, FRONT, number)) &&
	    !(back != UINT64_MAX && label + back == s->best))
		return 0;
	r = add_step(s, other, graph_edge_of(s->nodes.inos[s->from], other, verb, way));
	if (r < 0)
		return r;
	s->path.weight = label;
	s->from = number;
	return 1;
}

static int read_path(struct search *s)
{
	uint32_t at = 0;
	int r = add_step(s, s->way->from, (struct graph_edge){ 0 });

	while (r >= 0 && s->path.steps[s->path.n - 1].ino != s->way->to) {
		r = walk(s, FRONT, take_link, at);
		if (r == 0)
			return -EAGAIN;
		at = s->from;
	}
	return r;
}

int graph_path_weighted(const struct graph_source *source, const struct graph_way *way,
			struct graph_path *ret_p)
{
	struct search s = { .source = source, .way = way, .nodes.max = way->budget, .best = UINT64_MAX };
	int r = search(&s);

	if (r >= 0 && s.best != UINT64_MAX) {
		r = mark_paths(&s);
		if (r >= 0)
			r = read_path(&s);
		if (r >= 0) {
			*ret_p = s.path;
			s.path = (struct graph_path){ 0 };
			r = 1;
		}
	}
	done(&s);
	return r;
}
