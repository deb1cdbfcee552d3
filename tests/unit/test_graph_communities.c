/* SPDX-License-Identifier: MIT */
/* Communities: their modularity by its formula; that no two of them would be better as one, and that few are
 * better than they are at all; graphs whose communities are known. */
#include <math.h>

#include "graph_whole.h"

/* 1/2m sum over pairs in one group of (links between them - their degrees / 2m), without links to itself. */
static double modularity(const struct graph_csr *g, const uint32_t *of)
{
	double links[BOX_NODES][BOX_NODES] = { 0 }, degree[BOX_NODES] = { 0 }, ends = 0, sum = 0;

	for (uint32_t k = 0; k < g->n; k++)
		for (uint32_t i = g->starts[k]; i < g->starts[k + 1]; i++) {
			uint32_t to = g->targets[i];

			if (to == k)
				continue;
			links[k][to]++;
			links[to][k]++;
			degree[k]++;
			degree[to]++;
			ends += 2;
		}
	for (uint32_t i = 0; i < g->n && ends > 0; i++)
		for (uint32_t k = 0; k < g->n; k++)
			if (of[i] == of[k])
				sum += (links[i][k] - degree[i] * degree[k] / ends) / ends;
	return sum;
}

static void check_merges(const struct graph_csr *g, const struct graph_groups *s, double have)
{
	uint32_t of[BOX_NODES];

	for (uint32_t a = 0; a < s->n; a++)
		for (uint32_t b = a + 1; b < s->n; b++) {
			for (uint32_t k = 0; k < g->n; k++)
				of[k] = s->of[k] == b ? a : s->of[k];
			CHECK(modularity(g, of) <= have + 1e-12);
		}
}

/* Of all ways to divide nodes from `at` on, `n` groups being there. */
static double best_of_all(const struct graph_csr *g, uint32_t *of, uint32_t at, uint32_t n)
{
	double best = -1;

	if (at == g->n)
		return modularity(g, of);
	for (of[at] = 0; of[at] <= n; of[at]++) {
		double here = best_of_all(g, of, at + 1, MAX(n, of[at] + 1));

		best = MAX(best, here);
	}
	return best;
}

static void test_random(unsigned seed)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 }, again = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_whole w;
	double found = 0;
	uint32_t nodes;

	srand(seed);
	nodes = 2 + box_below(BOX_NODES - 2);
	whole_random(&w, seed, nodes, box_below(3 * nodes));
	g = whole_build(&w);
	CHECK_EQ(graph_communities(&g, &s, &found), 0);
	whole_check_numbers(&s, g.n);
	CHECK(fabs(found - modularity(&g, s.of)) < 1e-9);
	CHECK(found >= -1e-12);
	check_merges(&g, &s, found);
	CHECK_EQ(graph_communities(&g, &again, NULL), 0);
	CHECK_MEM(again.of, g.n * sizeof(*again.of), s.of, g.n * sizeof(*s.of));
}

/* Returns by how much the best is better. */
static double lack_of_small(unsigned seed)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_whole w;
	uint32_t of[BOX_NODES] = { 0 };
	double found = 0, best;

	whole_random(&w, seed, 7, 12);
	g = whole_build(&w);
	CHECK_EQ(graph_communities(&g, &s, &found), 0);
	best = MAX(best_of_all(&g, of, 0, 0), 0.0);
	CHECK(found <= best + 1e-12);
	CHECK(best - found < 0.15);
	return best - found;
}

static void test_small(void)
{
	double lack = 0;

	for (unsigned seed = 1; seed <= 200; seed++)
		lack += lack_of_small(seed);
	CHECK(lack / 200 < 0.01);
}

/* ---- known ones */

static void find(struct graph_box *b, struct graph_csr *ret_g, struct graph_groups *ret_s,
		 double *ret_modularity)
{
	struct graph_source source = box_source(b);
	const struct graph_part part = { 0 };

	CHECK_EQ(graph_csr_build(&source, &part, ret_g), 0);
	CHECK_EQ(graph_communities(ret_g, ret_s, ret_modularity), 0);
}

/* Eight times four files that all name each other, and one link from each four to the next. */
static void test_cliques(void)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_box b;
	double found = 0;

	b = (struct graph_box){ 0 };
	for (uint64_t c = 0; c < 8; c++) {
		for (uint64_t i = 1; i <= 4; i++)
			for (uint64_t k = i + 1; k <= 4; k++)
				box_link(&b, 4 * c + i, 4 * c + k, 0);
		box_link(&b, 4 * c + 1, 4 * ((c + 1) % 8) + 2, 0);
	}
	find(&b, &g, &s, &found);
	CHECK_EQ(s.n, 8);
	for (uint32_t k = 0; k < 32; k++)
		CHECK_EQ(s.of[k], k / 4);
	CHECK(fabs(found - (48.0 / 56 - 1.0 / 8)) < 1e-12);
}

/* Who met whom in a club that broke in two (Zachary 1977). No division has more modularity than 0.4198. */
static void test_club(void)
{
	static const uint8_t pairs[][2] = {
		{ 2, 1 }, { 3, 1 }, { 3, 2 }, { 4, 1 }, { 4, 2 }, { 4, 3 }, { 5, 1 }, { 6, 1 }, { 7, 1 },
		{ 7, 5 }, { 7, 6 }, { 8, 1 }, { 8, 2 }, { 8, 3 }, { 8, 4 }, { 9, 1 }, { 9, 3 }, { 10, 3 },
		{ 11, 1 }, { 11, 5 }, { 11, 6 }, { 12, 1 }, { 13, 1 }, { 13, 4 }, { 14, 1 }, { 14, 2 },
		{ 14, 3 }, { 14, 4 }, { 17, 6 }, { 17, 7 }, { 18, 1 }, { 18, 2 }, { 20, 1 }, { 20, 2 },
		{ 22, 1 }, { 22, 2 }, { 26, 24 }, { 26, 25 }, { 28, 3 }, { 28, 24 }, { 28, 25 }, { 29, 3 },
		{ 30, 24 }, { 30, 27 }, { 31, 2 }, { 31, 9 }, { 32, 1 }, { 32, 25 }, { 32, 26 }, { 32, 29 },
		{ 33, 3 }, { 33, 9 }, { 33, 15 }, { 33, 16 }, { 33, 19 }, { 33, 21 }, { 33, 23 },
		{ 33, 24 }, { 33, 30 }, { 33, 31 }, { 33, 32 }, { 34, 9 }, { 34, 10 }, { 34, 14 },
		{ 34, 15 }, { 34, 16 }, { 34, 19 }, { 34, 20 }, { 34, 21 }, { 34, 23 }, { 34, 24 },
		{ 34, 27 }, { 34, 28 }, { 34, 29 }, { 34, 30 }, { 34, 31 }, { 34, 32 }, { 34, 33 },
	};
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_box b;
	double found = 0;

	b = (struct graph_box){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		box_link(&b, pairs[i][0], pairs[i][1], 0);
	find(&b, &g, &s, &found);
	CHECK_EQ(b.n_links, 78);
	CHECK(found > 0.41 && found < 0.41981);
	CHECK_EQ(s.n, 4);
	CHECK(s.of[0] != s.of[33]);
}

/* 4 - 2 - 1 - 3 - 5: the one in the middle is as well on either side, and goes to that of the least. */
static void test_tie(void)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	static struct graph_box b;

	b = (struct graph_box){ 0 };
	box_link(&b, 4, 2, 0);
	box_link(&b, 1, 2, 0);
	box_link(&b, 1, 3, 0);
	box_link(&b, 3, 5, 0);
	find(&b, &g, &s, NULL);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(s.of[0], s.of[1]);
	CHECK_EQ(s.of[0], s.of[3]);
	CHECK_EQ(s.of[2], s.of[4]);
}

int main(void)
{
	for (unsigned seed = 1; seed <= 200; seed++)
		test_random(seed);
	test_small();
	test_cliques();
	test_club();
	test_tie();
	return check_result();
}
