/* SPDX-License-Identifier: MIT */
/* The vector side: half the cosine of the query with the whole document, half that with its best
 * passage. The query's rows are weighted by sqrt(idf) of their WordPieces in the index.
 *
 * One-bit codes (index/codes.h) say where a candidate's cosine lies; the vectors themselves are read of those
 * that may be among the best only (rank.c). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/codes.h"
#include "index/query/search.h"
#include "index/vectors/vectors.h"

/* Lists are looked at until they had so many times the candidates that are kept. */
#define SEEN 4u
/* What single precision takes from an estimate, and more. */
#define ROUNDING 1e-5f

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

/* ---- one document */

static float off(float error)
{
	return RABITQ_EPSILON * error + ROUNDING;
}

/* From the codes; its list is looked at. The best passage's error is on the safe side: the greatest of several
 * estimates is too great rather than too small. */
static struct cosines estimate(struct code_scan *scan, const struct segment_doc *d)
{
	uint32_t v = d->first_vector, end = v + segment_doc_vectors(d);
	const float *cosines, *errors;
	uint32_t n = code_scan_run(scan, v, &cosines, &errors), i = d->n_passages > 1;
	struct cosines c = { .whole = cosines[0], .whole_off = off(errors[0]), .best = -2 };

	for (;;) {
		for (; i < n && v + i < end; i++)
			if (cosines[i] > c.best) {
				c.best = cosines[i];
				c.best_off = off(errors[i]);
			}
		v += n;
		if (v >= end)
			return c;
		n = code_scan_run(scan, v, &cosines, &errors);
		i = 0;
	}
}

/* The cosine of the i-th of the document's vectors. */
static int cosine(struct search_part *p, const struct segment_doc *d, uint32_t i, const int16_t *q, float *ret)
{
	const int16_t *v;
	int r = segment_vector(p->segment, &p->reader, d->first_vector + i, &v);

	if (r >= 0)
		*ret = (float)vector_cosine(vector_dot(q, v, p->segment->stride));
	return r;
}

static int compute_whole(struct search_part *p, uint32_t doc, const int16_t *q)
{
	struct cosines *c = &p->meaning[doc];

	c->whole_off = 0;
	return cosine(p, &p->segment->docs[doc], 0, q, &c->whole);
}

static int compute_best(struct search_part *p, uint32_t doc, const int16_t *q)
{
	const struct segment_doc *d = &p->segment->docs[doc];
	struct cosines *c = &p->meaning[doc];
	uint32_t n = segment_doc_vectors(d);
	int r = 0;

	c->best = n > 1 ? -2 : c->whole;
	c->best_off = 0;
	for (uint32_t i = 1; r >= 0 && i < n; i++) {
		float passage = -2;

		r = cosine(p, d, i, q, &passage);
		c->best = MAX(c->best, passage);
	}
	return r;
}

int search_meaning_nearer(struct search *s, struct search_part *p, uint32_t doc)
{
	int r = 0;

	if (p->meaning[doc].whole_off > 0)
		r = compute_whole(p, doc, s->vector);
	else if (p->meaning[doc].best_off > 0)
		r = compute_best(p, doc, s->vector);
	return search_failed(s, p->segment, r);
}

int search_meaning_exactly(struct search *s, struct search_part *p, uint32_t doc)
{
	int r = search_meaning_nearer(s, p, doc);

	return r < 0 ? r : search_meaning_nearer(s, p, doc);
}

/* ---- all candidates */

/* Returns how many candidates the list has that mean something. */
static size_t look_at(struct search_part *p, struct code_scan *scan, uint32_t list)
{
	const struct code_list *l = &p->segment->codes->lists[list];
	size_t seen = 0;

	code_scan_list(scan, list);
	for (uint32_t d = l->first_doc; d < l->first_doc + l->n_docs; d++)
		if (p->candidate[d] && p->segment->docs[d].n_passages) {
			p->meaning[d] = estimate(scan, &p->segment->docs[d]);
			seen++;
		}
	return seen;
}

struct near_list {
	int32_t near;
	uint32_t list;
};

static int compare_lists(const void *left, const void *right)
{
	const struct near_list *a = left, *b = right;

	if (a->near != b->near)
		return a->near < b->near ? 1 : -1;
	return (a->list > b->list) - (a->list < b->list);
}

static bool has_candidate(const struct search_part *p, const struct code_list *l)
{
	for (uint32_t d = l->first_doc; d < l->first_doc + l->n_docs; d++)
		if (p->candidate[d] && p->segment->docs[d].n_passages)
			return true;
	return false;
}

/* Lists with candidates, the nearest first. Their documents are unseen so far. */
static uint32_t order_lists(const struct search *s, struct search_part *p, struct near_list *ret)
{
	const struct codes *c = p->segment->codes;
	uint32_t n = 0;

	for (uint32_t l = 0; l < c->n_lists; l++)
		if (has_candidate(p, &c->lists[l]))
			ret[n++] = (struct near_list){ vector_dot(s->vector, c->centres + l * c->stride, c->stride), l };
	for (uint32_t d = 0; d < p->segment->n_docs; d++)
		if (p->candidate[d] && p->segment->docs[d].n_passages)
			p->meaning[d] = (struct cosines){ .whole_off = HUGE_VALF, .best_off = HUGE_VALF };
	qsort(ret, n, sizeof(*ret), compare_lists);
	return n;
}

static int look_at_nearest(struct search *s, struct search_part *p, size_t keep)
{
	const struct codes *c = p->segment->codes;
	_cleanup_free_ struct near_list *lists = calloc((size_t)c->n_lists + 1, sizeof(*lists));
	struct code_scan *scan;
	size_t seen = 0;
	uint32_t n;
	int r = lists ? code_scan_new(c, s->vector, &scan) : -ENOMEM;

	if (r < 0)
		return r;
	n = order_lists(s, p, lists);
	for (uint32_t i = 0; i < n && (i < c->probes || seen / SEEN < keep); i++)
		seen += look_at(p, scan, lists[i].list);
	code_scan_free(scan);
	return 0;
}

static int part_meaning(struct search *s, struct search_part *p, size_t keep)
{
	uint32_t n = p->segment->n_docs;

	p->meaning = calloc((size_t)n + 1, sizeof(*p->meaning));
	if (!p->meaning)
		return -ENOMEM;
	for (uint32_t d = 0; d < n; d++)
		p->meaning[d].whole = NO_MEANING;
	return look_at_nearest(s, p, keep);
}

int search_meaning(struct search *s, size_t keep, bool *ret_said)
{
	int r;

	if (!s->vector)
		s->vector = calloc(s->x->stride, sizeof(*s->vector));
	r = s->has_vector ? 1 : s->vector ? query_vector(s, s->vector) : -ENOMEM;
	*ret_said = r > 0;
	for (unsigned i = 0; r > 0 && i < s->n_parts; i++) {
		int e = part_meaning(s, &s->parts[i], keep);

		if (e < 0)
			return e;
	}
	return r < 0 ? r : 0;
}
