/* SPDX-License-Identifier: MIT */
/* The vector side: half the cosine of the query with the whole document, half that with its best
 * passage. The query's rows are weighted by sqrt(idf) of their WordPieces in the index. Exact: every
 * vector of every candidate is read. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/query/search.h"
#include "index/vectors/vectors.h"

/* In how many living documents a WordPiece is. */
static int piece_frequency(struct search *s, uint32_t id, struct postings *scratch, double *ret_df)
{
	struct term t = term_of_piece(id);
	double df = 0;

	for (unsigned i = 0; i < s->n_parts; i++) {
		struct search_part *p = &s->parts[i];
		uint32_t n = 0;
		int r;

		scratch->n = 0;
		r = p->all_alive ? p->segment->ops->frequency(p->segment, t.bytes, t.len, &n)
				 : p->segment->ops->postings(p->segment, t.bytes, t.len, scratch);
		if (r < 0)
			return search_failed(s, p->segment, r);
		for (size_t k = 0; k < scratch->n; k++)
			n += p->alive[scratch->items[k].doc];
		df += n;
	}
	*ret_df = df;
	return 0;
}

/* Repeated pieces are asked once: `ids` of a long query repeat a lot. */
static int piece_weights(struct search *s, const uint32_t *ids, size_t n, float *ret_weights)
{
	struct postings scratch = { 0 };
	struct ino_map known = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct ino_entry *e = ino_map_find(&known, (uint64_t)ids[i] + 1);
		double df = 0;

		if (e) {
			ret_weights[i] = ret_weights[e->number];
			continue;
		}
		r = piece_frequency(s, ids[i], &scratch, &df);
		if (r < 0)
			break;
		ret_weights[i] = (float)sqrt(log(1 + ((double)s->n_text_docs - df + 0.5) / (df + 0.5)));
		r = ino_map_set(&known, (uint64_t)ids[i] + 1, NULL, (uint32_t)i);
	}
	ino_map_done(&known);
	postings_done(&scratch);
	return r;
}

/* The query's vector. 1, or 0 when it has none. */
static int query_vector(struct search *s, int16_t *ret_q)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	_cleanup_free_ float *weights = NULL, *vector = NULL;
	const struct embed_model *m = s->x->model;
	size_t n;
	int r = embed_tokenise(m, (const char *)s->parsed.text.data, s->parsed.text.len, &ids, NULL);

	if (r < 0)
		return r;
	n = ids.len / sizeof(uint32_t);
	if (n == 0)
		return 0;
	weights = calloc(n, sizeof(*weights));
	vector = calloc(embed_dimensions(m), sizeof(*vector));
	if (!weights || !vector)
		return -ENOMEM;
	r = piece_weights(s, (const uint32_t *)(const void *)ids.data, n, weights);
	if (r < 0)
		return r;
	embed_vector(m, (const uint32_t *)(const void *)ids.data, n, weights, vector);
	vector_quantise(vector, embed_dimensions(m), ret_q);
	for (size_t i = 0; i < s->x->stride; i++)
		if (ret_q[i])
			return 1;
	return 0;
}

/* Reads vectors one by one, in order, holding on to the run they lie in. */
struct vector_reader {
	struct segment *segment; /* borrowed */
	struct vector_run run;
	uint32_t first;          /* number of the run's first vector */
};

static int reader_get(struct vector_reader *r, uint32_t number, const int16_t **ret_v)
{
	if (number < r->first || number - r->first >= r->run.n) {
		int e;

		vector_run_done(&r->run);
		r->run.n = 0;
		e = r->segment->ops->vectors(r->segment, number, &r->run);
		if (e < 0)
			return e;
		r->first = number;
	}
	*ret_v = r->run.at + (size_t)(number - r->first) * r->segment->stride;
	return 0;
}

static int document_meaning(struct vector_reader *r, const struct segment_doc *d, const int16_t *q, double *ret)
{
	uint32_t n = segment_doc_vectors(d);
	int32_t whole = 0, best = INT32_MIN;

	for (uint32_t i = 0; i < n; i++) {
		const int16_t *v;
		int e = reader_get(r, d->first_vector + i, &v);
		int32_t dot;

		if (e < 0)
			return e;
		dot = vector_dot(q, v, r->segment->stride);
		if (i == 0)
			whole = dot;
		if ((i > 0 || n == 1) && dot > best)
			best = dot;
	}
	*ret = 0.5 * vector_cosine(whole) + 0.5 * vector_cosine(best);
	return 0;
}

static int part_meaning(struct search *s, struct search_part *p, const int16_t *q)
{
	struct vector_reader reader = { .segment = p->segment };
	uint32_t n = p->segment->n_docs;
	int r = 0;

	p->meaning = malloc((n + 1) * sizeof(*p->meaning));
	if (!p->meaning)
		return -ENOMEM;
	for (uint32_t d = 0; r >= 0 && d < n; d++) {
		p->meaning[d] = NO_MEANING;
		if (p->candidate[d] && p->segment->docs[d].n_passages > 0)
			r = document_meaning(&reader, &p->segment->docs[d], q, &p->meaning[d]);
	}
	vector_run_done(&reader.run);
	return search_failed(s, p->segment, r);
}

int search_meaning(struct search *s, bool *ret_said)
{
	_cleanup_free_ int16_t *q = calloc(s->x->stride, sizeof(*q));
	int r = q ? query_vector(s, q) : -ENOMEM;

	*ret_said = r > 0;
	for (unsigned i = 0; r > 0 && i < s->n_parts; i++) {
		int e = part_meaning(s, &s->parts[i], q);

		if (e < 0)
			return e;
	}
	return r < 0 ? r : 0;
}
