/* SPDX-License-Identifier: MIT */
/* A window of a few words around the place where most of the query's words stand together. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/query/search.h"
#include "index/rules.h"
#include "index/term_table.h"

#define WINDOW_BYTES 200u
#define LEAD_BYTES 40u
/* Of longer texts only the beginning is looked through. */
#define LOOK_BYTES (1u << 20)
#define TERMS_MAX 64u

/* Terms of the query in the document's language; few, so a list will do. Most words of a text are passed
 * over by their first byte, without stemming them. */
struct wanted {
	struct term terms[TERMS_MAX];
	unsigned n;
	bool keeps_first;         /* stems of this language begin as their words do, as far as ASCII goes */
	bool first[256];          /* first bytes of the terms */
};

static void want(struct wanted *w, const struct term *t)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->terms[i].len == t->len && memcmp(w->terms[i].bytes, t->bytes, t->len) == 0)
			return;
	if (w->n == TERMS_MAX || t->bytes[0] == TERM_STOP)
		return;
	w->terms[w->n++] = *t;
	w->first[t->bytes[0]] = true;
}

static void want_query(struct search *s, uint8_t language, struct wanted *w)
{
	uint8_t stems = languages_stem_of(s->x->rules->languages, language);

	w->keeps_first = stems == LANGUAGE_ENGLISH || stems == LANGUAGE_GERMAN;
	for (size_t i = 0; i < s->parsed.n_words; i++) {
		const struct query_word *q = &s->parsed.words[i];
		struct term t = stemmer_term(s->stemmer, language, q->text, q->len);

		if (!q->negate)
			want(w, &t);
	}
}

static int wanted_number(const struct wanted *w, const struct term *t)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->terms[i].len == t->len && memcmp(w->terms[i].bytes, t->bytes, t->len) == 0)
			return (int)i;
	return -1;
}

/* A hit of a wanted term in the text. */
struct place {
	size_t offset;
	uint32_t term;
};

static int find_places(struct search *s, uint8_t language, const struct wanted *w, const struct buf *text,
		       struct buf *ret_places)
{
	struct word_reader words = words_over(text->data, MIN(text->len, (size_t)LOOK_BYTES));
	struct word word;

	while (w->n > 0 && words_next(&words, &word)) {
		uint8_t first = (uint8_t)word.text[0];
		struct place p = { .offset = word.offset };
		struct term t;
		int number, r;

		if (w->keeps_first && first < 128 && !w->first[first])
			continue;
		t = stemmer_term(s->stemmer, language, word.text, word.len);
		number = wanted_number(w, &t);
		p.term = (uint32_t)number;
		r = number < 0 ? 0 : buf_add(ret_places, &p, sizeof(p));
		if (r < 0)
			return r;
	}
	return 0;
}

/* The place from which a window holds the most different terms; the first of equals. */
static size_t densest(const struct place *places, size_t n)
{
	unsigned in_window[TERMS_MAX] = { 0 }, different = 0, most = 0;
	size_t best = 0, low = 0;

	for (size_t high = 0; high < n; high++) {
		different += in_window[places[high].term]++ == 0;
		while (places[high].offset - places[low].offset > WINDOW_BYTES - LEAD_BYTES)
			different -= --in_window[places[low++].term] == 0;
		if (different > most) {
			most = different;
			best = places[low].offset;
		}
	}
	return best;
}

/* Goes back to the beginning of a word, at most LEAD_BYTES. */
static size_t lead_in(const struct buf *text, size_t at)
{
	size_t begin = at > LEAD_BYTES ? at - LEAD_BYTES : 0;

	while (begin > 0 && begin < at && !isspace(text->data[begin - 1]))
		begin++;
	while (begin < text->len && (text->data[begin] & 0xc0) == 0x80)
		begin++;
	return begin;
}

/* Copies a window with each run of white space as one blank. */
static int copy_window(const struct buf *text, size_t begin, struct buf *ret)
{
	const uint8_t *at = text->data + begin, *end = text->data + text->len;
	bool blank = false;
	int r = 0;

	while (r >= 0 && at < end && ret->len < WINDOW_BYTES) {
		uint32_t c = utf8_next(&at, end);

		if (c <= ' ' || c == 0x7f || c == 0xa0) {
			blank = ret->len > 0;
			continue;
		}
		if (blank)
			r = buf_add_u8(ret, ' ');
		blank = false;
		if (r >= 0)
			r = utf8_add(ret, c);
	}
	return r;
}

static size_t count_lines(const struct buf *text, size_t end)
{
	size_t n = 1;

	for (size_t i = 0; i < end && i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

/* The document's best passage for this query would need its vectors again; its beginning is near enough
 * where no word is common. */
static size_t choose(const struct buf *places)
{
	return places->len ? densest((const struct place *)(const void *)places->data,
				     places->len / sizeof(struct place))
			   : 0;
}

int search_snippet(struct search *s, const struct hit *h, const struct stored *stored, struct snippet *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT, places = BUF_INIT;
	uint8_t language = h->segment->docs[h->doc].language;
	struct wanted w = { .n = 0 };
	uint32_t number;
	size_t at;
	char kind;
	int r = stored_text(stored, &text);

	if (r < 0 || text.len == 0)
		return r;
	want_query(s, language, &w);
	r = find_places(s, language, &w, &text, &places);
	if (r < 0)
		return r;
	at = choose(&places);
	if (stored_mark(stored, at, &kind, &number))
		(void) snprintf(ret->locator, sizeof(ret->locator), "%c%u", kind, number);
	else if (stored->n_marks == 0)
		(void) snprintf(ret->locator, sizeof(ret->locator), "l%zu", count_lines(&text, at));
	return copy_window(&text, lead_in(&text, at), &ret->text);
}
