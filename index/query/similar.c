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

/* Of a text, and of all together, so much is looked at, and so many words searched for. */
#define TEXT_MAX (16u << 10)
#define TEXTS_MAX (256u << 10)
#define WORDS_MAX 24u

struct likeness {
	struct search *s;
	float *sum;         /* owned; of the vectors */
	unsigned vectors;
	struct buf text;    /* of all files, */
	size_t text_max;    /* of each so much at most */
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
		r = buf_add(&l->text, text.data, MIN(text.len, l->text_max));
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
	unsigned files = 1;
	int r = 0;

	for (size_t k = 0; k + 1 < q->to_len; k++)
		files += !q->to[k];
	l->text_max = MIN(TEXT_MAX, TEXTS_MAX / files);
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

/* For who sees only some files: in how many of those. */
static int frequency_seen(struct search *s, const struct term *terms, unsigned n, uint64_t *ret_n)
{
	struct postings postings = { 0 };
	int r = 0;

	for (unsigned p = 0; p < s->n_parts && r >= 0; p++) {
		postings.n = 0;
		r = search_postings(s, &s->parts[p], terms, n, &postings);
		for (size_t i = 0; i < postings.n && r >= 0; i++)
			*ret_n += s->parts[p].alive[postings.items[i].doc];
	}
	postings_done(&postings);
	return r;
}

/* In how many documents a word is, dead ones included: near enough to choose by. */
static int frequency(struct search *s, const struct query_word *w, uint64_t *ret_n)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, false, terms);

	*ret_n = 0;
	if (s->scope->who)
		return frequency_seen(s, terms, n, ret_n);
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
		r = buf_add(&l.text, s->query->like, strnlen(s->query->like, TEXTS_MAX));
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

/* Its cosine is had as exactly as it takes to say so; what has no vector is like nothing. 1, 0 or -errno. */
static int is_like(struct search *s, struct search_part *p, uint32_t d)
{
	const struct cosines *c = &p->meaning[d];
	double middle, off;
	int r = 0;

	if (c->whole <= NO_MEANING)
		return 0;
	do {
		middle = 0.5 * ((double)c->whole + c->best);
		off = 0.5 * ((double)c->whole_off + c->best_off);
		if (middle - off >= s->query->threshold)
			return 1;
		if (middle + off < s->query->threshold)
			return 0;
		r = off > 0 ? search_meaning_nearer(s, p, d) : 0;
	} while (r >= 0 && off > 0);
	return r < 0 ? r : middle >= s->query->threshold;
}

int search_filter_like(struct search *s, bool meaning)
{
	int r = 0;

	for (unsigned p = 0; p < s->n_parts && r >= 0; p++)
		for (uint32_t d = 0; d < s->parts[p].segment->n_docs && r >= 0; d++) {
			if (!s->parts[p].candidate[d])
				continue;
			r = meaning ? is_like(s, &s->parts[p], d) : 0;
			s->parts[p].candidate[d] = r > 0;
		}
	return MIN(r, 0);
}
