/* SPDX-License-Identifier: MIT */
/* Languages of documents, their stop words, and Snowball stems (snowballstem.org) behind a word cache.
 *
 * English and German are told apart by their stop words; further languages are added by name. A
 * document in none of them is stemmed by the first added language, or as English.
 *
 * Thread-safety: `struct languages` is immutable; a stemmer belongs to one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/words/words.h"

/* Numbers are on disk; never change one. */
enum language { LANGUAGE_ENGLISH = 0, LANGUAGE_GERMAN = 1, LANGUAGES = 27, LANGUAGE_UNKNOWN = 255 };

struct languages;

/* `added`: Snowball's names or ISO codes, blank-separated; may be NULL. -EINVAL with *ret_why. */
int languages_new(const char *added, struct languages **ret_l, char **ret_why);
struct languages *languages_free(struct languages *l);
/* ISO 639 code, "" for LANGUAGE_UNKNOWN. */
const char *language_code(uint8_t language);
/* The language whose stems a document of `language` has. */
uint8_t languages_stem_of(const struct languages *l, uint8_t language);
/* `declared` (an ISO code with or without region, or "") wins when that language is in use. */
uint8_t languages_detect(const struct languages *l, const char *declared, const void *text, size_t len);
/* Is the folded word one of the stop words of `language`? */
bool languages_stops(const struct languages *l, uint8_t language, const char *word, size_t len);

/* A term is what postings are kept of: a stem, or TERM_STOP and a stop word, or TERM_PIECE and the
 * number of a WordPiece token in 3 bytes, big-endian. */
#define TERM_STOP 0x01
#define TERM_PIECE 0x02
#define TERM_MAX (WORD_MAX + 8)

struct term {
	uint8_t bytes[TERM_MAX];
	uint32_t len;
};
struct term term_of_piece(uint32_t id);

struct stemmer;
/* `cache`: entries of the word cache, a power of two, or 0 for none. -ENOMEM. */
int stemmer_new(const struct languages *l, unsigned cache, struct stemmer **ret_s);
struct stemmer *stemmer_free(struct stemmer *s);
/* The term of a folded word in a document of `language`. */
struct term stemmer_term(struct stemmer *s, uint8_t language, const char *word, size_t len);
