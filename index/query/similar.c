/* SPDX-License-Identifier: MIT */
/* What files are like: the mean of their vectors, and those of their words that tell most, by how often they say them and how
 * few others do (tf-idf, Sparck Jones 1972). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/search.h"
#include "index/query/why.h"
#include "index/vectors/vectors.h"

/* Of a text, so much is looked at, and so many words searched for. */
#define TEXT_MAX (16u << 10)
#define WORDS_MAX 24u

struct likeness {
	struct search *s;
	float *sum;         /* owned; of the vectors */
	unsigned vectors;
	struct buf text;    /* of all files */
};

static int add_vector(struct likeness *l, struct search_part *p, uint32_t doc)
{
	const int16_t *v;
	int r;

	if (!p->segment->docs[doc].n_passages)
		return 0;
	r = segment_vector(p->segment, &p->reader, p->segment->docs[doc].first_vector, &v);
	for (size_t k = 0; r >= 0 && k < l->s->x->stride; k++)
		l->sum[k] += (float)v[k];
	l->vectors += r >= 0;
	return search_failed(l->s, p->segment, r);
}

static int add_text(struct likeness *l, struct search_part *p, uint32_t doc)
{
	_cleanup_buf_ struct buf record = BUF_INIT, text = BUF_INIT;
	struct stored st;
	int r = p->segment->ops->stored(p->segment, doc, &record);

	if (r >= 0)
		r = stored_decode(record.data, record.len, &st);
	if (r >= 0)
		r = stored_text(&st, &text);
	if (r >= 0)
		r = buf_add(&l->text, st.title, st.title_len);
	if (r >= 0)
		r = buf_add_u8(&l->text, ' ');
	if (r >= 0)
		r = buf_add(&l->text, text.data, MIN(text.len, (size_t)TEXT_MAX));
	if (r >= 0)
		r = buf_add_u8(&l->text, ' ');
	return search_failed(l->s, p->segment, r);
}

int search_walk_to(struct search *s, const char *path, struct search_part **ret_p, uint32_t *ret_doc)
{
	struct inode i;
	int r = search_walk(s, path, &i);

	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL)
		return query_why(s->ret_why, "to=%.200s: no such file below the folder that is asked", path);
	if (r < 0)
		return r;
	*ret_p = search_document(s, i.ino, ret_doc);
	return *ret_p ? 0 : query_why(s->ret_why, "to=%.200s: it is no file that is indexed", path);
}

static int add_file(struct likeness *l, const char *path)
{
	struct search_part *p;
	uint32_t doc;
	int r = search_walk_to(l->s, path, &p, &doc);

	if (r < 0)
		return r;
	p->candidate[doc] = 0;
	r = add_vector(l, p, doc);
	return r < 0 ? r : add_text(l, p, doc);
}

static int add_files(struct likeness *l)
{
	const struct query *q = l->s->query;
	int r = 0;

	for (const char *at = q->to, *end = at + q->to_len; q->to && at < end && r >= 0; at += strlen(at) + 1)
		r = add_file(l, at);
	return r;
}

/* ---- the vector */

static int set_vector(struct likeness *l)
{
	struct search *s = l->s;
	double length = 0;

	if (!l->vectors)
		return 0;
	for (size_t k = 0; k < s->x->stride; k++)
		length += (double)l->sum[k] * l->sum[k];
	if (length <= 0)
		return 0;
	s->vector = calloc(s->x->stride, sizeof(*s->vector));
	if (!s->vector)
		return -ENOMEM;
	for (size_t k = 0; k < s->x->stride; k++)
		l->sum[k] /= (float)sqrt(length);
	vector_quantise(l->sum, s->x->stride, s->vector);
	s->has_vector = true;
	return 0;
}

/* ---- the words */

struct weighed {
	struct query_word word;
	double weight;
};

static int compare(const void *a, const void *b)
{
	double x = ((const struct weighed *)a)->weight, y = ((const struct weighed *)b)->weight;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* In how many documents a word is, dead ones included: near enough to choose by. */
static int frequency(struct search *s, const struct query_word *w, uint64_t *ret_n)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, false, terms);

	*ret_n = 0;
	for (unsigned t = 0; t < n; t++)
		for (unsigned p = 0; p < s->n_parts; p++) {
			struct segment *segment = s->parts[p].segment;
			uint32_t found = 0;
			int r = segment->ops->frequency(segment, terms[t].bytes, terms[t].len, &found);

			if (r < 0)
				return search_failed(s, segment, r);
			*ret_n += found;
		}
	return 0;
}

/* A word that no other document has finds nothing, a stop word everything. */
static int weigh(struct search *s, struct weighed *w)
{
	double documents = (double)s->n_words_docs + 1;
	uint64_t n;
	int r = frequency(s, &w->word, &n);

	w->weight = r < 0 || n == 0 ? 0 : w->word.count * log(1 + documents / ((double)n + 0.5));
	return r;
}

/* Takes the words of `all`, the best ones to what is searched for. */
static int choose(struct search *s, struct parsed_query *all)
{
	struct weighed *w = calloc(all->n_words + 1, sizeof(*w));
	struct query_word *grown;
	size_t n = MIN(all->n_words, (size_t)WORDS_MAX);
	int r = w ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < all->n_words; k++) {
		w[k].word = all->words[k];
		r = weigh(s, &w[k]);
	}
	if (r >= 0) {
		qsort(w, all->n_words, sizeof(*w), compare);
		grown = reallocarray(s->parsed.words, s->parsed.n_words + n + 1, sizeof(*grown));
		r = grown ? 0 : -ENOMEM;
		for (size_t k = 0; grown && k < all->n_words; k++)
			all->words[k] = w[k].word;
		if (grown)
			s->parsed.words = grown;
	}
	for (size_t k = 0; r >= 0 && k < n && w[k].weight > 0; k++) {
		s->parsed.words[s->parsed.n_words++] = w[k].word;
		all->words[k].text = NULL; /* it is the other's now */
	}
	free(w);
	return r;
}

static int set_words(struct likeness *l)
{
	struct parsed_query all = { 0 };
	char *text = buf_cstr(&l->text);
	int r = text ? query_language_parse(text, true, &all, l->s->ret_why) : -ENOMEM;

	if (r < 0)
		return r == -EINVAL ? 0 : r; /* not a word in it */
	r = choose(l->s, &all);
	if (r >= 0)
		r = buf_add(&l->s->parsed.text, all.text.data, all.text.len);
	parsed_query_done(&all);
	return r;
}

int search_likeness(struct search *s)
{
	struct likeness l = { .s = s, .sum = calloc(s->x->stride, sizeof(float)) };
	int r = l.sum ? add_files(&l) : -ENOMEM;

	if (r >= 0 && s->query->like)
		r = buf_add_str(&l.text, s->query->like);
	if (r >= 0 && !s->query->like)
		r = set_vector(&l);
	if (r >= 0)
		r = set_words(&l);
	s->parsed.ranks = true;
	free(l.sum);
	buf_done(&l.text);
	return r;
}

/* ---- the threshold */

static struct search_part *part_of(struct search *s, const struct segment *segment)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		if (s->parts[p].segment == segment)
			return &s->parts[p];
	return NULL;
}

/* 1, 0 or -errno; what has no vector is like nothing. */
static int is_like(struct search *s, const struct hit *h)
{
	struct search_part *p = h->segment ? part_of(s, h->segment) : NULL;
	const struct cosines *c = p && p->meaning ? &p->meaning[h->doc] : NULL;
	int r;

	if (!c || c->whole <= NO_MEANING)
		return 0;
	r = search_meaning_exactly(s, p, h->doc);
	return r < 0 ? r : (c->whole + c->best) / 2 >= s->query->threshold;
}

int search_keep_like(struct search *s, struct hits *h)
{
	size_t kept = 0;

	for (size_t k = 0; k < h->n; k++) {
		int r = is_like(s, &h->items[k]);

		if (r < 0)
			return r;
		if (r)
			h->items[kept++] = h->items[k];
		else
			free(steal_ptr(&h->items[k].name));
	}
	h->n = h->total = kept;
	return 0;
}
