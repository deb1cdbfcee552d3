/* SPDX-License-Identifier: MIT */
/* What must stand in a document, or must not: excluded words by their postings; phrases, for which postings
 * only narrow down whose stored text is read, and so titles. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "index/query/search.h"
#include "index/words/words.h"

/* ---- excluded words */

static int exclude_word(struct search *s, const struct query_word *w, struct postings *scratch)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, true, terms);

	for (unsigned p = 0; p < s->n_parts; p++) {
		int r;

		scratch->n = 0;
		r = search_postings(s, &s->parts[p], terms, n, scratch);
		if (r < 0)
			return r;
		for (size_t i = 0; i < scratch->n; i++)
			s->parts[p].candidate[scratch->items[i].doc] = 0;
	}
	return 0;
}

int search_exclude_words(struct search *s)
{
	struct postings scratch = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->parsed.n_words; i++)
		if (s->parsed.words[i].negate)
			r = exclude_word(s, &s->parsed.words[i], &scratch);
	postings_done(&scratch);
	return r;
}

/* ---- phrases: postings narrow the documents down, their stored text decides */

/* Marks in `ret` the documents that have every word of the phrase. */
static int phrase_words(struct search *s, struct search_part *part, const char *text, size_t len,
			uint8_t *ret)
{
	struct word_reader words = words_over(text, len);
	struct postings p = { 0 };
	uint32_t round = 0;
	struct word w;
	int r = 0;

	memset(ret, 0, part->segment->n_docs);
	while (r >= 0 && round < 250 && words_next(&words, &w)) {
		struct term terms[LANGUAGES];
		unsigned n = search_terms(s, w.text, w.len, true, terms);

		p.n = 0;
		r = search_postings(s, part, terms, n, &p);
		for (size_t i = 0; r >= 0 && i < p.n; i++)
			if (ret[p.items[i].doc] == round)
				ret[p.items[i].doc] = (uint8_t)(round + 1);
		round++;
	}
	for (uint32_t d = 0; d < part->segment->n_docs; d++)
		ret[d] = ret[d] == round;
	postings_done(&p);
	return r;
}

/* In the text, the title, or a name? */
static int document_has(struct search_part *part, uint32_t doc, const struct query_phrase *q,
			struct buf *record, struct buf *text)
{
	struct stored st;
	int r;

	buf_reset(record);
	buf_reset(text);
	r = part->segment->ops->stored(part->segment, doc, record);
	if (r >= 0)
		r = stored_decode(record->data, record->len, &st);
	if (r >= 0)
		r = stored_text(&st, text);
	if (r < 0)
		return r;
	if (words_have_phrase(text->data, text->len, q->text, q->len) ||
	    words_have_phrase(st.title, st.title_len, q->text, q->len))
		return 1;
	for (const char *n = st.names, *end = n + st.names_len; n < end;
	     n += strnlen(n, (size_t)(end - n)) + 1)
		if (words_have_phrase(n, strnlen(n, (size_t)(end - n)), q->text, q->len))
			return 1;
	return 0;
}

static int filter_phrase(struct search *s, struct search_part *part, const struct query_phrase *q)
{
	_cleanup_free_ uint8_t *maybe = malloc(part->segment->n_docs + 1);
	_cleanup_buf_ struct buf record = BUF_INIT, text = BUF_INIT;
	int r = maybe ? phrase_words(s, part, q->text, q->len, maybe) : -ENOMEM;

	for (uint32_t d = 0; r >= 0 && d < part->segment->n_docs; d++) {
		if (!part->candidate[d])
			continue;
		if (!maybe[d]) {
			part->candidate[d] = q->negate;
			continue;
		}
		r = document_has(part, d, q, &record, &text);
		part->candidate[d] = (r > 0) != q->negate;
	}
	return search_failed(s, part->segment, r);
}

int search_filter_phrases(struct search *s)
{
	for (size_t i = 0; i < s->parsed.n_phrases; i++)
		for (unsigned p = 0; p < s->n_parts; p++) {
			int r = filter_phrase(s, &s->parts[p], &s->parsed.phrases[i]);

			if (r < 0)
				return r;
		}
	return 0;
}

/* ---- titles */

static int title_matches(const struct query_filter *f, const struct stored *st)
{
	_cleanup_buf_ struct buf folded = BUF_INIT;
	int r;

	if (!words_is_glob(f->value, f->len))
		return words_have_phrase(st->title, st->title_len, f->value, f->len);
	r = fold_text(st->title, st->title_len, &folded);
	return r < 0 ? r
		     : st->title_len && words_glob(f->value, f->len, (const char *)folded.data, folded.len);
}

static int has_title(struct search_part *part, uint32_t doc, const struct query_filter *f, struct buf *record)
{
	struct stored st;
	int r;

	buf_reset(record);
	r = part->segment->ops->stored(part->segment, doc, record);
	if (r >= 0)
		r = stored_decode(record->data, record->len, &st);
	return r < 0 ? r : title_matches(f, &st);
}

static int find_titles_in(struct search *s, struct search_part *part, const struct query_filter *f,
			  struct ino_set *files)
{
	_cleanup_free_ uint8_t *maybe = malloc(part->segment->n_docs + 1);
	_cleanup_buf_ struct buf record = BUF_INIT;
	bool narrow = !words_is_glob(f->value, f->len);
	int r = !maybe ? -ENOMEM : narrow ? phrase_words(s, part, f->value, f->len, maybe) : 0;

	for (uint32_t d = 0; r >= 0 && d < part->segment->n_docs; d++) {
		if (!part->candidate[d] || (narrow && !maybe[d]))
			continue;
		r = has_title(part, d, f, &record);
		if (r > 0)
			r = ino_set_add(files, part->segment->docs[d].ino);
	}
	return search_failed(s, part->segment, MIN(r, 0));
}

int search_find_titles(struct search *s, const struct query_filter *f, struct ino_set *files)
{
	int r = 0;

	for (unsigned p = 0; r >= 0 && p < s->n_parts; p++)
		r = find_titles_in(s, &s->parts[p], f, files);
	return r;
}
