/* SPDX-License-Identifier: MIT */
/* Paths, against the least one by the weights of all pairs (Floyd-Warshall): its next file is the least one
 * from which so much is left as must be. */
#include "graph_box.h"

#define NO_WAY (UINT64_MAX / 4)

static uint32_t weights[BOX_VERBS];

struct pairs {
	uint64_t left[BOX_NODES][BOX_NODES];
	struct graph_edge link[BOX_NODES][BOX_NODES]; /* the one to take */
	uint64_t cost[BOX_NODES][BOX_NODES];
};

static uint32_t weigh(void *context, uint32_t verb)
{
	const uint32_t *w = context;

	return w[verb];
}

static uint32_t cost_of(const struct graph_way *way, uint32_t verb)
{
	if (!box_takes(&way->filter, verb))
		return 0;
	return way->weight ? weights[verb] : 1;
}

static void note_link(struct pairs *p, const struct graph_way *way, const struct graph_edge *e, bool against)
{
	uint32_t from = box_number(against ? e->to : e->from), to = box_number(against ? e->from : e->to);
	uint32_t cost = cost_of(way, e->verb);
	const struct graph_edge *have = &p->link[from][to];

	if (!cost || p->cost[from][to] < cost)
		return;
	if (p->cost[from][to] == cost && (have->verb < e->verb || (have->verb == e->verb && against)))
		return;
	p->cost[from][to] = p->left[from][to] = cost;
	p->link[from][to] = *e;
}

static void fill(const struct graph_box *b, const struct graph_way *way, struct pairs *p)
{
	for (uint32_t i = 0; i < BOX_NODES; i++)
		for (uint32_t k = 0; k < BOX_NODES; k++)
			p->left[i][k] = p->cost[i][k] = NO_WAY;
	for (size_t i = 0; i < b->n_links; i++) {
		const struct graph_edge *e = &b->links[i];

		if (e->from == e->to || box_denies(b, e->from) || box_denies(b, e->to))
			continue;
		if (way->filter.direction & GRAPH_OUT)
			note_link(p, way, e, false);
		if (way->filter.direction & GRAPH_IN)
			note_link(p, way, e, true);
	}
	for (uint32_t i = 0; i < BOX_NODES; i++)
		p->left[i][i] = 0;
	for (uint32_t m = 0; m < BOX_NODES; m++)
		for (uint32_t i = 0; i < BOX_NODES; i++)
			for (uint32_t k = 0; k < BOX_NODES; k++)
				p->left[i][k] = MIN(p->left[i][k], p->left[i][m] + p->left[m][k]);
}

/* By inode; UINT32_MAX: there is none. */
static uint32_t next_of(const struct pairs *p, uint32_t at, uint32_t to)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t k = 0; k < BOX_NODES; k++)
		if (p->cost[at][k] < NO_WAY && p->cost[at][k] + p->left[k][to] == p->left[at][to] &&
		    (best == UINT32_MAX || box_ino(k) < box_ino(best)))
			best = k;
	return best;
}

static void compare(const struct graph_path *found, const struct pairs *p, const struct graph_way *way)
{
	uint32_t at = box_number(way->from), to = box_number(way->to);

	CHECK_EQ(found->weight, p->left[at][to]);
	CHECK_EQ(found->steps[0].ino, way->from);
	for (size_t i = 1; i < found->n; i++) {
		uint32_t next = next_of(p, at, to);

		CHECK(next != UINT32_MAX);
		CHECK_EQ(found->steps[i].ino, box_ino(next));
		CHECK(box_order(&found->steps[i].by, &p->link[at][next]) == 0);
		at = next;
	}
	CHECK_EQ(at, to);
}

static void check_pair(struct graph_box *b, const struct graph_way *way, const struct pairs *p)
{
	_cleanup_graph_path_ struct graph_path found = { 0 };
	struct graph_source source = box_source(b);
	bool is = p->left[box_number(way->from)][box_number(way->to)] < NO_WAY && !box_denies(b, way->from) &&
		  !box_denies(b, way->to);
	int r;

	memset(b->asked_of, 0, sizeof(b->asked_of));
	r = graph_path(&source, way, &found);
	CHECK_EQ(r, is);
	if (r > 0 && is)
		compare(&found, p, way);
	for (uint32_t k = 0; k < BOX_NODES; k++)
		CHECK(b->asked_of[k] <= 1);
}

static void test_random(unsigned seed, bool weighted)
{
	static struct graph_box b;
	static struct pairs p;
	uint32_t nodes, verbs[BOX_VERBS];
	struct graph_way way = { .weight = weighted ? weigh : NULL, .context = weights };

	srand(seed);
	nodes = 2 + box_below(BOX_NODES - 2);
	box_random(&b, nodes, nodes / 2 + box_below(3 * nodes), box_below(2) * (3 + box_below(6)));
	for (uint32_t v = 0; v < BOX_VERBS; v++)
		weights[v] = box_below(seed % 2 ? 4 : 1000);
	way.filter = box_filter(verbs);
	fill(&b, &way, &p);
	for (unsigned i = 0; i < 40; i++) {
		way.from = box_ino(box_below(nodes));
		way.to = box_ino(box_below(nodes));
		check_pair(&b, &way, &p);
	}
}

/* Of weights that are all the same: what a search without any finds. */
static void test_same(unsigned seed)
{
	static struct graph_box b;
	struct graph_source source = box_source(&b);

	srand(seed);
	box_random(&b, BOX_NODES, 2 * BOX_NODES, 9);
	for (uint32_t v = 0; v < BOX_VERBS; v++)
		weights[v] = UINT32_MAX;
	for (unsigned i = 0; i < 40; i++) {
		_cleanup_graph_path_ struct graph_path plain = { 0 }, weighted = { 0 };
		struct graph_way way = { .from = box_ino(box_below(BOX_NODES)),
					 .to = box_ino(box_below(BOX_NODES)),
					 .filter.direction = GRAPH_BOTH,
					 .context = weights };
		int r = graph_path(&source, &way, &plain);

		way.weight = weigh;
		CHECK_EQ(graph_path(&source, &way, &weighted), r);
		CHECK_EQ(weighted.n, plain.n);
		CHECK(weighted.weight == plain.weight * UINT32_MAX);
		for (size_t k = 0; k < MIN(plain.n, weighted.n); k++)
			CHECK_EQ(weighted.steps[k].ino, plain.steps[k].ino);
	}
}

/* The shortest way leads through 9, and a cheaper one is longer. */
static void build_detour(struct graph_box *b)
{
	*b = (struct graph_box){ 0 };
	box_link(b, 1, 9, 1);
	box_link(b, 9, 5, 1);
	box_link(b, 1, 2, 0);
	box_link(b, 2, 3, 0);
	box_link(b, 3, 5, 0);
	box_link(b, 5, 9, 1);
}

static void test_detour(void)
{
	_cleanup_graph_path_ struct graph_path plain = { 0 }, cheap = { 0 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 1, .to = 5, .filter.direction = GRAPH_BOTH, .context = weights };

	build_detour(&b);
	CHECK_EQ(graph_path(&source, &way, &plain), 1);
	CHECK_EQ(plain.n, 3);
	CHECK_EQ(plain.steps[2].by.from, 9);
	weights[0] = 1;
	weights[1] = 2;
	way.weight = weigh;
	CHECK_EQ(graph_path(&source, &way, &cheap), 1);
	CHECK_EQ(cheap.n, 4);
	CHECK_EQ(cheap.weight, 3);
}

static void test_ends(void)
{
	_cleanup_graph_path_ struct graph_path itself = { 0 };
	struct graph_path none = { .n = 77 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 4, .to = 4, .filter.direction = GRAPH_OUT };

	build_detour(&b);
	CHECK_EQ(graph_path(&source, &way, &itself), 1);
	CHECK_EQ(itself.n, 1);
	CHECK_EQ(itself.steps[0].ino, 4);
	CHECK_EQ(itself.weight, 0);
	way.to = 5;
	CHECK_EQ(graph_path(&source, &way, &none), 0);
	way.from = 5;
	way.to = 1;
	CHECK_EQ(graph_path(&source, &way, &none), 0);
	b.denied[b.n_denied++] = 4;
	way.from = way.to = 4;
	CHECK_EQ(graph_path(&source, &way, &none), 0);
	way.to = 0;
	CHECK_EQ(graph_path(&source, &way, &none), -EINVAL);
	way.to = 4;
	way.filter.direction = 4;
	CHECK_EQ(graph_path(&source, &way, &none), -EINVAL);
	CHECK_EQ(none.n, 77);
}

/* Two chains that meet after ten links, seen from both ends: 11 files and no budget for them. */
static void test_budget(bool weighted)
{
	struct graph_path none = { .n = 77 };
	static struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 1, .to = 11, .filter.direction = GRAPH_OUT, .budget = 10 };

	b = (struct graph_box){ 0 };
	for (uint64_t ino = 1; ino <= 10; ino++)
		box_link(&b, ino, ino + 1, 0);
	weights[0] = 7;
	way.weight = weighted ? weigh : NULL;
	way.context = weights;
	CHECK_EQ(graph_path(&source, &way, &none), -E2BIG);
	CHECK_EQ(none.n, 77);
	way.budget = 11;
	CHECK_EQ(graph_path(&source, &way, &none), 1);
	CHECK_EQ(none.n, 11);
	graph_path_done(&none);
}

/* A file that all others name is not walked for a path between two of them that are neighbours. */
static void test_hub(void)
{
	_cleanup_graph_path_ struct graph_path found = { 0 };
	static struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 2, .to = 60, .filter.direction = GRAPH_OUT };

	b = (struct graph_box){ 0 };
	for (uint64_t ino = 2; ino <= 60; ino++)
		box_link(&b, ino, 1, 0);
	box_link(&b, 2, 60, 0);
	CHECK_EQ(graph_path(&source, &way, &found), 1);
	CHECK_EQ(found.n, 2);
	CHECK_EQ(b.asked, 1);
}

/* Of 49 files at one end and one at the other, the one is walked. */
static void test_narrow_side(void)
{
	_cleanup_graph_path_ struct graph_path found = { 0 };
	static struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 1, .to = 53, .filter.direction = GRAPH_OUT };

	b = (struct graph_box){ 0 };
	for (uint64_t ino = 2; ino <= 50; ino++)
		box_link(&b, 1, ino, 0);
	for (uint64_t ino = 50; ino <= 52; ino++)
		box_link(&b, ino, ino + 1, 0);
	CHECK_EQ(graph_path(&source, &way, &found), 1);
	CHECK_EQ(found.n, 5);
	CHECK_EQ(b.asked, 4);
}

/* Links that are gone when the path that was found is read. */
static int forgetful_neighbours(void *context, uint64_t ino, enum graph_direction direction,
				graph_visit_neighbour visit, void *visitor)
{
	struct graph_box *b = context;

	return b->asked >= 3 ? 0 : box_neighbours(context, ino, direction, visit, visitor);
}

static void test_forgetful(void)
{
	struct graph_path none = { .n = 77 };
	struct graph_box b;
	struct graph_source source = box_source(&b);
	struct graph_way way = { .from = 1, .to = 3, .filter.direction = GRAPH_OUT, .weight = weigh };

	build_detour(&b);
	weights[0] = weights[1] = 1;
	way.context = weights;
	source.neighbours = forgetful_neighbours;
	CHECK_EQ(graph_path(&source, &way, &none), -EAGAIN);
	CHECK_EQ(none.n, 77);
}

int main(void)
{
	for (unsigned seed = 1; seed <= 300; seed++) {
		test_random(seed, false);
		test_random(1000 + seed, true);
	}
	for (unsigned seed = 1; seed <= 30; seed++)
		test_same(seed);
	test_detour();
	test_ends();
	test_budget(false);
	test_budget(true);
	test_hub();
	test_forgetful();
	test_narrow_side();
	return check_result();
}
