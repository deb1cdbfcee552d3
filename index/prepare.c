/* SPDX-License-Identifier: MIT */
#include "index/prepare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/passages/passages.h"
#include "index/stored.h"
#include "index/vectors/vectors.h"

#define STEM_CACHE 8192

struct preparer {
	const struct embed_model *model;   /* borrowed */
	const struct languages *languages; /* borrowed */
	struct stemmer *stemmer;           /* owned */
	struct buf ids, offsets;           /* uint32_t, of the document's WordPiece tokens */
	struct buf passages;               /* uint32_t, where each begins */
	float *vector;                     /* owned; dimensions */
	uint32_t *seen;                    /* owned; by WordPiece: the last document that has it, as `round` counts */
	uint32_t round;
	struct sketch_maker sketch;        /* of the document's text */
};

void prepared_done(struct prepared *p)
{
	term_table_done(&p->terms);
	buf_done(&p->counts);
	buf_done(&p->stored);
	buf_done(&p->vectors);
}

int preparer_new(const struct embed_model *model, const struct languages *languages, struct preparer **ret_p)
{
	struct preparer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->model = model;
	p->languages = languages;
	p->vector = calloc(embed_dimensions(model), sizeof(*p->vector));
	p->seen = calloc(embed_vocabulary(model), sizeof(*p->seen));
	r = p->vector && p->seen ? stemmer_new(languages, STEM_CACHE, &p->stemmer) : -ENOMEM;
	if (r < 0) {
		preparer_free(p);
		return r;
	}
	*ret_p = p;
	return 0;
}

struct preparer *preparer_free(struct preparer *p)
{
	if (!p)
		return NULL;
	stemmer_free(p->stemmer);
	buf_done(&p->ids);
	buf_done(&p->offsets);
	buf_done(&p->passages);
	free(p->vector);
	free(p->seen);
	free(p);
	return NULL;
}

static int count_term(struct prepared *ret, const struct term *t)
{
	uint32_t number;
	int r = term_table_add(&ret->terms, t->bytes, t->len, &number);

	if (r < 0)
		return r;
	if (number == ret->counts.len / sizeof(uint32_t)) {
		uint32_t zero = 0;

		r = buf_add(&ret->counts, &zero, sizeof(zero));
		if (r < 0)
			return r;
	}
	((uint32_t *)(void *)ret->counts.data)[number]++;
	return 0;
}

static int add_word(struct preparer *p, const struct word *w, struct prepared *ret)
{
	struct term t = stemmer_term(p->stemmer, ret->doc.language, w->text, w->len);

	ret->doc.words += t.bytes[0] != TERM_STOP;
	return count_term(ret, &t);
}

static int add_words(struct preparer *p, const void *text, size_t len, struct prepared *ret)
{
	struct word_reader words = words_over(text, len);
	struct word w;
	int r = 0;

	while (r >= 0 && words_next(&words, &w))
		r = add_word(p, &w, ret);
	return r;
}

static int add_words_of_text(struct preparer *p, const void *text, size_t len, struct prepared *ret)
{
	struct word_reader words = words_over(text, len);
	struct word w;
	int r = 0;

	sketch_begin(&p->sketch);
	while (r >= 0 && words_next(&words, &w)) {
		sketch_word(&p->sketch, w.text, w.len);
		r = add_word(p, &w, ret);
	}
	sketch_end(&p->sketch, &ret->print);
	return r;
}

/* Numbers the documents, so that what was seen in the ones before need not be wiped each time. */
static void next_round(struct preparer *p)
{
	if (++p->round > 0)
		return;
	memset(p->seen, 0, embed_vocabulary(p->model) * sizeof(*p->seen));
	p->round = 1;
}

/* In which documents a WordPiece occurs weighs it in queries. */
static int add_pieces(struct preparer *p, const uint32_t *ids, size_t n, struct prepared *ret)
{
	int r = 0;

	next_round(p);
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct term t = term_of_piece(ids[i]);

		if (p->seen[ids[i]] == p->round)
			continue;
		p->seen[ids[i]] = p->round;
		r = count_term(ret, &t);
	}
	return r;
}

static int add_vector(struct preparer *p, const uint32_t *ids, size_t n, struct prepared *ret)
{
	size_t dimensions = embed_dimensions(p->model);
	void *place;
	int r = buf_extend(&ret->vectors, vector_stride(dimensions) * sizeof(int16_t), &place);

	if (r < 0)
		return r;
	embed_vector(p->model, ids, n, NULL, p->vector);
	vector_quantise(p->vector, dimensions, place);
	return 0;
}

/* The document's vector, then, when there are several, those of its passages. */
static int add_vectors(struct preparer *p, struct prepared *ret)
{
	const uint32_t *ids = (const uint32_t *)(const void *)p->ids.data;
	const uint32_t *offsets = (const uint32_t *)(const void *)p->offsets.data;
	size_t n = p->ids.len / sizeof(*ids);
	uint32_t count = passages_count(n);
	int r = count ? add_vector(p, ids, n, ret) : 0;

	ret->doc.n_passages = count;
	for (uint32_t i = 0; r >= 0 && i < count; i++) {
		uint64_t first, end;

		passages_get(n, i, &first, &end);
		r = buf_add(&p->passages, &offsets[first], sizeof(*offsets));
		if (r >= 0 && count > 1)
			r = add_vector(p, ids + first, end - first, ret);
	}
	return r;
}

static int add_text(struct preparer *p, const struct document *d, struct prepared *ret)
{
	int r = add_words_of_text(p, d->text.data, d->text.len, ret);

	if (r >= 0)
		r = embed_tokenise(p->model, (const char *)d->text.data, d->text.len, &p->ids, &p->offsets);
	if (r >= 0)
		r = add_pieces(p, (const uint32_t *)(const void *)p->ids.data, p->ids.len / sizeof(uint32_t), ret);
	if (r >= 0)
		r = add_vectors(p, ret);
	return r;
}

/* A title that the text does not begin with (HTML's head, document properties) is searched too. */
static int add_title(struct preparer *p, const struct document *d, struct prepared *ret)
{
	size_t len = strlen(d->title);

	if (len == 0 || memmem(d->text.data, MIN(d->text.len, (size_t)4096), d->title, len))
		return 0;
	return add_words(p, d->title, len, ret);
}

static void prepare_reset(struct preparer *p, struct prepared *ret)
{
	term_table_reset(&ret->terms);
	buf_reset(&ret->counts);
	buf_reset(&ret->stored);
	buf_reset(&ret->vectors);
	buf_reset(&p->ids);
	buf_reset(&p->offsets);
	buf_reset(&p->passages);
}

static int add_stored(struct preparer *p, const struct prepare_input *in, struct prepared *ret)
{
	const struct document *d = in->document;
	struct stored_input stored = {
		.mime = ret->mime, .why = in->why, .title = d->title, .names = in->names,
		.names_len = in->names_len, .seconds = in->seconds,
		.marks = d->marks, .n_marks = d->n_marks,
		.passages = (const uint32_t *)(const void *)p->passages.data,
		.n_passages = p->passages.len / sizeof(uint32_t),
		.text = d->text.data, .text_len = d->text.len,
	};

	return stored_encode(&stored, &ret->stored);
}

int prepare(struct preparer *p, const struct prepare_input *in, struct prepared *ret)
{
	const struct document *d = in->document;
	int r = 0;

	prepare_reset(p, ret);
	ret->doc = (struct segment_doc){ .state = (uint8_t)in->state };
	ret->print = (struct fingerprint){ .content = in->content };
	ret->doc.language = languages_detect(p->languages, d->lang, d->text.data, d->text.len);
	memcpy(ret->mime, d->mime, sizeof(ret->mime));
	ret->mime[sizeof(ret->mime) - 1] = 0;
	if (d->text.len > 0)
		r = add_text(p, d, ret);
	if (r >= 0)
		r = add_title(p, d, ret);
	if (r >= 0 && !in->hidden)
		r = add_words(p, in->names, in->names_len, ret);
	if (r >= 0)
		r = add_stored(p, in, ret);
	return r;
}
