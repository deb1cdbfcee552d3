/* SPDX-License-Identifier: MIT */
#include "index/probes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/vectors/vectors.h"

#define BEST 100u

struct found {
	int64_t score;
	uint32_t list;
};

/* One query and the best documents for it. */
struct asked {
	struct found best[BEST]; /* a heap with the worst on top */
	uint32_t n;
	int32_t whole, passage;  /* of the document that is being shown */
};

struct probes {
	size_t stride;
	uint32_t n_queries;
	uint32_t n_vectors; /* of the document that is being shown */
	int16_t *queries;   /* owned */
	struct asked asked[PROBES_QUERIES];
};

int probes_new(size_t stride, struct probes **ret_p)
{
	struct probes *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->stride = stride;
	p->queries = calloc(PROBES_QUERIES, stride * sizeof(*p->queries));
	if (!p->queries) {
		free(p);
		return -ENOMEM;
	}
	*ret_p = p;
	return 0;
}

struct probes *probes_free(struct probes *p)
{
	if (p)
		free(p->queries);
	free(p);
	return NULL;
}

void probes_add_query(struct probes *p, const int16_t *v)
{
	if (p->n_queries < PROBES_QUERIES)
		memcpy(p->queries + p->n_queries++ * p->stride, v, p->stride * sizeof(*v));
}

void probes_add_vector(struct probes *p, const int16_t *v)
{
	for (uint32_t q = 0; q < p->n_queries; q++) {
		int32_t dot = vector_dot(p->queries + q * p->stride, v, p->stride);
		struct asked *a = &p->asked[q];

		if (p->n_vectors == 0)
			a->whole = dot;
		if (p->n_vectors <= 1 || dot > a->passage)
			a->passage = dot;
	}
	p->n_vectors++;
}

static void sift_down(struct asked *a)
{
	struct found moved = a->best[0];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < a->n) {
		if (child + 1 < a->n && a->best[child + 1].score < a->best[child].score)
			child++;
		if (a->best[child].score >= moved.score)
			break;
		a->best[at] = a->best[child];
		at = child;
	}
	a->best[at] = moved;
}

static void sift_up(struct asked *a)
{
	struct found moved = a->best[a->n - 1];
	uint32_t at = a->n - 1;

	for (; at > 0 && a->best[(at - 1) / 2].score > moved.score; at = (at - 1) / 2)
		a->best[at] = a->best[(at - 1) / 2];
	a->best[at] = moved;
}

void probes_add_document(struct probes *p, uint32_t list)
{
	for (uint32_t q = 0; p->n_vectors > 0 && q < p->n_queries; q++) {
		struct asked *a = &p->asked[q];
		struct found f = { (int64_t)a->whole + a->passage, list };

		if (a->n < BEST) {
			a->best[a->n++] = f;
			sift_up(a);
		} else if (f.score > a->best[0].score) {
			a->best[0] = f;
			sift_down(a);
		}
	}
	p->n_vectors = 0;
}

/* Counts at each rank of a list, 0 for the one whose centre is nearest, the best documents that are in it. */
static void count_ranks(const struct probes *p, uint32_t q, const int32_t *near, uint32_t n_lists,
			uint32_t *counts)
{
	const struct asked *a = &p->asked[q];

	for (uint32_t k = 0; k < a->n; k++) {
		uint32_t rank = 0;

		for (uint32_t l = 0; l < n_lists; l++)
			rank += near[l] > near[a->best[k].list] || (near[l] == near[a->best[k].list] &&
								     l < a->best[k].list);
		counts[rank]++;
	}
}

int64_t probes_count(const struct probes *p, const int16_t *centres, uint32_t n_lists)
{
	_cleanup_free_ int32_t *near = calloc(n_lists, sizeof(*near));
	_cleanup_free_ uint32_t *counts = calloc(n_lists, sizeof(*counts));
	uint64_t all = 0, reached = 0;
	uint32_t n = 0;

	if (!near || !counts)
		return -ENOMEM;
	for (uint32_t q = 0; q < p->n_queries; q++) {
		for (uint32_t l = 0; l < n_lists; l++)
			near[l] = vector_dot(p->queries + q * p->stride, centres + l * p->stride, p->stride);
		count_ranks(p, q, near, n_lists, counts);
		all += p->asked[q].n;
	}
	if (all == 0)
		return n_lists;
	while (n < n_lists && (double)reached < PROBES_RECALL * (double)all)
		reached += counts[n++];
	return n;
}
