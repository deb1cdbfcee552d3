/* SPDX-License-Identifier: MIT */
/* Names of query files, and the query language in them: any bytes are parsed or refused with a sentence. A
 * parsed query must be consistent with itself. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/index.h"
#include "index/query/language.h"
#include "index/words/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_words(const char *text, size_t len)
{
	struct word_reader words = words_over(text, len);
	size_t before = 0;
	struct word w;

	while (words_next(&words, &w)) {
		assert(w.len > 0 && w.len <= WORD_MAX);
		assert(w.offset >= before && w.end > w.offset && w.end <= len);
		before = w.end;
	}
}

static void check_parsed(const struct parsed_query *p)
{
	size_t positive = 0;

	for (size_t i = 0; i < p->n_words; i++) {
		assert(p->words[i].len > 0 && p->words[i].count > 0);
		positive += !p->words[i].negate;
	}
	assert(p->ranks == (positive > 0));
	assert(p->n_words + p->n_phrases + p->n_filters > 0);
	for (size_t i = 0; i < p->n_filters; i++) {
		const struct query_filter *f = &p->filters[i];

		assert(f->value && f->len == strlen(f->value) && f->low <= f->high);
		(void) words_glob(f->value, f->len, (const char *)p->text.data, p->text.len);
	}
	for (size_t i = 0; i < p->n_phrases; i++)
		assert(words_have_phrase(p->phrases[i].text, p->phrases[i].len, p->phrases[i].text, p->phrases[i].len));
}

static void check_language(const char *text, bool literal)
{
	struct parsed_query p;
	char *why = NULL;
	int r = query_language_parse(text, literal, &p, &why);

	assert(r == 0 || (r == -EINVAL && why && strlen(why) > 10));
	if (r == 0) {
		check_parsed(&p);
		parsed_query_done(&p);
	}
	free(why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_free_ char *name = strndup((const char *)data, len);
	struct query q;
	char *why = NULL;
	int r;

	if (!name)
		return 0;
	check_words(name, strlen(name));
	r = query_parse_name(name, &q, &why);
	assert(r == 0 || (r == -EINVAL && why && strlen(why) > 10));
	if (r == 0) {
		check_language(q.text, q.literal);
		query_done(&q);
	}
	free(why);
	check_language(name, false);
	return 0;
}
