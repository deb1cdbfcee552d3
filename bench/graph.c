/* SPDX-License-Identifier: MIT */
/* Graph algorithms alone, over links in memory: graph [NODES [EDGES [even|hubs|local]]]. Links are drawn
 * evenly, half of them to few files (hubs), or four of five to files nearby (local). Times are of one thread;
 * memory is the most that was resident beside the links themselves.
 *
 * For development; what a mount takes for the same questions is measured elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "index/graph/graph.h"
#include "index/graph/whole.h"

#define VERBS 4u
#define NEAR 1000u
#define PATHS 200u

struct end {
	uint32_t other, verb; /* inode - 1 */
};

struct rows {
	uint32_t *starts;
	struct end *ends;
};

struct links {
	uint32_t n, m;
	const char *kind;
	struct rows out, in;
};

static uint64_t random_at;

static uint64_t draw(void)
{
	return hash_mix64(++random_at * 0x9e3779b97f4a7c15ull);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(draw() % n);
}

static void *must(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		exit(1);
	return p;
}

/* ---- links */

static uint32_t draw_target(const struct links *l, uint32_t from)
{
	double u = (double)(draw() >> 11) / (double)(1ull << 53);

	if (strcmp(l->kind, "hubs") == 0 && draw() % 2)
		return (uint32_t)(u * u * u * u * l->n);
	if (strcmp(l->kind, "local") == 0 && draw() % 5)
		return MIN(from / 100 * 100 + below(100), l->n - 1);
	return below(l->n);
}

static int by_end(const void *left, const void *right)
{
	const struct end *a = left, *b = right;

	if (a->other != b->other)
		return a->other < b->other ? -1 : 1;
	return (a->verb > b->verb) - (a->verb < b->verb);
}

static void sort_rows(const struct links *l, struct rows *r)
{
	for (uint32_t k = 0; k < l->n; k++)
		qsort(r->ends + r->starts[k], r->starts[k + 1] - r->starts[k], sizeof(*r->ends), by_end);
}

static void turn_around(const struct links *l, const struct rows *from, struct rows *to)
{
	uint32_t *next = must(l->n, sizeof(*next));

	for (uint32_t i = 0; i < l->m; i++)
		to->starts[from->ends[i].other + 1]++;
	for (uint32_t k = 0; k < l->n; k++)
		to->starts[k + 1] += to->starts[k];
	memcpy(next, to->starts, l->n * sizeof(*next));
	for (uint32_t k = 0; k < l->n; k++)
		for (uint32_t i = from->starts[k]; i < from->starts[k + 1]; i++)
			to->ends[next[from->ends[i].other]++] = (struct end){ k, from->ends[i].verb };
	free(next);
}

static void make_links(struct links *l)
{
	struct rows *rows[] = { &l->out, &l->in };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i]->starts = must((size_t)l->n + 1, sizeof(*rows[i]->starts));
		rows[i]->ends = must(l->m, sizeof(*rows[i]->ends));
	}
	for (uint32_t i = 0; i < l->m; i++)
		l->out.starts[below(l->n) + 1]++;
	for (uint32_t k = 0; k < l->n; k++) {
		l->out.starts[k + 1] += l->out.starts[k];
		for (uint32_t i = l->out.starts[k]; i < l->out.starts[k + 1]; i++)
			l->out.ends[i] = (struct end){ draw_target(l, k), below(VERBS) };
	}
	sort_rows(l, &l->out);
	turn_around(l, &l->out, &l->in);
}

/* ---- as a source */

static int neighbours(void *context, uint64_t ino, enum graph_direction direction,
		      graph_visit_neighbour visit, void *visitor)
{
	const struct links *l = context;
	uint32_t k = (uint32_t)ino - 1;
	const struct end *out = l->out.ends + l->out.starts[k], *in = l->in.ends + l->in.starts[k];
	const struct end *out_end = direction & GRAPH_OUT ? l->out.ends + l->out.starts[k + 1] : out;
	const struct end *in_end = direction & GRAPH_IN ? l->in.ends + l->in.starts[k + 1] : in;
	int r = 0;

	while (r == 0 && (out < out_end || in < in_end)) {
		bool is_out = in == in_end || (out < out_end && by_end(out, in) <= 0);
		const struct end *e = is_out ? out++ : in++;

		r = visit(visitor, (uint64_t)e->other + 1, e->verb, is_out ? GRAPH_OUT : GRAPH_IN);
	}
	return r;
}

static int edges(void *context, graph_visit_edge visit, void *visitor)
{
	const struct links *l = context;
	int r = 0;

	for (uint32_t k = 0; r == 0 && k < l->n; k++)
		for (uint32_t i = l->out.starts[k]; r == 0 && i < l->out.starts[k + 1]; i++)
			r = visit(visitor, (uint64_t)k + 1, (uint64_t)l->out.ends[i].other + 1,
				  l->out.ends[i].verb);
	return r;
}

/* ---- time and memory */

/* In kB. */
static long status(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	if (f)
		(void) fclose(f);
	return kb;
}

static long links_kb;

/* Returns the time. */
static uint64_t begin(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (f) {
		(void) fputs("5", f);
		(void) fclose(f);
	}
	return clock_mono_ns();
}

static void end(uint64_t start, const char *what, const char *more)
{
	double seconds = (double)(clock_mono_ns() - start) / 1e9;

	printf("%-18s %8.3f s  peak %6.1f MB  %s\n", what, seconds,
	       (double)(status("VmHWM") - links_kb) / 1e3, more);
}

static int ascending(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void print_times(const char *what, double *ms, unsigned n, const char *more)
{
	qsort(ms, n, sizeof(*ms), ascending);
	printf("%-18s p50 %8.3f ms  p99 %8.3f ms  most %8.3f ms  peak %6.1f MB  %s\n", what, ms[n / 2],
	       ms[n * 99 / 100], ms[n - 1], (double)(status("VmHWM") - links_kb) / 1e3, more);
}

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

/* ---- the questions */

static void measure_near(const struct graph_source *s, const struct links *l, uint32_t depth)
{
	static double ms[NEAR];
	char what[32], more[64];
	uint64_t found = 0;

	(void) begin();
	for (unsigned i = 0; i < NEAR; i++) {
		uint64_t ino = (uint64_t)below(l->n) + 1, start = clock_mono_ns();
		struct graph_near near = {
			.starts = &ino, .n_starts = 1, .filter.direction = GRAPH_BOTH, .depth = depth
		};
		_cleanup_graph_relatives_ struct graph_relatives r = { 0 };

		check(graph_related(s, &near, &r), "related");
		ms[i] = (double)(clock_mono_ns() - start) / 1e6;
		found += r.n;
	}
	(void) snprintf(what, sizeof(what), "related depth %" PRIu32, depth);
	(void) snprintf(more, sizeof(more), "%.0f results in the mean", (double)found / NEAR);
	print_times(what, ms, NEAR, more);
}

static uint32_t weigh(void *context, uint32_t verb)
{
	return 1 + verb;
}

static void measure_paths(const struct graph_source *s, const struct links *l, enum graph_direction direction,
			  bool weighted)
{
	static double ms[PATHS];
	char what[32], more[64];
	uint64_t steps = 0, found = 0;

	(void) begin();
	for (unsigned i = 0; i < PATHS; i++) {
		struct graph_way way = { .from = (uint64_t)below(l->n) + 1, .to = (uint64_t)below(l->n) + 1,
					 .filter.direction = direction, .budget = 2 * l->n + 2,
					 .weight = weighted ? weigh : NULL };
		_cleanup_graph_path_ struct graph_path p = { 0 };
		uint64_t start = clock_mono_ns();
		int r = graph_path(s, &way, &p);

		check(r, "path");
		ms[i] = (double)(clock_mono_ns() - start) / 1e6;
		found += r > 0;
		steps += r > 0 ? p.n - 1 : 0;
	}
	(void) snprintf(what, sizeof(what), "path%s%s", weighted ? " weighted" : "",
			direction == GRAPH_OUT ? " out" : " both");
	(void) snprintf(more, sizeof(more), "%" PRIu64 " of %u found, %.1f links", found, PATHS,
			found ? (double)steps / (double)found : 0);
	print_times(what, ms, PATHS, more);
}

static void measure_groups(const struct graph_csr *g)
{
	static int (*const kinds[])(const struct graph_csr *, struct graph_groups *) = {
		graph_components_weak, graph_components_strong
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_graph_groups_ struct graph_groups s = { 0 };
		uint64_t start = begin();
		char more[64];

		check(kinds[i](g, &s), "components");
		(void) snprintf(more, sizeof(more), "%" PRIu32 ", the largest of %" PRIu32, s.n,
			s.n ? s.sizes[0] : 0);
		end(start, i ? "strong components" : "weak components", more);
	}
}

static void measure_communities(const struct graph_csr *g)
{
	_cleanup_graph_groups_ struct graph_groups s = { 0 };
	uint64_t start = begin();
	double modularity = 0;
	char more[64];

	check(graph_communities(g, &s, &modularity), "communities");
	(void) snprintf(more, sizeof(more), "%" PRIu32 ", modularity %.4f", s.n, modularity);
	end(start, "communities", more);
}

static void measure_whole(const struct graph_source *s)
{
	const struct graph_part part = { 0 };
	_cleanup_graph_csr_ struct graph_csr g = { 0 };
	_cleanup_free_ double *ranks = NULL;
	uint64_t start = begin();
	char more[64];
	int r = graph_csr_build(s, &part, &g);

	check(r, "copy");
	(void) snprintf(more, sizeof(more), "%" PRIu32 " nodes, %" PRIu32 " links", g.n, graph_csr_edges(&g));
	end(start, "copy", more);
	measure_groups(&g);
	start = begin();
	r = graph_pagerank(&g, &ranks);
	check(r, "PageRank");
	(void) snprintf(more, sizeof(more), "%d rounds", r);
	end(start, "PageRank", more);
	measure_communities(&g);
}

int main(int argc, char **argv)
{
	struct links l = { .n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000,
			   .m = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 5000000,
			   .kind = argc > 3 ? argv[3] : "even" };
	const struct graph_source source = { &l, neighbours, edges, NULL };

	if (l.n == 0 || l.n > UINT32_MAX / 4)
		return 2;
	make_links(&l);
	links_kb = status("VmRSS");
	printf("%" PRIu32 " nodes, %" PRIu32 " links, %s; they take %.1f MB\n", l.n, l.m, l.kind,
	       (double)links_kb / 1e3);
	measure_near(&source, &l, 1);
	measure_near(&source, &l, 2);
	measure_paths(&source, &l, GRAPH_OUT, false);
	measure_paths(&source, &l, GRAPH_BOTH, false);
	measure_paths(&source, &l, GRAPH_OUT, true);
	measure_paths(&source, &l, GRAPH_BOTH, true);
	measure_whole(&source);
	free(l.out.starts);
	free(l.out.ends);
	free(l.in.starts);
	free(l.in.ends);
	return 0;
}
