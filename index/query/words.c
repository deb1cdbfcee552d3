/* SPDX-License-Identifier: MIT */
/* BM25 (Robertson and Walker 1994, with the idf of Lucene that is never negative), k1 1.5, b 0.75, over a
 * file's text and names. A word's stems in the languages of the index count as one term. Document
 * frequencies count living documents only: they are exact whatever dead ones a segment still holds, and
 * since every posting is looked at for that, nothing is skipped by block maxima. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/query/search.h"

#define K1 1.5
#define B 0.75

static int words_room(struct search *s)
{
	for (unsigned i = 0; i < s->n_parts; i++) {
		s->parts[i].words = calloc(s->parts[i].segment->n_docs + 1, sizeof(double));
		if (!s->parts[i].words)
			return -ENOMEM;
	}
	return 0;
}

static void keep_alive(const struct search_part *part, struct postings *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (part->alive[p->items[i].doc])
			p->items[n++] = p->items[i];
	p->n = n;
}

/* Relative to the mean. Of a file without text only names are known: it is not short, it counts as mean. */
static double length_of(const struct search *s, const struct segment_doc *d)
{
	return d->n_passages || d->words > s->mean_words ? d->words / s->mean_words : 1;
}

static double score_of(const struct search *s, const struct search_part *part, const struct posting *p,
		       double weight)
{
	double count = p->count, length = length_of(s, &part->segment->docs[p->doc]);

	return weight * count * (K1 + 1) / (count + K1 * (1 - B + B * length));
}

/* `postings`: one scratch for each part. *ret_weight: how often the query says the word, times its idf. 0: it
 * does not count. */
static int find_word(struct search *s, const struct query_word *w, bool stops, struct postings *postings,
		     double *ret_weight)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, stops, terms);
	double df = 0;

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < s->n_parts; i++) {
		int r;

		postings[i].n = 0;
		r = search_postings(s, &s->parts[i], terms, n, &postings[i]);
		if (r < 0)
			return r;
		keep_alive(&s->parts[i], &postings[i]);
		df += (double)postings[i].n;
	}
	*ret_weight = w->count * log(1 + ((double)s->n_words_docs - df + 0.5) / (df + 0.5));
	return 1;
}

typedef int (*visit_word)(struct search *s, const struct query_word *w, const struct postings *postings,
			  double weight, void *context);

/* Stop words count only when there is nothing else. */
static int each_word(struct search *s, struct postings *postings, visit_word visit, void *context)
{
	bool scored = false;

	for (int stops = 0; stops < 2 && !scored; stops++)
		for (size_t i = 0; i < s->parsed.n_words; i++) {
			const struct query_word *w = &s->parsed.words[i];
			double weight;
			int r = w->negate ? 0 : find_word(s, w, stops, postings, &weight);

			scored = scored || r > 0;
			if (r > 0)
				r = visit(s, w, postings, weight, context);
			if (r < 0)
				return r;
		}
	return 0;
}

static int each_word_with_scratch(struct search *s, visit_word visit, void *context)
{
	struct postings *postings = calloc(s->n_parts, sizeof(*postings));
	int r = postings ? each_word(s, postings, visit, context) : -ENOMEM;

	for (unsigned i = 0; postings && i < s->n_parts; i++)
		postings_done(&postings[i]);
	free(postings);
	return r;
}

static int add_scores(struct search *s, const struct query_word *w, const struct postings *postings,
		      double weight, void *context)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		for (size_t i = 0; i < postings[p].n; i++) {
			const struct posting *at = &postings[p].items[i];

			if (s->parts[p].candidate[at->doc])
				s->parts[p].words[at->doc] += score_of(s, &s->parts[p], at, weight);
		}
	return 0;
}

int search_words(struct search *s)
{
	int r = words_room(s);

	return r < 0 ? r : each_word_with_scratch(s, add_scores, NULL);
}

/* ---- of single files */

struct telling {
	const struct hits *hits;
	int (*each)(void *context, size_t hit, const struct query_word *w, uint32_t count, double score);
	void *context;
};

static int compare_docs(const void *left, const void *right)
{
	const struct posting *a = left, *b = right;

	return (a->doc > b->doc) - (a->doc < b->doc);
}

static int tell_hits(struct search *s, const struct query_word *w, const struct postings *postings,
		     double weight, void *context)
{
	const struct telling *t = context;
	int r = 0;

	for (size_t k = 0; k < t->hits->n && r >= 0; k++)
		for (unsigned p = 0; p < s->n_parts && r >= 0; p++) {
			const struct posting wanted = { .doc = t->hits->items[k].doc }, *at;

			if (s->parts[p].segment != t->hits->items[k].segment || !postings[p].n)
				continue;
			at = bsearch(&wanted, postings[p].items, postings[p].n, sizeof(wanted), compare_docs);
			if (at)
				r = t->each(t->context, k, w, at->count,
					    score_of(s, &s->parts[p], at, weight));
		}
	return r;
}

int search_each_word(struct search *s, const struct hits *h,
		     int (*each)(void *context, size_t hit, const struct query_word *w, uint32_t count,
				 double score),
		     void *context)
{
	return each_word_with_scratch(s, tell_hits, &(struct telling){ h, each, context });
}
