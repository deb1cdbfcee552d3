/* SPDX-License-Identifier: MIT */
#include "index/query/language.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "base/utf8.h"
#include "index/index.h"
#include "index/query/why.h"
#include "index/words/words.h"

#define SHOWN_MAX 60

void parsed_query_done(struct parsed_query *p)
{
	for (size_t i = 0; i < p->n_words; i++)
		free(p->words[i].text);
	for (size_t i = 0; i < p->n_phrases; i++)
		free(p->phrases[i].text);
	for (size_t i = 0; i < p->n_filters; i++) {
		free(p->filters[i].field);
		free(p->filters[i].value);
	}
	free(p->words);
	free(p->phrases);
	free(p->filters);
	term_table_done(&p->known);
	buf_done(&p->text);
	*p = (struct parsed_query){ 0 };
}

/* Room for one more element, zeroed; NULL without memory. */
#define APPEND(array, n)                                                                           \
	({                                                                                         \
		void *_grown = reallocarray(array, (n) + 1, sizeof(*(array)));                     \
		if (_grown) {                                                                      \
			(array) = _grown;                                                          \
			memset(&(array)[n], 0, sizeof(*(array)));                                  \
			(n)++;                                                                     \
		}                                                                                  \
		_grown ? &(array)[(n) - 1] : NULL;                                                 \
	})

/* ---- words and phrases */

static int add_word(struct parsed_query *p, const struct word *w, bool negate)
{
	char key[1 + WORD_MAX];
	struct query_word *q;
	uint32_t number;
	int r;

	key[0] = negate;
	memcpy(key + 1, w->text, w->len);
	r = term_table_add(&p->known, key, 1 + w->len, &number);
	if (r >= 0 && number < p->n_words) {
		p->words[number].count++;
		return 0;
	}
	q = r < 0 ? NULL : APPEND(p->words, p->n_words);
	if (!q)
		return -ENOMEM;
	*q = (struct query_word){ .text = strndup(w->text, w->len), .len = w->len, .count = 1, .negate = negate };
	return q->text ? 0 : -ENOMEM;
}

/* Returns how many words there were. */
static int add_words(struct parsed_query *p, const char *text, size_t len, bool negate)
{
	struct word_reader words = words_over(text, len);
	struct word w;
	int n = 0, r = 0;

	while (r >= 0 && words_next(&words, &w)) {
		r = add_word(p, &w, negate);
		n++;
	}
	if (r >= 0 && !negate) {
		p->ranks = p->ranks || n > 0;
		r = p->text.len ? buf_add_u8(&p->text, ' ') : 0;
		if (r >= 0)
			r = buf_add(&p->text, text, len);
	}
	return r < 0 ? r : n;
}

static int count_words(const char *text, size_t len)
{
	struct word_reader words = words_over(text, len);
	struct word w;
	int n = 0;

	while (words_next(&words, &w))
		n++;
	return n;
}

static int add_phrase(struct parsed_query *p, const char *text, size_t len, bool negate, char **ret_why)
{
	struct query_phrase *q;
	int r;

	if (count_words(text, len) == 0)
		return query_why(ret_why, "the phrase \"%.*s\" has no word", (int)MIN(len, (size_t)SHOWN_MAX), text);
	q = APPEND(p->phrases, p->n_phrases);
	if (!q)
		return -ENOMEM;
	*q = (struct query_phrase){ .text = strndup(text, len), .len = len, .negate = negate };
	if (!q->text)
		return -ENOMEM;
	r = negate ? 0 : add_words(p, text, len, false);
	return r < 0 ? r : 0;
}

/* A run like "first-order", or letters of a script without blanks, is several words that the writer put
 * together: excluding them means excluding them together. */
static int add_plain(struct parsed_query *p, const char *text, size_t len, bool negate, char **ret_why)
{
	int r;

	if (negate && count_words(text, len) > 1)
		return add_phrase(p, text, len, true, ret_why);
	r = add_words(p, text, len, negate);
	return r < 0 ? r : 0;
}

/* ---- filters */

static int fold_value(struct query_filter *f)
{
	struct buf folded = BUF_INIT;
	int r = fold_text(f->value, f->len, &folded);
	char *text = r < 0 ? NULL : buf_cstr(&folded);

	if (!text) {
		buf_done(&folded);
		return -ENOMEM;
	}
	free(f->value);
	f->value = text;
	f->len = folded.len;
	return 0;
}

static const struct {
	const char *name;
	enum filter_kind kind;
} known_fields[] = {
	{ "tag", FILTER_TAG },   { "type", FILTER_TYPE },   { "name", FILTER_NAME },  { "path", FILTER_PATH },
	{ "lang", FILTER_LANG }, { "before", FILTER_TIME }, { "after", FILTER_TIME }, { "size", FILTER_SIZE },
	{ "tier", FILTER_TIER }, { "language", FILTER_LANG }, { "title", FILTER_TITLE }, { "related", FILTER_RELATED },
	{ "link", FILTER_LINK },
};

const char *query_filter_name(unsigned n)
{
	return n < ARRAY_SIZE(known_fields) ? known_fields[n].name : NULL;
}

static int find_field(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_fields); i++)
		if (strlen(known_fields[i].name) == len && strncasecmp(known_fields[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

/* What stands in quotes is text. */
static int check_field(struct query_filter *f, bool is_quoted, char **ret_why)
{
	int r = is_quoted ? 0 : query_value_range(f->field, f->value, &f->range, ret_why);

	f->is_range = r > 0;
	return r < 0 ? r : fold_value(f);
}

static int check_value(struct query_filter *f, const char *name, bool is_quoted, char **ret_why)
{
	switch (f->kind) {
	case FILTER_TIME:
		return query_value_time(f->value, name[0] == 'b', &f->low, &f->high, ret_why);
	case FILTER_SIZE:
		return query_value_size(f->value, &f->low, &f->high, ret_why);
	case FILTER_TIER:
		if (strcmp(f->value, "hot") && strcmp(f->value, "warm") && strcmp(f->value, "cold"))
			return query_why(ret_why, "tier:%.60s: hot, warm or cold is wanted", f->value);
		return 0;
	case FILTER_NAME:
	case FILTER_TYPE:
	case FILTER_LANG:
		return fold_value(f);
	case FILTER_TITLE:
		if (!words_is_glob(f->value, f->len) && count_words(f->value, f->len) == 0)
			return query_why(ret_why, "title:%.*s: a word is wanted", SHOWN_MAX, f->value);
		return fold_value(f);
	case FILTER_FIELD:
		return check_field(f, is_quoted, ret_why);
	default:
		return 0;
	}
}

struct written {
	const char *name, *value;
	size_t name_len, len;
	bool negate, is_quoted;
};

static int add_filter(struct parsed_query *p, const struct written *w, char **ret_why)
{
	int known = find_field(w->name, w->name_len);
	struct query_filter *f;

	if (w->len == 0)
		return query_why(ret_why, "%.*s: a value is wanted after the colon", (int)MIN(w->name_len, (size_t)SHOWN_MAX),
				 w->name);
	f = APPEND(p->filters, p->n_filters);
	if (!f)
		return -ENOMEM;
	*f = (struct query_filter){ .kind = known < 0 ? FILTER_FIELD : known_fields[known].kind, .negate = w->negate };
	f->value = strndup(w->value, w->len);
	f->len = w->len;
	f->field = strndup(w->name, w->name_len);
	if (!f->value || !f->field)
		return -ENOMEM;
	return check_value(f, known < 0 ? f->field : known_fields[known].name, w->is_quoted, ret_why);
}

/* ---- reading */

/* Bytes of a blank at this place; U+3000 is the one that Japanese keyboards give. */
static size_t blank_at(const char *at)
{
	if (*at && strchr(" \t\r\n\v\f", *at))
		return 1;
	if (strncmp(at, "\xc2\xa0", 2) == 0)
		return 2;
	return strncmp(at, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

static size_t word_length(const char *at)
{
	size_t n = 0;

	while (at[n] && !blank_at(at + n))
		n++;
	return n;
}

/* Bytes of a field's name before its colon, 0 when this is none: also for "https://.." and "note:". */
static size_t field_length(const char *at)
{
	size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
	bool letter = (at[0] | 0x20) >= 'a' && (at[0] | 0x20) <= 'z';

	if (!letter || at[n] != ':' || strncmp(at + n + 1, "//", 2) == 0)
		return 0;
	if (find_field(at, n) < 0 && (!at[n + 1] || blank_at(at + n + 1)))
		return 0;
	return n;
}

/* `at` is an opening quote. */
static int quoted(const char *whole, const char *at, size_t *ret_len, char **ret_why)
{
	const char *end = strchr(at + 1, '"');

	if (!end)
		return query_why(ret_why, "the quote at character %zu is not closed: \"%.*s", (size_t)(at - whole) + 1,
				 SHOWN_MAX, at + 1);
	*ret_len = (size_t)(end - at - 1);
	return 0;
}

/* Reads one element at `*at` and moves behind it. */
static int parse_element(struct parsed_query *p, const char *whole, const char **at, char **ret_why)
{
	bool negate = **at == '-' && (*at)[1] && !blank_at(*at + 1);
	const char *begin = *at + negate;
	size_t field = field_length(begin);
	struct written w = { .name = begin, .name_len = field, .value = field ? begin + field + 1 : begin, .negate = negate };
	int r;

	w.is_quoted = *w.value == '"';
	if (w.is_quoted) {
		r = quoted(whole, w.value, &w.len, ret_why);
		if (r < 0)
			return r;
		*at = w.value + w.len + 2;
		w.value++;
	} else {
		w.len = word_length(w.value);
		*at = w.value + w.len;
	}
	if (field)
		return add_filter(p, &w, ret_why);
	return w.is_quoted ? add_phrase(p, w.value, w.len, negate, ret_why) : add_plain(p, w.value, w.len, negate, ret_why);
}

static int parse_all(struct parsed_query *p, const char *text, bool literal, char **ret_why)
{
	const char *at = text;
	size_t blank;
	int r = 0;

	if (literal)
		r = add_words(p, text, strlen(text), false);
	while (r >= 0 && !literal && *at) {
		if ((blank = blank_at(at)) > 0)
			at += blank;
		else
			r = parse_element(p, text, &at, ret_why);
	}
	term_table_done(&p->known);
	p->known = (struct term_table){ 0 };
	if (r >= 0 && p->n_words == 0 && p->n_phrases == 0 && p->n_filters == 0)
		return query_why(ret_why, "the query holds no word and no filter: %.*s", SHOWN_MAX, text);
	return r < 0 ? r : 0;
}

int query_language_parse(const char *text, bool literal, struct parsed_query *ret_p, char **ret_why)
{
	struct parsed_query p = { 0 };
	int r = parse_all(&p, text, literal, ret_why);

	if (r < 0) {
		parsed_query_done(&p);
		return r;
	}
	*ret_p = p;
	return 0;
}

int query_language_check(const struct parsed_query *p, char **ret_why)
{
	if (p->n_words > QUERY_WORDS_MAX)
		return query_why(ret_why, "the query has %zu different words; there may be %u", p->n_words, QUERY_WORDS_MAX);
	if (p->n_phrases > QUERY_FILTERS_MAX || p->n_filters > QUERY_FILTERS_MAX)
		return query_why(ret_why, "the query has %zu filters and %zu phrases; there may be %u of each", p->n_filters,
				 p->n_phrases, QUERY_FILTERS_MAX);
	return 0;
}
