/* SPDX-License-Identifier: MIT */
#include "index/graph/groups.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

void graph_groups_done(struct graph_groups *s)
{
	free(s->of);
	free(s->sizes);
	*s = (struct graph_groups){ 0 };
}

struct group {
	uint32_t label, size;
};

/* Large ones first; equals stay in the order of their first node, which qsort() is not asked to keep. */
static int by_size(const void *left, const void *right, void *context)
{
	const struct group *a = left, *b = right;
	const uint32_t *first = context;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	return (first[a->label] > first[b->label]) - (first[a->label] < first[b->label]);
}

/* Returns how many there are; first[label] becomes its first node + 1. */
static uint32_t count(const uint32_t *labels, uint32_t n, uint32_t *first, struct group *groups)
{
	uint32_t n_groups = 0;

	for (uint32_t k = 0; k < n; k++) {
		if (!first[labels[k]])
			first[labels[k]] = k + 1;
		groups[labels[k]].size++;
	}
	for (uint32_t l = 0; l < n; l++)
		if (groups[l].size > 0)
			groups[n_groups++] = (struct group){ l, groups[l].size };
	return n_groups;
}

int groups_of_labels(uint32_t *labels, uint32_t n, struct graph_groups *ret_s)
{
	_cleanup_free_ uint32_t *first = calloc((size_t)n + 1, sizeof(*first)), *of = labels, *sizes = NULL;
	_cleanup_free_ struct group *groups = calloc((size_t)n + 1, sizeof(*groups));
	uint32_t n_groups;

	if (!first || !groups)
		return -ENOMEM;
	n_groups = count(of, n, first, groups);
	sizes = malloc(((size_t)n_groups + 1) * sizeof(*sizes));
	if (!sizes)
		return -ENOMEM;
	qsort_r(groups, n_groups, sizeof(*groups), by_size, first);
	for (uint32_t i = 0; i < n_groups; i++) {
		sizes[i] = groups[i].size;
		first[groups[i].label] = i;
	}
	for (uint32_t k = 0; k < n; k++)
		of[k] = first[of[k]];
	*ret_s = (struct graph_groups){ steal_ptr(&of), steal_ptr(&sizes), n_groups };
	return 0;
}
