/* SPDX-License-Identifier: MIT */
#include "index/arrange.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/segment_write.h"
#include "index/vectors/kmeans.h"

/* Documents that k-means sees for each list, and that a list has, at least. */
#define SAMPLE 24u
#define LEAST 8u

void arrangement_done(struct arrangement *a)
{
	free(a->docs);
	free(a->list_docs);
	*a = (struct arrangement){ 0 };
}

static const struct segment_doc *doc_of(const struct segment_part *parts, struct arranged a)
{
	return &parts[a.part].segment->docs[a.doc];
}

static int take_living(struct segment_part *parts, unsigned n_parts, struct arrangement *a)
{
	size_t most = 0;

	for (unsigned p = 0; p < n_parts; p++)
		most += parts[p].segment->n_docs;
	if (most >= DOC_DROPPED)
		return -EFBIG;
	a->docs = calloc(most + 1, sizeof(*a->docs));
	if (!a->docs)
		return -ENOMEM;
	for (unsigned p = 0; p < n_parts; p++)
		for (uint32_t d = 0; d < parts[p].segment->n_docs; d++)
			if (!segment_is_dead(parts[p].segment, d))
				a->docs[a->n_docs++] = (struct arranged){ p, d };
	return 0;
}

static int set_remap(struct segment_part *parts, unsigned n_parts, const struct arrangement *a)
{
	for (unsigned p = 0; p < n_parts; p++) {
		size_t size = ((size_t)parts[p].segment->n_docs + 1) * sizeof(uint32_t);

		parts[p].remap = malloc(size);
		if (!parts[p].remap)
			return -ENOMEM;
		memset(parts[p].remap, 0xff, size); /* DOC_DROPPED */
	}
	for (uint32_t i = 0; i < a->n_docs; i++)
		parts[a->docs[i].part].remap[a->docs[i].doc] = i;
	return 0;
}

/* ---- lists */

/* Counts the vectors too. */
static uint32_t lists_wanted(struct segment_part *parts, struct arrangement *a, uint32_t flat)
{
	uint64_t docs = 0;
	uint32_t n;

	for (uint32_t i = 0; i < a->n_docs; i++) {
		uint32_t of_doc = segment_doc_vectors(doc_of(parts, a->docs[i]));

		a->n_vectors += of_doc;
		docs += of_doc > 0;
	}
	if (a->n_vectors <= (flat ? flat : ARRANGE_FLAT))
		return 1;
	n = (uint32_t)MIN((uint64_t)(sqrt((double)a->n_vectors) / 2), docs / LEAST);
	return MAX(n, 1u);
}

/* The whole-document vector, or NULL where a document has none. */
static int whole_vector(struct segment_part *parts, struct arranged a, struct vector_reader *reader,
			const int16_t **ret_v)
{
	const struct segment_doc *d = doc_of(parts, a);

	*ret_v = NULL;
	return d->n_passages ? segment_vector(parts[a.part].segment, reader, d->first_vector, ret_v) : 0;
}

/* Calls `visit` with every step-th document's vector. */
static int each_whole(struct segment_part *parts, const struct arrangement *a, uint32_t step, const bool *stop,
		      void (*visit)(void *context, uint32_t doc, const int16_t *v), void *context)
{
	struct vector_reader reader = { .first = 0 };
	uint32_t part = 0;
	int r = 0;

	for (uint64_t i = 0; r >= 0 && i < a->n_docs; i += step) {
		const int16_t *v;

		if (a->docs[i].part != part)
			vector_reader_done(&reader);
		part = a->docs[i].part;
		r = stop && __atomic_load_n(stop, __ATOMIC_RELAXED) ? -ECANCELED
								    : whole_vector(parts, a->docs[i], &reader, &v);
		if (r >= 0 && v)
			visit(context, (uint32_t)i, v);
	}
	vector_reader_done(&reader);
	return r;
}

struct sample {
	int16_t *at; /* owned */
	uint32_t n;
	size_t stride;
};

static void add_to_sample(void *context, uint32_t doc, const int16_t *v)
{
	struct sample *s = context;

	memcpy(s->at + s->n++ * s->stride, v, s->stride * sizeof(*v));
}

static int find_centres(struct segment_part *parts, const struct arrangement *a, uint32_t n_lists,
			const bool *stop, struct centres *ret_c)
{
	struct sample s = { .stride = parts[0].segment->stride };
	uint32_t step = MAX(a->n_docs / (n_lists * SAMPLE), 1u);
	int r;

	s.at = calloc(a->n_docs / step + 1, s.stride * sizeof(*s.at));
	r = s.at ? each_whole(parts, a, step, stop, add_to_sample, &s) : -ENOMEM;
	if (r >= 0 && s.n > 0)
		r = kmeans(s.at, s.n, s.stride, MIN(n_lists, s.n), stop, ret_c);
	free(s.at);
	return r;
}

struct choice {
	const struct centres *centres;
	uint32_t *list; /* owned; of each document */
};

static void choose_list(void *context, uint32_t doc, const int16_t *v)
{
	struct choice *c = context;

	c->list[doc] = centres_nearest(c->centres, v);
}

/* By list, and within a list as they were. */
static int sort_by_list(struct arrangement *a, const uint32_t *list, uint32_t n_lists)
{
	struct arranged *sorted = calloc((size_t)a->n_docs + 1, sizeof(*sorted));
	_cleanup_free_ uint32_t *next = calloc((size_t)n_lists + 1, sizeof(*next));

	a->list_docs = calloc(n_lists, sizeof(*a->list_docs));
	if (!sorted || !next || !a->list_docs) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < a->n_docs; i++)
		a->list_docs[list[i]]++;
	for (uint32_t l = 0; l < n_lists; l++)
		next[l + 1] = next[l] + a->list_docs[l];
	for (uint32_t i = 0; i < a->n_docs; i++)
		sorted[next[list[i]]++] = a->docs[i];
	free(a->docs);
	a->docs = sorted;
	a->n_lists = n_lists;
	return 0;
}

static int make_lists(struct segment_part *parts, struct arrangement *a, uint32_t n_lists, const bool *stop)
{
	struct centres centres = { .n = 0 };
	struct choice c = { .centres = &centres, .list = calloc((size_t)a->n_docs + 1, sizeof(uint32_t)) };
	int r = c.list ? 0 : -ENOMEM;

	if (r >= 0 && n_lists > 1)
		r = find_centres(parts, a, n_lists, stop, &centres);
	if (r >= 0 && centres.n > 1)
		r = each_whole(parts, a, 1, stop, choose_list, &c);
	if (r >= 0)
		r = sort_by_list(a, c.list, MAX(centres.n, 1u));
	centres_done(&centres);
	free(c.list);
	return r;
}

int arrange(struct segment_part *parts, unsigned n_parts, uint32_t flat, const bool *stop,
	    struct arrangement *ret_a)
{
	struct arrangement a = { .n_docs = 0 };
	int r = take_living(parts, n_parts, &a);

	if (r >= 0)
		r = make_lists(parts, &a, lists_wanted(parts, &a, flat), stop);
	if (r >= 0)
		r = set_remap(parts, n_parts, &a);
	if (r < 0) {
		arrangement_done(&a);
		return r;
	}
	*ret_a = a;
	return 0;
}
