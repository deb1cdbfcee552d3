/* SPDX-License-Identifier: MIT */
/* The vector side: half the cosine of the query with the whole document, half that with its best
 * passage. The query's rows are weighted by sqrt(idf) of their WordPieces in the index.
 *
 * Eight-bit codes (index/codes.h) of all vectors say where each candidate's cosine lies; the vectors
 * themselves are read of those that may be among the best only (rank.c), and of all where the codes
 * would take too much memory. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/query/search.h"
#include "index/vectors/vectors.h"

/* That codes may take. */
#define CODES_BYTES (16u << 20)

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

/* ---- exactly */

static int reader_get(struct search_part *p, uint32_t number, const int16_t **ret_v)
{
	struct vector_reader *r = &p->reader;

	if (number < r->first || number - r->first >= r->run.n) {
		int e;

		vector_run_done(&r->run);
		r->run.n = 0;
		e = p->segment->ops->vectors(p->segment, number, &r->run);
		if (e < 0)
			return e;
		r->first = number;
	}
	*ret_v = r->run.at + (size_t)(number - r->first) * p->segment->stride;
	return 0;
}

static int exact(struct search_part *p, uint32_t doc, const int16_t *q)
{
	const struct segment_doc *d = &p->segment->docs[doc];
	uint32_t n = segment_doc_vectors(d);
	int32_t whole = 0, best = INT32_MIN;

	for (uint32_t i = 0; i < n; i++) {
		const int16_t *v;
		int r = reader_get(p, d->first_vector + i, &v);
		int32_t dot;

		if (r < 0)
			return r;
		dot = vector_dot(q, v, p->segment->stride);
		if (i == 0)
			whole = dot;
		if ((i > 0 || n == 1) && dot > best)
			best = dot;
	}
	p->meaning[doc].low = p->meaning[doc].high = 0.5 * vector_cosine(whole) + 0.5 * vector_cosine(best);
	return 0;
}

int search_meaning_exactly(struct search *s, struct search_part *p, uint32_t doc)
{
	if (p->meaning[doc].low == p->meaning[doc].high)
		return 0;
	return search_failed(s, p->segment, exact(p, doc, s->vector));
}

/* ---- nearly: from the codes */

static struct span nearly(const struct segment *s, const struct segment_doc *d, const int16_t *q, double length)
{
	struct span whole = { 0 }, best = { -HUGE_VAL, -HUGE_VAL };
	const struct codes *c = &s->codes;
	uint32_t n = segment_doc_vectors(d);

	for (uint32_t i = 0; i < n; i++) {
		size_t number = (size_t)d->first_vector + i;
		double dot = (double)c->fits[number].scale * vector_code_dot(q, c->bytes + number * s->stride, s->stride);
		double off = length * c->fits[number].error;

		if (i == 0)
			whole = (struct span){ dot - off, dot + off };
		if (i > 0 || n == 1) {
			best.low = MAX(best.low, dot - off);
			best.high = MAX(best.high, dot + off);
		}
	}
	return (struct span){ (whole.low + best.low) / 2 / ((double)VECTOR_ONE * VECTOR_ONE),
			      (whole.high + best.high) / 2 / ((double)VECTOR_ONE * VECTOR_ONE) };
}

static int part_meaning(struct search *s, struct search_part *p, bool codes)
{
	double length = vector_length(s->vector, s->x->stride);
	uint32_t n = p->segment->n_docs;
	int r = codes ? codes_fill(&p->segment->codes, p->segment) : 0;

	p->meaning = r < 0 ? NULL : malloc((n + 1) * sizeof(*p->meaning));
	if (r >= 0 && !p->meaning)
		return -ENOMEM;
	for (uint32_t d = 0; r >= 0 && d < n; d++) {
		const struct segment_doc *doc = &p->segment->docs[d];

		p->meaning[d] = (struct span){ NO_MEANING, NO_MEANING };
		if (!p->candidate[d] || doc->n_passages == 0)
			continue;
		if (codes)
			p->meaning[d] = nearly(p->segment, doc, s->vector, length);
		else
			r = exact(p, d, s->vector);
	}
	return search_failed(s, p->segment, r);
}

/* A query of few candidates reads their vectors; a segment without living documents is not read at all. */
static bool wants_codes(const struct search_part *p)
{
	uint32_t candidates = 0;

	for (uint32_t d = 0; d < p->segment->n_docs; d++)
		candidates += p->candidate[d];
	return candidates > p->segment->n_docs / 8;
}

/* A segment that has its codes keeps them: the ones before it in the list become fewer, never more. */
int search_meaning(struct search *s, bool *ret_said)
{
	size_t room = CODES_BYTES;
	int r;

	s->vector = calloc(s->x->stride, sizeof(*s->vector));
	r = s->vector ? query_vector(s, s->vector) : -ENOMEM;
	*ret_said = r > 0;
	for (unsigned i = 0; r > 0 && i < s->n_parts; i++) {
		size_t need = (size_t)s->parts[i].segment->n_vectors * s->x->stride;
		bool fits = need <= room;
		int e = part_meaning(s, &s->parts[i], fits && wants_codes(&s->parts[i]));

		if (e < 0)
			return e;
		room -= fits ? need : 0;
	}
	return r < 0 ? r : 0;
}
