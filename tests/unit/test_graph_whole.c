/* SPDX-License-Identifier: MIT */
/* Copies of graphs and what is counted over them, against the same by lists, closures and a dense matrix. */
#include <math.h>

#include "graph_whole.h"

/* ---- the copy */

static uint32_t count_nodes(const struct graph_whole *w, bool *is_node)
{
	const struct graph_edge *links = w->box.links;
	uint32_t n = 0;

	for (uint32_t k = 0; k < BOX_NODES; k++)
		is_node[k] = w->part.inos && whole_has_node(w, box_ino(k));
	for (size_t i = 0; i < w->box.n_links; i++)
		if (whole_counts(w, &links[i]))
			is_node[box_number(links[i].from)] = is_node[box_number(links[i].to)] = true;
	for (uint32_t k = 0; k < BOX_NODES; k++)
		n += is_node[k];
	return n;
}

static void check_copy(const struct graph_whole *w, const struct graph_csr *g)
{
	bool is_node[BOX_NODES];
	uint32_t at = 0, k = 0;

	CHECK_EQ(g->n, count_nodes(w, is_node));
	for (uint32_t i = 0; i < g->n; i++)
		CHECK(is_node[box_number(g->inos[i])] && (i == 0 || g->inos[i - 1] < g->inos[i]));
	CHECK_EQ(g->starts[0], 0);
	for (size_t i = 0; i < w->box.n_links; i++) {
		const struct graph_edge *e = &w->box.links[i];

		if (!whole_counts(w, e))
			continue;
		while (k < g->n && g->starts[k + 1] <= at)
			k++;
		CHECK(k < g->n);
		if (k >= g->n)
			return;
		CHECK_EQ(g->inos[k], e->from);
		CHECK_EQ(g->inos[g->targets[at]], e->to);
		CHECK_EQ(g->verbs[at], e->verb);
		at++;
	}
	CHECK_EQ(graph_csr_edges(g), at);
}

/* ---- groups */

typedef bool table[BOX_NODES][BOX_NODES];

static void close_links(const struct graph_csr *g, bool both_ways, table reaches)
{
	memset(reaches, 0, sizeof(table));
	for (uint32_t k = 0; k < g->n; k++) {
		reaches[k][k] = true;
		for (uint32_t i = g->starts[k]; i < g->starts[k + 1]; i++) {
			reaches[k][g->targets[i]] = true;
			reaches[g->targets[i]][k] = reaches[g->targets[i]][k] || both_ways;
		}
	}
	for (uint32_t m = 0; m < g->n; m++)
		for (uint32_t i = 0; i < g->n; i++)
			for (uint32_t k = 0; k < g->n; k++)
				reaches[i][k] = reaches[i][k] || (reaches[i][m] && reaches[m][k]);
}

static void check_components(const struct graph_csr *g, bool weak)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	static table reaches;

	CHECK_EQ(weak ? graph_components_weak(g, &s) : graph_components_strong(g, &s), 0);
	close_links(g, weak, reaches);
	for (uint32_t i = 0; i < g->n; i++)
		for (uint32_t k = 0; k < g->n; k++)
			CHECK_EQ(s.of[i] == s.of[k], reaches[i][k] && reaches[k][i]);
	whole_check_numbers(&s, g->n);
}

/* ---- figures */

static void fill_matrix(const struct graph_csr *g, double m[BOX_NODES][BOX_NODES])
{
	for (uint32_t k = 0; k < g->n; k++) {
		uint32_t links = g->starts[k + 1] - g->starts[k];

		for (uint32_t to = 0; to < g->n; to++)
			m[k][to] = links ? 0 : 1.0 / g->n;
		for (uint32_t i = g->starts[k]; i < g->starts[k + 1]; i++)
			m[k][g->targets[i]] += 1.0 / links;
		for (uint32_t to = 0; to < g->n; to++)
			m[k][to] = 0.85 * m[k][to] + 0.15 / g->n;
	}
}

static void iterate(const struct graph_csr *g, double m[BOX_NODES][BOX_NODES], double *ranks)
{
	double next[BOX_NODES];

	for (uint32_t k = 0; k < g->n; k++)
		ranks[k] = 1.0 / g->n;
	for (unsigned round = 0; round < 300; round++) {
		memset(next, 0, sizeof(next));
		for (uint32_t k = 0; k < g->n; k++)
			for (uint32_t to = 0; to < g->n; to++)
				next[to] += ranks[k] * m[k][to];
		memcpy(ranks, next, sizeof(next));
	}
}

static void check_pagerank(const struct graph_csr *g)
{
	static double m[BOX_NODES][BOX_NODES], want[BOX_NODES];
	_cleanup_free_ double *ranks = NULL;
	double sum = 0;
	int rounds = graph_pagerank(g, &ranks);

	CHECK(rounds >= 0 && rounds <= (int)GRAPH_PAGERANK_ROUNDS);
	fill_matrix(g, m);
	iterate(g, m, want);
	for (uint32_t k = 0; k < g->n; k++) {
		CHECK(fabs(ranks[k] - want[k]) < 1e-6);
		CHECK(rounds == (int)GRAPH_PAGERANK_ROUNDS || fabs(ranks[k] - want[k]) < 1e-8);
		sum += ranks[k];
	}
	CHECK(g->n == 0 || fabs(sum - 1) < 1e-9);
}

static void check_degrees(const struct graph_whole *w, const struct graph_csr *g)
{
	_cleanup_free_ struct graph_degree *degrees = NULL;

	CHECK_EQ(graph_degrees(g, &degrees), 0);
	for (uint32_t k = 0; k < g->n; k++) {
		uint32_t out = 0, in = 0;

		for (size_t i = 0; i < w->box.n_links; i++) {
			out += whole_counts(w, &w->box.links[i]) && w->box.links[i].from == g->inos[k];
			in += whole_counts(w, &w->box.links[i]) && w->box.links[i].to == g->inos[k];
		}
		CHECK_EQ(degrees[k].out, out);
		CHECK_EQ(degrees[k].in, in);
	}
}

static void test_random(unsigned seed)
{
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_whole w;
	uint32_t nodes;

	srand(seed);
	nodes = 2 + box_below(BOX_NODES - 2);
	whole_random(&w, seed, nodes, box_below(4 * nodes));
	g = whole_build(&w);
	check_copy(&w, &g);
	check_components(&g, true);
	check_components(&g, false);
	check_pagerank(&g);
	check_degrees(&w, &g);
}

/* ---- by hand */

/* Links of a file may come in any order. */
static int mixed_edges(void *context, graph_visit_edge visit, void *visitor)
{
	static const struct graph_edge links[] = {
		{ 2, 9, 1 }, { 2, 3, 7 }, { 2, 9, 0 }, { 2, 3, 0 }, { 5, 2, 0 }
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++)
		r = visit(visitor, links[i].from, links[i].to, links[i].verb);
	return r;
}

static void test_order(void)
{
	static const uint32_t targets[] = { 1, 1, 3, 3, 0 }, verbs[] = { 0, 7, 0, 1, 0 };
	const struct graph_source source = { .edges = mixed_edges };
	const struct graph_part with = { .with_verbs = true }, without = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 }, plain = { 0 };

	CHECK_EQ(graph_csr_build(&source, &with, &g), 0);
	CHECK_EQ(g.n, 4);
	CHECK_MEM(g.targets, graph_csr_edges(&g) * sizeof(*targets), targets, sizeof(targets));
	CHECK_MEM(g.verbs, graph_csr_edges(&g) * sizeof(*verbs), verbs, sizeof(verbs));
	CHECK_EQ(graph_csr_build(&source, &without, &plain), 0);
	CHECK_MEM(plain.targets, graph_csr_edges(&plain) * sizeof(*targets), targets, sizeof(targets));
	CHECK(!plain.verbs);
}

static int falling_edges(void *context, graph_visit_edge visit, void *visitor)
{
	int r = visit(visitor, 2, 1, 0);

	return r ? r : visit(visitor, 1, 2, 0);
}

static int failing_edges(void *context, graph_visit_edge visit, void *visitor)
{
	return -EIO;
}

static int zero_edges(void *context, graph_visit_edge visit, void *visitor)
{
	return visit(visitor, 1, 0, 0);
}

static int failing_has(void *context, uint64_t ino)
{
	return -EACCES;
}

static void test_errors(void)
{
	static const uint64_t inos[] = { 1, 0 };
	struct graph_source source = { .edges = falling_edges };
	struct graph_part part = { 0 };
	struct graph_csr g = { .n = 77 };

	CHECK_EQ(graph_csr_build(&source, &part, &g), -EBADMSG);
	source.edges = failing_edges;
	CHECK_EQ(graph_csr_build(&source, &part, &g), -EIO);
	source.edges = zero_edges;
	CHECK_EQ(graph_csr_build(&source, &part, &g), -EINVAL);
	source.edges = mixed_edges;
	part.edges_max = 4;
	CHECK_EQ(graph_csr_build(&source, &part, &g), -E2BIG);
	part.edges_max = 5;
	part.nodes_max = 3;
	CHECK_EQ(graph_csr_build(&source, &part, &g), -E2BIG);
	part.nodes_max = 4;
	part.has = failing_has;
	CHECK_EQ(graph_csr_build(&source, &part, &g), -EACCES);
	part = (struct graph_part){ .inos = inos, .n_inos = 2 };
	CHECK_EQ(graph_csr_build(&source, &part, &g), -EINVAL);
	CHECK_EQ(g.n, 77);
	part = (struct graph_part){ .edges_max = 5, .nodes_max = 4 };
	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	graph_csr_done(&g);
}

static int no_edges(void *context, graph_visit_edge visit, void *visitor)
{
	return 0;
}

static void test_empty(void)
{
	const struct graph_source source = { .edges = no_edges };
	const struct graph_part part = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };

	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	CHECK_EQ(g.n, 0);
	CHECK_EQ(graph_csr_edges(&g), 0);
	check_components(&g, true);
	check_components(&g, false);
	check_pagerank(&g);
}

/* One ring of so many that recursion would not do. */
#define RING 300000u

static int ring_edges(void *context, graph_visit_edge visit, void *visitor)
{
	int r = 0;

	for (uint64_t ino = 1; r == 0 && ino <= RING; ino++)
		r = visit(visitor, ino, ino % RING + 1, 0);
	return r;
}

static void test_ring(void)
{
	const struct graph_source source = { .edges = ring_edges };
	const struct graph_part part = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	_cleanup_free_ double *ranks = NULL;

	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	CHECK_EQ(g.n, RING);
	CHECK_EQ(graph_components_strong(&g, &s), 0);
	CHECK_EQ(s.n, 1);
	CHECK_EQ(graph_pagerank(&g, &ranks), 1);
	CHECK(fabs(ranks[RING - 1] * RING - 1) < 1e-9);
}

/* 1 names 5, which is met before 2, the least of its component: that comes first all the same. */
static void test_numbers(void)
{
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	static struct graph_box b;
	struct graph_source source = box_source(&b);
	const struct graph_part part = { 0 };

	b = (struct graph_box){ 0 };
	box_link(&b, 1, 5, 0);
	box_link(&b, 5, 2, 0);
	box_link(&b, 2, 5, 0);
	box_link(&b, 3, 4, 0);
	box_link(&b, 4, 3, 0);
	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	CHECK_EQ(graph_components_strong(&g, &s), 0);
	CHECK_EQ(s.n, 3);
	CHECK_EQ(s.of[1], 0);
	CHECK_EQ(s.of[2], 1);
	CHECK_EQ(s.of[0], 2);
}

/* Each is told to stop before it begins. */
static void test_stop(void)
{
	const struct graph_source source = { .edges = ring_edges };
	bool stop = false;
	const struct graph_part part = { .stop = &stop };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	struct graph_csr none = { .n = 77 };
	struct graph_groups s = { .n = 77 };
	double *ranks = NULL, modularity = 77;

	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	stop = true;
	CHECK_EQ(graph_csr_build(&source, &part, &none), -ECANCELED);
	CHECK_EQ(graph_components_strong(&g, &s), -ECANCELED);
	CHECK_EQ(graph_communities(&g, &s, &modularity), -ECANCELED);
	CHECK_EQ(graph_pagerank(&g, &ranks), -ECANCELED);
	CHECK(none.n == 77 && s.n == 77 && modularity == 77 && !ranks);
}

int main(void)
{
	for (unsigned seed = 1; seed <= 400; seed++)
		test_random(seed);
	test_order();
	test_errors();
	test_empty();
	test_ring();
	test_numbers();
	test_stop();
	return check_result();
}
