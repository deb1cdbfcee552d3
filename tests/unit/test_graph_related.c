/* SPDX-License-Identifier: MIT */
/* What lies near a file, against distances that are found by looking at all links again and again. */
#include "graph_box.h"

#define FAR_AWAY 1000u

struct plain {
	uint32_t distance[BOX_NODES];
	uint32_t links[BOX_NODES];
	struct graph_edge by[BOX_NODES];
};

static bool leads(const struct graph_box *b, const struct graph_near *near, const struct graph_edge *e,
		  uint64_t from, uint64_t to)
{
	bool out = e->from == from && e->to == to && near->filter.direction & GRAPH_OUT;
	bool in = e->to == from && e->from == to && near->filter.direction & GRAPH_IN;

	return (out || in) && box_takes(&near->filter, e->verb);
}

static void reach(struct graph_box *b, const struct graph_near *near, struct plain *p, uint32_t level,
		  uint32_t from, uint32_t to)
{
	uint64_t a = box_ino(from), z = box_ino(to);

	if (p->distance[from] != level - 1 || p->distance[to] < level || box_denies(b, z))
		return;
	for (uint32_t verb = 0; verb < BOX_VERBS; verb++)
		for (int way = 0; way < 2; way++) {
			struct graph_edge e = way == 0 ? (struct graph_edge){ a, z, verb }
						       : (struct graph_edge){ z, a, verb };

			if (!bsearch(&e, b->links, b->n_links, sizeof(e), box_order) ||
			    !(near->filter.direction & (way == 0 ? GRAPH_OUT : GRAPH_IN)) ||
			    !leads(b, near, &e, a, z))
				continue;
			if (p->links[to]++ == 0 || a < (p->by[to].from == z ? p->by[to].to : p->by[to].from))
				p->by[to] = e;
			p->distance[to] = level;
		}
}

static void find_plainly(struct graph_box *b, const struct graph_near *near, struct plain *p)
{
	*p = (struct plain){ 0 };
	for (uint32_t k = 0; k < BOX_NODES; k++)
		p->distance[k] = FAR_AWAY;
	for (size_t i = 0; i < near->n_starts; i++)
		if (!box_denies(b, near->starts[i]))
			p->distance[box_number(near->starts[i])] = 0;
	for (uint32_t level = 1; level <= (near->depth ? near->depth : 1); level++)
		for (uint32_t from = 0; from < BOX_NODES; from++)
			for (uint32_t to = 0; to < BOX_NODES; to++)
				reach(b, near, p, level, from, to);
}

static bool precedes(const struct graph_relative *a, const struct graph_relative *b)
{
	if (a->distance != b->distance)
		return a->distance < b->distance;
	return a->links != b->links ? a->links > b->links : a->ino < b->ino;
}

static void compare(const struct graph_relatives *found, const struct plain *p, size_t limit)
{
	size_t all = 0;

	for (uint32_t k = 0; k < BOX_NODES; k++)
		all += p->distance[k] > 0 && p->distance[k] < FAR_AWAY;
	CHECK_EQ(found->n, limit && limit < all ? limit : all);
	CHECK_EQ(found->more, limit && limit < all);
	CHECK(!found->cut);
	for (size_t i = 0; i < found->n; i++) {
		const struct graph_relative *f = &found->items[i];
		uint32_t k = box_number(f->ino);

		CHECK_EQ(f->distance, p->distance[k]);
		CHECK_EQ(f->links, p->links[k]);
		CHECK(box_order(&f->by, &p->by[k]) == 0);
		CHECK(i == 0 || precedes(f - 1, f));
	}
}

/* Those that the limit leaves out come after those that it leaves. */
static void check_limit(const struct graph_source *source, struct graph_near near,
			const struct graph_relatives *all)
{
	_cleanup_graph_relatives_ struct graph_relatives few = { 0 };

	near.limit = 1 + box_below(9);
	CHECK_EQ(graph_related(source, &near, &few), 0);
	CHECK_EQ(few.n, MIN(near.limit, all->n));
	for (size_t i = 0; i < few.n; i++)
		CHECK_EQ(few.items[i].ino, all->items[i].ino);
	CHECK_EQ(few.more, all->n > near.limit);
}

static void test_random(unsigned seed)
{
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	static struct graph_box b;
	uint32_t nodes, verbs[BOX_VERBS];
	uint64_t starts[3];
	struct graph_near near = { .starts = starts };
	struct graph_source source = box_source(&b);
	struct plain p;

	srand(seed);
	nodes = 2 + box_below(BOX_NODES - 2);
	box_random(&b, nodes, box_below(3 * nodes), box_below(2) * (2 + box_below(6)));
	near.n_starts = 1 + box_below(3);
	for (size_t i = 0; i < near.n_starts; i++)
		starts[i] = box_ino(box_below(nodes));
	near.filter = box_filter(verbs);
	near.depth = box_below(6);
	CHECK_EQ(graph_related(&source, &near, &found), 0);
	for (uint32_t k = 0; k < BOX_NODES; k++)
		CHECK(b.asked_of[k] <= 1);
	find_plainly(&b, &near, &p);
	compare(&found, &p, 0);
	check_limit(&source, near, &found);
}

/* 1 names 2, 3 and 4; 2 and 3 name 5 twice and once, 4 names 6 and 7. */
static void build_family(struct graph_box *b)
{
	*b = (struct graph_box){ 0 };
	box_link(b, 1, 2, 0);
	box_link(b, 1, 3, 0);
	box_link(b, 1, 4, 1);
	box_link(b, 2, 5, 0);
	box_link(b, 2, 5, 2);
	box_link(b, 3, 5, 0);
	box_link(b, 4, 6, 0);
	box_link(b, 4, 7, 0);
	box_link(b, 7, 1, 3);
	box_link(b, 2, 2, 0);
}

static void test_order(void)
{
	static const uint64_t starts[] = { 1 }, want[] = { 2, 3, 4, 5, 6, 7 };
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_near near = {
		.starts = starts, .n_starts = 1, .filter = { .direction = GRAPH_OUT }, .depth = 2
	};

	build_family(&b);
	CHECK_EQ(graph_related(&source, &near, &found), 0);
	CHECK_EQ(found.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < MIN(found.n, ARRAY_SIZE(want)); i++)
		CHECK_EQ(found.items[i].ino, want[i]);
	CHECK_EQ(found.items[3].links, 3);
	CHECK_EQ(found.items[3].by.from, 2);
	CHECK_EQ(found.items[3].by.verb, 0);
	CHECK_EQ(found.items[5].distance, 2);
}

/* Nobody is asked for the links of what lies at the last distance. */
static void test_calls(void)
{
	static const uint64_t starts[] = { 1, 1 };
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_near near = { .starts = starts, .n_starts = 2, .filter = { .direction = GRAPH_OUT } };

	build_family(&b);
	CHECK_EQ(graph_related(&source, &near, &found), 0);
	CHECK_EQ(found.n, 3);
	CHECK_EQ(b.asked, 1);
}

static void test_budget(void)
{
	static const uint64_t starts[] = { 1 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_near near = {
		.starts = starts, .n_starts = 1, .filter = { .direction = GRAPH_BOTH }, .depth = 9
	};

	build_family(&b);
	for (near.budget = 1; near.budget <= 7; near.budget++) {
		_cleanup_graph_relatives_ struct graph_relatives found = { 0 };

		CHECK_EQ(graph_related(&source, &near, &found), 0);
		CHECK_EQ(found.n, near.budget - 1);
		CHECK_EQ(found.cut, near.budget < 7);
	}
}

/* A start that is not seen leads nowhere, and looks like one without links. */
static void test_denied_start(void)
{
	static const uint64_t starts[] = { 1 };
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_near near = {
		.starts = starts, .n_starts = 1, .filter = { .direction = GRAPH_OUT }, .depth = 2
	};

	build_family(&b);
	b.denied[b.n_denied++] = 1;
	CHECK_EQ(graph_related(&source, &near, &found), 0);
	CHECK_EQ(found.n, 0);
	CHECK_EQ(b.asked, 0);
}

static int failing_neighbours(void *context, uint64_t ino, enum graph_direction direction,
			      graph_visit_neighbour visit, void *visitor)
{
	return -EIO;
}

static int failing_sees(void *context, uint64_t ino)
{
	return -EACCES;
}

static void test_errors(void)
{
	static const uint64_t starts[] = { 1, 0 };
	struct graph_relatives found = { .n = 77 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_near near = { .starts = starts, .n_starts = 2, .filter = { .direction = GRAPH_OUT } };

	build_family(&b);
	CHECK_EQ(graph_related(&source, &near, &found), -EINVAL);
	near.n_starts = 1;
	near.filter.direction = 0;
	CHECK_EQ(graph_related(&source, &near, &found), -EINVAL);
	near.filter.direction = GRAPH_IN;
	source.neighbours = failing_neighbours;
	CHECK_EQ(graph_related(&source, &near, &found), -EIO);
	source = box_source(&b);
	source.sees = failing_sees;
	CHECK_EQ(graph_related(&source, &near, &found), -EACCES);
	CHECK_EQ(found.n, 77);
	source.sees = NULL;
	CHECK_EQ(graph_related(&source, &near, &found), 0);
	CHECK_EQ(found.n, 1);
	graph_relatives_done(&found);
}

/* A file that names all others, and they it: the walk ends where the budget has no room for more of them. */
#define STAR 3000000u

static uint64_t visited;

static int star_neighbours(void *context, uint64_t ino, enum graph_direction direction,
			   graph_visit_neighbour visit, void *visitor)
{
	int r = ino == 1 ? 0 : visit(visitor, 1, 0, GRAPH_OUT);

	for (uint64_t other = 2; r == 0 && ino == 1 && other <= STAR; other++, visited++)
		r = visit(visitor, other, 0, GRAPH_OUT);
	return r;
}

static void test_star(void)
{
	static const uint64_t starts[] = { 1 };
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	const struct graph_source source = { .neighbours = star_neighbours };
	struct graph_near near = {
		.starts = starts, .n_starts = 1, .filter = { .direction = GRAPH_OUT }, .depth = 2, .limit = 20
	};

	CHECK_EQ(graph_related(&source, &near, &found), 0);
	CHECK_EQ(found.n, 20);
	CHECK_EQ(found.items[19].ino, 21);
	CHECK(found.cut && found.more);
	CHECK_EQ(visited, GRAPH_BUDGET);
}

int main(void)
{
	for (unsigned seed = 1; seed <= 400; seed++)
		test_random(seed);
	test_order();
	test_calls();
	test_budget();
	test_denied_start();
	test_errors();
	test_star();
	return check_result();
}
