/* SPDX-License-Identifier: MIT */
/* The query language: words, "phrases", FIELD:VALUE filters, and `-` before any of them.
 *
 * Words and phrases rank, phrases and filters also select. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/query/values.h"
#include "index/term_table.h"

/* Of what somebody asks: each costs a look at every segment, or at every document. */
#define QUERY_WORDS_MAX 4096u
#define QUERY_FILTERS_MAX 256u

struct query_word {
	char *text;      /* folded; owned */
	uint32_t len;
	uint32_t count;  /* how often the query says it */
	bool negate;
};

struct query_phrase {
	char *text;      /* as written; owned */
	size_t len;
	bool negate;
};

enum filter_kind {
	FILTER_TAG,
	FILTER_TYPE,
	FILTER_NAME,
	FILTER_PATH,
	FILTER_LANG,
	FILTER_TIER,
	FILTER_TIME, /* mtime in [low, high) nanoseconds since 1970 */
	FILTER_SIZE, /* bytes in [low, high] */
	FILTER_TITLE,
	FILTER_RELATED, /* what links connect with a file, and */
	FILTER_LINK,    /* what links to one */
	FILTER_FIELD,
};

struct query_filter {
	enum filter_kind kind;
	bool negate;
	char *field;     /* as the query calls it; owned */
	char *value;     /* owned; FILTER_NAME, _TYPE, _LANG, _TITLE and _FIELD: folded */
	size_t len;      /* of value */
	int64_t low, high;
	bool is_range;            /* FILTER_FIELD: `range` alone says what passes; otherwise the value, too */
	struct value_range range;
};

struct parsed_query {
	struct query_word *words;      /* owned; positive ones also from phrases, each once */
	struct query_phrase *phrases;  /* owned */
	struct query_filter *filters;  /* owned */
	size_t n_words, n_phrases, n_filters;
	struct buf text;               /* all that ranks, as written, for the vector side */
	bool ranks;                    /* there are positive words */
	struct term_table known;       /* owned; while it is parsed: the words, each behind a byte for `negate` */
};

/* -EINVAL with *ret_why, freed by the caller: what is wrong, where, and what is allowed. */
int query_language_parse(const char *text, bool literal, struct parsed_query *ret_p, char **ret_why);
/* Is it no more than can be answered? -EINVAL with *ret_why. */
int query_language_check(const struct parsed_query *p, char **ret_why);
void parsed_query_done(struct parsed_query *p);
