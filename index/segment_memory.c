/* SPDX-License-Identifier: MIT */
#include "index/segment_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/codes.h"

struct posting_list {
	struct buf bytes; /* owned */
	uint32_t last;    /* document of the last posting */
	uint32_t n;
};

struct segment_memory {
	struct segment base;
	struct term_table terms;
	struct posting_list *lists; /* owned; one for each term */
	uint32_t lists_cap, docs_cap, mimes_cap;
	uint32_t prints_cap;
	struct fingerprint *prints; /* owned; one for each document */
	struct buf stored, vectors; /* owned */
};

static struct segment_memory *memory_of(struct segment *s)
{
	return (struct segment_memory *)s;
}

static int memory_postings(struct segment *s, const void *term, size_t len, struct postings *p)
{
	struct segment_memory *m = memory_of(s);
	int64_t number = term_table_find(&m->terms, term, len);

	if (number < 0)
		return 0;
	return postings_decode(m->lists[number].bytes.data, m->lists[number].bytes.len, s->n_docs, p);
}

static int memory_frequency(struct segment *s, const void *term, size_t len, uint32_t *ret_n)
{
	struct segment_memory *m = memory_of(s);
	int64_t number = term_table_find(&m->terms, term, len);

	*ret_n = number < 0 ? 0 : m->lists[number].n;
	return 0;
}

static int memory_vectors(struct segment *s, uint32_t first, struct vector_run *ret_run)
{
	struct segment_memory *m = memory_of(s);

	if (first >= s->n_vectors)
		return -EBADMSG;
	*ret_run = (struct vector_run){ .at = (const int16_t *)(const void *)m->vectors.data + first * s->stride,
					.n = s->n_vectors - first };
	return 0;
}

static int memory_stored(struct segment *s, uint32_t doc, struct buf *ret_record)
{
	return buf_add(ret_record, memory_of(s)->stored.data + s->docs[doc].stored, s->docs[doc].stored_len);
}

static int memory_fingerprint(struct segment *s, uint32_t doc, struct fingerprint *ret_f)
{
	*ret_f = memory_of(s)->prints[doc];
	return 0;
}

/* ---- walking the terms in order */

struct term_walk {
	struct segment_memory *m; /* borrowed */
	uint32_t *order;          /* owned */
	uint32_t at;
};

static int compare_terms(const void *a, const void *b, void *table)
{
	const struct term_table *t = table;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	size_t xl = t->entries[x].len, yl = t->entries[y].len;
	int c = memcmp(term_table_bytes(t, x), term_table_bytes(t, y), MIN(xl, yl));

	return c ? c : (xl > yl) - (xl < yl);
}

static int memory_walk(struct segment *s, struct term_walk **ret_w)
{
	struct segment_memory *m = memory_of(s);
	struct term_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->m = m;
	w->order = malloc((m->terms.n + 1) * sizeof(*w->order));
	if (!w->order) {
		free(w);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->terms.n; i++)
		w->order[i] = i;
	qsort_r(w->order, m->terms.n, sizeof(*w->order), compare_terms, &m->terms);
	*ret_w = w;
	return 0;
}

static int memory_walk_next(struct term_walk *w, const void **ret_term, size_t *ret_len, struct postings *p)
{
	struct segment_memory *m = w->m;
	uint32_t number;
	int r;

	if (w->at == m->terms.n)
		return 0;
	number = w->order[w->at++];
	*ret_term = term_table_bytes(&m->terms, number);
	*ret_len = m->terms.entries[number].len;
	r = postings_decode(m->lists[number].bytes.data, m->lists[number].bytes.len, m->base.n_docs, p);
	return r < 0 ? r : 1;
}

static struct term_walk *memory_walk_free(struct term_walk *w)
{
	if (w)
		free(w->order);
	free(w);
	return NULL;
}

static void memory_free(struct segment *s)
{
	struct segment_memory *m = memory_of(s);

	for (uint32_t i = 0; i < m->terms.n && i < m->lists_cap; i++)
		buf_done(&m->lists[i].bytes);
	free(m->lists);
	free(m->prints);
	term_table_done(&m->terms);
	buf_done(&m->stored);
	buf_done(&m->vectors);
	free(s->docs);
	free(s->flags);
	free(s->mimes);
	codes_free(s->codes);
	free(m);
}

static const struct segment_ops memory_ops = {
	.postings = memory_postings,
	.frequency = memory_frequency,
	.vectors = memory_vectors,
	.stored = memory_stored,
	.fingerprint = memory_fingerprint,
	.walk = memory_walk,
	.walk_next = memory_walk_next,
	.walk_free = memory_walk_free,
	.free = memory_free,
};

int segment_memory_new(size_t stride, struct segment **ret_s)
{
	struct segment_memory *m = calloc(1, sizeof(*m));
	int r = m ? codes_new(stride, &m->base.codes) : -ENOMEM;

	if (r < 0) {
		free(m);
		return r;
	}
	m->base.ops = &memory_ops;
	m->base.stride = stride;
	*ret_s = &m->base;
	return 0;
}

/* ---- adding: first all room, so that nothing is left half done */

#define GROW(array, cap, n)                                                                        \
	({                                                                                         \
		int _r = 0;                                                                        \
		if ((n) >= (cap)) {                                                                \
			uint32_t _cap = (cap) ? 2 * (cap) : 64;                                    \
			void *_grown;                                                              \
			while (_cap <= (n))                                                        \
				_cap *= 2;                                                         \
			_grown = reallocarray(array, _cap, sizeof(*(array)));                      \
			if (_grown) {                                                              \
				(array) = _grown;                                                  \
				(cap) = _cap;                                                      \
			} else {                                                                   \
				_r = -ENOMEM;                                                      \
			}                                                                          \
		}                                                                                  \
		_r;                                                                                \
	})

static int reserve_docs(struct segment_memory *m)
{
	uint32_t flags_cap = m->docs_cap;
	int r = GROW(m->base.flags, flags_cap, m->base.n_docs);

	if (r >= 0)
		r = GROW(m->prints, m->prints_cap, m->base.n_docs);
	return r < 0 ? r : GROW(m->base.docs, m->docs_cap, m->base.n_docs);
}

static int find_mime(struct segment_memory *m, const char *mime, uint16_t *ret_number)
{
	struct segment *s = &m->base;
	uint16_t i = 0;
	int r;

	while (i < s->n_mimes && strcmp(s->mimes[i], mime) != 0)
		i++;
	*ret_number = i;
	if (i < s->n_mimes || i == UINT16_MAX)
		return 0;
	r = GROW(s->mimes, m->mimes_cap, i);
	if (r < 0)
		return r;
	memcpy(s->mimes[i], mime, sizeof(s->mimes[i]));
	s->n_mimes++;
	return 0;
}

static int reserve_terms(struct segment_memory *m, const struct prepared *p)
{
	for (uint32_t i = 0; i < p->terms.n; i++) {
		uint32_t known = m->terms.n, number;
		int r = GROW(m->lists, m->lists_cap, known);

		if (r >= 0)
			r = term_table_add(&m->terms, term_table_bytes(&p->terms, i), p->terms.entries[i].len, &number);
		if (r < 0)
			return r;
		if (number == known)
			m->lists[number] = (struct posting_list){ 0 };
		r = buf_reserve(&m->lists[number].bytes, 20);
		if (r < 0)
			return r;
	}
	return 0;
}

static void add_postings(struct segment_memory *m, const struct prepared *p, uint32_t doc)
{
	const uint32_t *counts = (const uint32_t *)(const void *)p->counts.data;

	for (uint32_t i = 0; i < p->terms.n; i++) {
		int64_t number = term_table_find(&m->terms, term_table_bytes(&p->terms, i), p->terms.entries[i].len);
		struct posting_list *l = &m->lists[number];

		(void) postings_encode(&l->bytes, doc - l->last, counts[i]);
		l->last = doc;
		l->n++;
	}
}

static size_t memory_size(const struct segment_memory *m)
{
	return m->stored.len + m->vectors.len + term_table_memory(&m->terms) + m->terms.n * (sizeof(*m->lists) + 64) +
	       m->docs_cap * (sizeof(*m->base.docs) + sizeof(*m->prints) + 1);
}

int segment_memory_add(struct segment *s, const struct prepared *p, uint32_t *ret_doc)
{
	struct segment_memory *m = memory_of(s);
	size_t stored_len = m->stored.len;
	struct segment_doc *d;
	uint16_t mime;
	int r = reserve_docs(m);

	if (r >= 0)
		r = find_mime(m, p->mime, &mime);
	if (r >= 0)
		r = reserve_terms(m, p);
	if (r >= 0)
		r = buf_reserve(&m->vectors, p->vectors.len);
	if (r >= 0)
		r = codes_reserve(s->codes, segment_doc_vectors(&p->doc));
	if (r >= 0)
		r = buf_add(&m->stored, p->stored.data, p->stored.len);
	if (r < 0)
		return r;
	d = &s->docs[s->n_docs];
	*d = p->doc;
	d->mime = mime;
	d->stored = stored_len;
	d->stored_len = (uint32_t)p->stored.len;
	d->first_vector = s->n_vectors;
	m->prints[s->n_docs] = p->print;
	s->flags[s->n_docs] = 0;
	add_postings(m, p, s->n_docs);
	(void) buf_add(&m->vectors, p->vectors.data, p->vectors.len);
	codes_add(s->codes, (const int16_t *)(const void *)p->vectors.data, segment_doc_vectors(d));
	s->n_vectors += segment_doc_vectors(d);
	*ret_doc = s->n_docs++;
	s->memory = memory_size(m);
	return 0;
}
