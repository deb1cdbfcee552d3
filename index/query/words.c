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

static void add_scores(const struct search *s, struct search_part *part, const struct postings *p, double weight)
{
	for (size_t i = 0; i < p->n; i++) {
		uint32_t doc = p->items[i].doc;
		double count = p->items[i].count, length = length_of(s, &part->segment->docs[doc]);

		if (part->candidate[doc])
			part->words[doc] += weight * count * (K1 + 1) / (count + K1 * (1 - B + B * length));
	}
}

/* `postings`: one scratch for each part. */
static int score_word(struct search *s, const struct query_word *w, bool stops, struct postings *postings)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, stops, terms);
	double df = 0, idf;

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
	idf = log(1 + ((double)s->n_words_docs - df + 0.5) / (df + 0.5));
	for (unsigned i = 0; i < s->n_parts; i++)
		add_scores(s, &s->parts[i], &postings[i], w->count * idf);
	return 1;
}

/* Stop words count only when there is nothing else. */
static int score_all(struct search *s, struct postings *postings)
{
	int scored = 0;

	for (int stops = 0; stops < 2 && !scored; stops++)
		for (size_t i = 0; i < s->parsed.n_words; i++) {
			int r;

			if (s->parsed.words[i].negate)
				continue;
			r = score_word(s, &s->parsed.words[i], stops, postings);
			if (r < 0)
				return r;
			scored += r;
		}
	return 0;
}

int search_words(struct search *s)
{
	struct postings *postings = calloc(s->n_parts, sizeof(*postings));
	int r = postings ? words_room(s) : -ENOMEM;

	if (r >= 0)
		r = score_all(s, postings);
	for (unsigned i = 0; postings && i < s->n_parts; i++)
		postings_done(&postings[i]);
	free(postings);
	return r;
}
