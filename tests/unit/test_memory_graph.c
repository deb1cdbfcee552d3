/* SPDX-License-Identifier: MIT */
/* Graph algorithms when there is no memory: they answer in full or fail. */
#include "graph_whole.h"
#include "index/graph/formats.h"
#include "tests/unit/memory_steps.h"

#define NODES 60u
#define LINKS 200u

static struct graph_box box;
static struct graph_csr copy;

static uint32_t weigh(void *context, uint32_t verb)
{
	return 1 + verb;
}

static int run_related(unsigned k)
{
	static const uint64_t starts[] = { 1, 2 };
	_cleanup_graph_relatives_ struct graph_relatives found = { 0 };
	struct graph_source source = box_source(&box);
	struct graph_near near = { starts, 2, { .direction = GRAPH_BOTH }, .depth = NODES };
	int r = graph_related(&source, &near, &found);

	CHECK_EQ(found.n, r < 0 ? 0 : copy.n - 2);
	return r;
}

static int find_path(bool weighted)
{
	_cleanup_graph_path_ struct graph_path found = { 0 };
	struct graph_source source = box_source(&box);
	struct graph_way way = {
		.from = 1, .to = 3, .filter.direction = GRAPH_BOTH, .weight = weighted ? weigh : NULL
	};
	int r = graph_path(&source, &way, &found);

	CHECK_EQ(found.n > 0, r > 0);
	return r;
}

static int run_path(unsigned k)
{
	return find_path(false);
}

static int run_weighted(unsigned k)
{
	return find_path(true);
}

static int run_build(unsigned k)
{
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	struct graph_source source = box_source(&box);
	const struct graph_part part = { .with_verbs = true };
	int r = graph_csr_build(&source, &part, &g);

	CHECK_EQ(g.n, r < 0 ? 0 : copy.n);
	return r;
}

static int run_groups(unsigned k)
{
	static int (*const kinds[])(const struct graph_csr *, struct graph_groups *) = {
		graph_components_weak, graph_components_strong
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(kinds); i++) {
		_cleanup_graph_groups_ struct graph_groups s = { 0 };

		r = kinds[i](&copy, &s);
		CHECK_EQ(s.n > 0, r >= 0);
	}
	return r;
}

static int run_communities(unsigned k)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	double modularity = -7;
	int r = graph_communities(&copy, &s, &modularity);

	CHECK_EQ(s.n > 0, r >= 0);
	CHECK_EQ(modularity != -7, r >= 0);
	return r;
}

static int run_figures(unsigned k)
{
	_cleanup_free_ double *ranks = NULL;
	_cleanup_free_ struct graph_degree *degrees = NULL;
	int r = graph_pagerank(&copy, &ranks);

	return r < 0 ? r : graph_degrees(&copy, &degrees);
}

static int add_name(void *context, uint32_t verb, struct buf *name)
{
	return buf_add_str(name, "names");
}

static int add_label(void *context, uint64_t ino, struct buf *label)
{
	return buf_add_str(label, "a \"file\" & more\n");
}

static int run_write(unsigned k)
{
	const struct graph_picture p = { .g = &copy, .label = add_label, .verb = add_name };
	int r = 0;

	for (enum graph_format f = GRAPH_DOT; r >= 0 && f <= GRAPH_JSON; f++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		r = graph_write(&out, f, &p);
	}
	return r;
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "related", run_related, NULL },         { "path", run_path, NULL },
		{ "weighted path", run_weighted, NULL },  { "copy", run_build, NULL },
		{ "components", run_groups, NULL },       { "communities", run_communities, NULL },
		{ "PageRank, degrees", run_figures, NULL }, { "write", run_write, NULL, 17 },
	};
	struct graph_source source = box_source(&box);
	const struct graph_part part = { .with_verbs = true };

	srand(1);
	box_random(&box, NODES, LINKS, 0);
	CHECK_EQ(graph_csr_build(&source, &part, &copy), 0);
	memory_run(steps, ARRAY_SIZE(steps));
	graph_csr_done(&copy);
	return check_result();
}
