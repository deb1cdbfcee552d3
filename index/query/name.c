/* SPDX-License-Identifier: MIT */
/* The name of a query file: KEY=VALUE&.. with percent-decoding of %XX and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/keys.h"
#include "index/query/why.h"

#define LIMIT_DEFAULT 20u
#define WAIT_DEFAULT 1000u
#define DIRECTION_BOTH 3u

const char *const query_verb_names[QUERY_VERBS] = { "find", "explain", "similar", "count", "related", "path", "graph",
						    "duplicates" };

int query_why(char **ret_why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL without memory. A decoded NUL shows as a shorter string: *ret_len is its true length. */
static char *decode(const char *text, size_t len, size_t *ret_len)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		if (low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = 0;
	*ret_len = n;
	return out;
}

static int parse_pair(struct query *q, const char *pair, size_t len, char **ret_why)
{
	_cleanup_free_ char *key = NULL, *value = NULL;
	const char *equals = memchr(pair, '=', len);
	size_t key_len, value_len;

	if (!equals)
		return query_why(ret_why, "'%.*s': KEY=VALUE is wanted", (int)MIN(len, (size_t)100), pair);
	key = decode(pair, (size_t)(equals - pair), &key_len);
	value = decode(equals + 1, len - (size_t)(equals + 1 - pair), &value_len);
	if (!key || !value)
		return -ENOMEM;
	if (strlen(key) != key_len || strlen(value) != value_len)
		return query_why(ret_why, "%.100s: %%00 stands for no character", key);
	return query_set_key(q, key, value, ret_why);
}

static bool is_blank(const char *text)
{
	return !text || text[strspn(text, " \t\r\n")] == 0;
}

/* Is there what the verb cannot do without? */
static int check_complete(const struct query *q, char **ret_why)
{
	switch (q->verb) {
	case QUERY_SIMILAR:
		return q->to || !is_blank(q->like)
			       ? 0
			       : query_why(ret_why,
					   "similar to what? similar?to=PATH or ?text=WORDS is wanted");
	case QUERY_COUNT:
		return q->by ? 0
			     : query_why(ret_why,
					 "counted by what? count?by=tag, type, month or a field is wanted");
	case QUERY_RELATED:
		return q->to ? 0 : query_why(ret_why, "related to what? related?to=PATH is wanted");
	case QUERY_PATH:
		return q->from && q->to && strlen(q->to) + 1 == q->to_len
				? 0 : query_why(ret_why, "path?from=PATH&to=PATH is wanted, one of each, with %%2F for a slash");
	case QUERY_GRAPH:
	case QUERY_DUPLICATES:
		return 0;
	default:
		return is_blank(q->text) ? query_why(ret_why, "the query is empty: find?q=WORDS is wanted")
					 : 0;
	}
}

static int parse_pairs(struct query *q, const char *name, char **ret_why)
{
	for (const char *at = name; *at;) {
		size_t len = strcspn(at, "&");
		int r = len ? parse_pair(q, at, len, ret_why) : 0;

		if (r < 0)
			return r;
		at += len + (at[len] == '&');
	}
	return check_complete(q, ret_why);
}

/* Which verb, and where its keys begin. One that can do without keys needs no question mark. */
static enum query_verb verb_of(const char *name, const char **ret_pairs)
{
	size_t len = strcspn(name, "?");
	unsigned v = 0;

	while (v < QUERY_VERBS && (strlen(query_verb_names[v]) != len || strncmp(name, query_verb_names[v], len) != 0))
		v++;
	if (!name[len] && v != QUERY_GRAPH && v != QUERY_DUPLICATES)
		return QUERY_VERBS;
	*ret_pairs = name + len + (name[len] == '?');
	return (enum query_verb)v;
}

bool query_has_verb(const char *name)
{
	const char *pairs;

	return verb_of(name, &pairs) < QUERY_VERBS;
}

static int parse(enum query_verb verb, const char *pairs, struct query *ret_q, char **ret_why)
{
	bool all = verb == QUERY_COUNT || verb == QUERY_GRAPH || verb == QUERY_DUPLICATES;
	struct query q = { .verb = verb, .limit = all ? LIMIT_MAX : LIMIT_DEFAULT,
			   .alpha = -1, .threshold = -1, .direction = DIRECTION_BOTH,
			   .wait_ms = WAIT_DEFAULT, .mode = verb == QUERY_COUNT ? QUERY_TEXT : QUERY_HYBRID };
	int r;

	*ret_why = NULL;
	r = parse_pairs(&q, pairs, ret_why);
	if (r < 0) {
		query_done(&q);
		return r;
	}
	if (verb == QUERY_EXPLAIN && q.to) { /* wherever they rank */
		q.limit = LIMIT_MAX;
		q.offset = 0;
	}
	*ret_q = q;
	return 0;
}

int query_parse(const char *name, struct query *ret_q, char **ret_why)
{
	const char *pairs = "";
	enum query_verb verb = verb_of(name, &pairs);

	*ret_why = NULL;
	return verb == QUERY_VERBS ? -ENOENT : parse(verb, pairs, ret_q, ret_why);
}

int query_parse_name(const char *name, struct query *ret_q, char **ret_why)
{
	return parse(QUERY_FIND, name, ret_q, ret_why);
}

void query_done(struct query *q)
{
	free(q->text);
	free(q->in);
	free(q->sort);
	free(q->to);
	free(q->like);
	free(q->by);
	free(q->from);
	free(q->verbs);
	free(q->weights);
	*q = (struct query){ 0 };
}

void answer_done(struct answer *a)
{
	buf_done(&a->bytes);
}
