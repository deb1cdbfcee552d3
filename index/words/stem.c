/* SPDX-License-Identifier: MIT */
#include "index/words/stem.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "index/words/stopwords.h"

/* Stop words of one language, open addressing. */
struct stop_table {
	const char **words; /* owned array of borrowed words; `mask` + 1 places */
	uint8_t *lens;      /* owned */
	uint32_t mask;
};

struct languages {
	bool used[LANGUAGES];
	uint8_t fallback;
	struct stop_table stops[LANGUAGES];
};

#define STOP_PLACES 1024u
/* Of the first words of a document, how many are looked at. */
#define DETECT_WORDS 2000u

static uint32_t stop_place(const struct stop_table *t, const char *word, size_t len)
{
	uint32_t at = (uint32_t)hash_bytes(word, len, 0) & t->mask;

	while (t->words[at] && (t->lens[at] != len || memcmp(t->words[at], word, len) != 0))
		at = (at + 1) & t->mask;
	return at;
}

static int stop_table_fill(struct stop_table *t, const char *list)
{
	t->words = calloc(STOP_PLACES, sizeof(*t->words));
	t->lens = calloc(STOP_PLACES, 1);
	if (!t->words || !t->lens)
		return -ENOMEM;
	t->mask = STOP_PLACES - 1;
	for (const char *w = list; *w;) {
		size_t len = strcspn(w, " ");
		uint32_t at = stop_place(t, w, len);

		t->words[at] = w;
		t->lens[at] = (uint8_t)len;
		w += len + strspn(w + len, " ");
	}
	return 0;
}

static int language_add(struct languages *l, uint8_t language)
{
	const char *words = stopword_lists[language].words;

	if (l->used[language])
		return 0;
	l->used[language] = true;
	return words ? stop_table_fill(&l->stops[language], words) : 0;
}

static uint8_t language_named(const char *name, size_t len)
{
	for (uint8_t i = 0; i < LANGUAGES; i++)
		if ((strlen(stopword_lists[i].algorithm) == len &&
		     strncasecmp(stopword_lists[i].algorithm, name, len) == 0) ||
		    (len == 2 && strncasecmp(stopword_lists[i].code, name, 2) == 0))
			return i;
	return LANGUAGE_UNKNOWN;
}

static int unknown_language(const char *name, size_t len, char **ret_why)
{
	struct buf why = BUF_INIT;

	(void) buf_addf(&why, "no stemmer for the language '%.*s'; there are", (int)len, name);
	for (unsigned i = 0; i < LANGUAGES; i++)
		(void) buf_addf(&why, " %s", stopword_lists[i].algorithm);
	*ret_why = buf_cstr(&why);
	return -EINVAL;
}

/* The first added language takes the documents that are in no known one. */
static int languages_add_all(struct languages *l, const char *added, char **ret_why)
{
	for (const char *at = added + strspn(added, " ,\t"); *at; at += strspn(at, " ,\t")) {
		size_t len = strcspn(at, " ,\t");
		uint8_t language = language_named(at, len);
		int r;

		if (language == LANGUAGE_UNKNOWN)
			return unknown_language(at, len, ret_why);
		r = language_add(l, language);
		if (r < 0)
			return r;
		if (l->fallback == LANGUAGE_ENGLISH)
			l->fallback = language;
		at += len;
	}
	return 0;
}

int languages_new(const char *added, struct languages **ret_l, char **ret_why)
{
	struct languages *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->fallback = LANGUAGE_ENGLISH;
	r = language_add(l, LANGUAGE_ENGLISH);
	if (r >= 0)
		r = language_add(l, LANGUAGE_GERMAN);
	if (r >= 0 && added)
		r = languages_add_all(l, added, ret_why);
	if (r < 0) {
		languages_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

struct languages *languages_free(struct languages *l)
{
	if (!l)
		return NULL;
	for (unsigned i = 0; i < LANGUAGES; i++) {
		free(l->stops[i].words);
		free(l->stops[i].lens);
	}
	free(l);
	return NULL;
}

const char *language_code(uint8_t language)
{
	return language < LANGUAGES ? stopword_lists[language].code : "";
}

uint8_t languages_stem_of(const struct languages *l, uint8_t language)
{
	return language < LANGUAGES && l->used[language] ? language : l->fallback;
}

bool languages_stops(const struct languages *l, uint8_t language, const char *word, size_t len)
{
	const struct stop_table *t = language < LANGUAGES ? &l->stops[language] : NULL;

	return t && t->words && t->words[stop_place(t, word, len)] != NULL;
}

uint8_t languages_detect(const struct languages *l, const char *declared, const void *text, size_t len)
{
	struct word_reader reader = words_over(text, len);
	uint8_t said = language_named(declared, MIN(strcspn(declared, "-_"), (size_t)2)), best = LANGUAGE_UNKNOWN;
	unsigned hits[LANGUAGES] = { 0 }, words = 0;
	struct word w;

	if (said != LANGUAGE_UNKNOWN && l->used[said])
		return said;
	for (; words < DETECT_WORDS && words_next(&reader, &w); words++)
		for (uint8_t i = 0; i < LANGUAGES; i++)
			hits[i] += languages_stops(l, i, w.text, w.len);
	for (uint8_t i = 0; i < LANGUAGES; i++)
		if (hits[i] >= 2 && hits[i] * 8 >= words && (best == LANGUAGE_UNKNOWN || hits[i] > hits[best]))
			best = i;
	return best;
}

/* ---- terms */

#define CACHED_MAX 23

struct cached_stem {
	uint8_t language;
	uint8_t word_len, term_len; /* word_len 0: empty */
	char word[CACHED_MAX];
	uint8_t term[CACHED_MAX + 1];
};

struct stemmer {
	const struct languages *languages;            /* borrowed */
	struct sb_stemmer *algorithms[LANGUAGES];     /* owned; made when first used */
	struct cached_stem *cache;                    /* owned; cache_mask + 1 entries, or NULL */
	uint32_t cache_mask;
};

struct term term_of_piece(uint32_t id)
{
	return (struct term){ .bytes = { TERM_PIECE, (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id },
			      .len = 4 };
}

int stemmer_new(const struct languages *l, unsigned cache, struct stemmer **ret_s)
{
	struct stemmer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->languages = l;
	if (cache) {
		s->cache = calloc(cache, sizeof(*s->cache));
		s->cache_mask = cache - 1;
		if (!s->cache) {
			free(s);
			return -ENOMEM;
		}
	}
	*ret_s = s;
	return 0;
}

struct stemmer *stemmer_free(struct stemmer *s)
{
	if (!s)
		return NULL;
	for (unsigned i = 0; i < LANGUAGES; i++)
		if (s->algorithms[i])
			sb_stemmer_delete(s->algorithms[i]);
	free(s->cache);
	free(s);
	return NULL;
}

static struct term term_plain(const void *bytes, size_t len)
{
	struct term t = { .len = (uint32_t)MIN(len, (size_t)TERM_MAX) };

	memcpy(t.bytes, bytes, t.len);
	return t;
}

static struct term term_stop(const char *word, size_t len)
{
	struct term t = { .bytes = { TERM_STOP }, .len = (uint32_t)len + 1 };

	memcpy(t.bytes + 1, word, len);
	return t;
}

/* Without memory for the algorithm the word itself is its stem: found by its exact form still. */
static struct term make_term(struct stemmer *s, uint8_t language, const char *word, size_t len)
{
	struct sb_stemmer **algorithm = &s->algorithms[language];
	const sb_symbol *stem;

	if (languages_stops(s->languages, language, word, len))
		return term_stop(word, len);
	if (!*algorithm)
		*algorithm = sb_stemmer_new(stopword_lists[language].algorithm, NULL);
	stem = *algorithm ? sb_stemmer_stem(*algorithm, (const sb_symbol *)word, (int)len) : NULL;
	if (!stem || sb_stemmer_length(*algorithm) <= 0)
		return term_plain(word, len);
	return term_plain(stem, (size_t)sb_stemmer_length(*algorithm));
}

struct term stemmer_term(struct stemmer *s, uint8_t language, const char *word, size_t len)
{
	struct cached_stem *slot;
	struct term t;

	language = languages_stem_of(s->languages, language);
	if (!s->cache || len > CACHED_MAX)
		return make_term(s, language, word, len);
	slot = &s->cache[hash_bytes(word, len, language) & s->cache_mask];
	if (slot->word_len == len && slot->language == language && memcmp(slot->word, word, len) == 0)
		return term_plain(slot->term, slot->term_len);
	t = make_term(s, language, word, len);
	if (t.len <= sizeof(slot->term)) {
		slot->language = language;
		slot->word_len = (uint8_t)len;
		slot->term_len = (uint8_t)t.len;
		memcpy(slot->word, word, len);
		memcpy(slot->term, t.bytes, t.len);
	}
	return t;
}
