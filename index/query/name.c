/* SPDX-License-Identifier: MIT */
/* The name of a query file: KEY=VALUE&.. with percent-decoding of %XX and nothing else. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/index.h"
#include "index/query/why.h"

#define LIMIT_DEFAULT 20u
#define LIMIT_MAX 10000u
#define OFFSET_MAX 1000000000u
#define WAIT_DEFAULT 1000u
#define WAIT_MAX 3600000u
#define DEPTH_MAX 32u
#define DIRECTION_BOTH 3u
/* Of texts that are less alike too many are missed (leaders.h). */
#define RESEMBLANCE_MIN 0.5

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

/* ---- the keys */

static int set_number(const char *key, const char *value, uint32_t max, uint32_t *ret, char **ret_why)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || *end || end == value || value[0] < '0' || value[0] > '9' || n > max)
		return query_why(ret_why, "%s=%s: a number from 0 to %u is wanted", key, value, max);
	*ret = (uint32_t)n;
	return 0;
}

/* One of the words that `allowed` lists, blank-separated; its place in the list. */
static int set_word(const char *key, const char *value, const char *allowed, int *ret_index, char **ret_why)
{
	int index = 0;

	for (const char *at = allowed; *at; index++) {
		size_t len = strcspn(at, " ");

		if (strlen(value) == len && memcmp(at, value, len) == 0) {
			*ret_index = index;
			return 0;
		}
		at += len + strspn(at + len, " ");
	}
	return query_why(ret_why, "%s=%s: one of these is wanted: %s", key, value, allowed);
}

static int set_string(char **place, const char *value)
{
	free(*place);
	*place = strdup(value);
	return *place ? 0 : -ENOMEM;
}

static int set_q(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->text, value);
}

static int set_in(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->in, value);
}

static int set_limit(struct query *q, const char *value, char **ret_why)
{
	return set_number("limit", value, LIMIT_MAX, &q->limit, ret_why);
}

static int set_offset(struct query *q, const char *value, char **ret_why)
{
	return set_number("offset", value, OFFSET_MAX, &q->offset, ret_why);
}

static int set_format(struct query *q, const char *value, char **ret_why)
{
	static const enum query_format of_graphs[] = { FORMAT_TSV, FORMAT_JSON, FORMAT_DOT, FORMAT_GRAPHML };
	bool graph = q->verb == QUERY_GRAPH;
	const char *allowed = graph			    ? "tsv json dot graphml"
			      : q->verb == QUERY_DUPLICATES ? "tsv paths paths0 json jsonl"
							    : "tsv paths paths0 json jsonl md";
	int index = 0, r = set_word("format", value, allowed, &index, ret_why);

	if (r >= 0)
		q->format = graph ? of_graphs[index] : (enum query_format)index;
	return r;
}

static int set_mode(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("mode", value, "hybrid text vector", &index, ret_why);

	if (r >= 0)
		q->mode = (enum query_mode)index;
	return r;
}

static int set_alpha(struct query *q, const char *value, char **ret_why)
{
	char *end;
	double a = strtod(value, &end);

	if (*end || end == value || !(a >= 0 && a <= 1))
		return query_why(ret_why, "alpha=%s: a number from 0 to 1 is wanted", value);
	q->alpha = a;
	return 0;
}

static int set_sort(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("sort", value, "score newest oldest name size", &index, ret_why);

	return r < 0 ? r : set_string(&q->sort, value);
}

static int set_literal(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("literal", value, "0 1", &index, ret_why);

	if (r >= 0)
		q->literal = index;
	return r;
}

static int set_paths(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("paths", value, "relative absolute", &index, ret_why);

	if (r >= 0)
		q->absolute = index;
	return r;
}

static int set_wait(struct query *q, const char *value, char **ret_why)
{
	return set_number("wait", value, WAIT_MAX, &q->wait_ms, ret_why);
}

/* Several may be named. */
static int set_to(struct query *q, const char *value, char **ret_why)
{
	size_t len = strlen(value) + 1;
	char *grown = realloc(q->to, q->to_len + len);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + q->to_len, value, len);
	q->to = grown;
	q->to_len += len;
	return 0;
}

static int set_like(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->like, value);
}

static int set_threshold(struct query *q, const char *value, char **ret_why)
{
	double least = q->verb == QUERY_DUPLICATES ? RESEMBLANCE_MIN : 0;
	char *end;

	q->threshold = strtod(value, &end);
	if (*end || end == value || !(q->threshold >= least && q->threshold <= 1))
		return query_why(ret_why, "threshold=%s: a number from %g to 1 is wanted", value, least);
	return 0;
}

static int set_kind(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("kind", value, "same near all", &index, ret_why);

	q->kind = (enum query_duplicates)index;
	return r;
}

static int set_by(struct query *q, const char *value, char **ret_why)
{
	return *value ? set_string(&q->by, value)
		      : query_why(ret_why, "by=: tag, type, month or a field is wanted");
}

static int set_from(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->from, value);
}

static int set_verbs(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->verbs, value);
}

static int set_weights(struct query *q, const char *value, char **ret_why)
{
	return set_string(&q->weights, value);
}

static int set_direction(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("dir", value, "out in both", &index, ret_why);

	q->direction = (unsigned)index + 1;
	return r;
}

static int set_depth(struct query *q, const char *value, char **ret_why)
{
	return set_number("depth", value, DEPTH_MAX, &q->depth, ret_why);
}

static int set_op(struct query *q, const char *value, char **ret_why)
{
	int index = 0, r = set_word("op", value, "components pagerank degree communities", &index, ret_why);

	q->op = (enum query_graph_op)(index + 1);
	return r;
}

#define FIND (1u << QUERY_FIND | 1u << QUERY_EXPLAIN)
#define SIMILAR (1u << QUERY_SIMILAR)
#define COUNT (1u << QUERY_COUNT)
#define RELATED (1u << QUERY_RELATED)
#define PATH (1u << QUERY_PATH)
#define GRAPH (1u << QUERY_GRAPH)
#define DUPLICATES (1u << QUERY_DUPLICATES)
#define FILTERED (FIND | SIMILAR | COUNT | RELATED | GRAPH | DUPLICATES)

static const char *const verbs[QUERY_VERBS] = {"find",	  "explain", "similar", "count",
					       "related", "path",    "graph",	"duplicates"};

static const struct {
	const char *name;
	int (*set)(struct query *q, const char *value, char **ret_why);
	unsigned verbs;
} keys[] = {
	{ "q", set_q, FILTERED },
	{ "in", set_in, FILTERED },
	{ "limit", set_limit, FILTERED },
	{ "offset", set_offset, FIND | SIMILAR | RELATED | DUPLICATES },
	{ "mode", set_mode, FIND | SIMILAR | COUNT },
	{ "alpha", set_alpha, FIND | SIMILAR },
	{ "sort", set_sort, FIND | SIMILAR },
	{ "format", set_format, FILTERED | PATH },
	{ "wait", set_wait, FILTERED | PATH },
	{ "paths", set_paths, FIND | SIMILAR | RELATED | PATH | DUPLICATES },
	{ "literal", set_literal, FILTERED },
	{ "to", set_to, SIMILAR | RELATED | PATH | DUPLICATES },
	{ "text", set_like, SIMILAR },
	{ "threshold", set_threshold, SIMILAR | DUPLICATES },
	{ "kind", set_kind, DUPLICATES },
	{ "by", set_by, COUNT },
	{ "from", set_from, PATH },
	{ "verb", set_verbs, RELATED | PATH | GRAPH },
	{ "dir", set_direction, RELATED | PATH },
	{ "depth", set_depth, RELATED },
	{ "weights", set_weights, PATH },
	{ "op", set_op, GRAPH },
};

static int unknown_key(const struct query *q, const char *key, char **ret_why)
{
	struct buf why = BUF_INIT;

	(void) buf_addf(&why, "'%s' is no key of %s; there are", key, verbs[q->verb]);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].verbs & 1u << q->verb)
			(void) buf_addf(&why, " %s", keys[i].name);
	*ret_why = buf_cstr(&why);
	return -EINVAL;
}

static int set_key(struct query *q, const char *key, const char *value, char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, key) == 0 && keys[i].verbs & 1u << q->verb)
			return keys[i].set(q, value, ret_why);
	return unknown_key(q, key, ret_why);
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
		return query_why(ret_why, "%s: %%00 stands for no character", key);
	return set_key(q, key, value, ret_why);
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
		return q->to && q->from ? 0 : query_why(ret_why, "path?from=PATH&to=PATH is wanted");
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

	while (v < QUERY_VERBS && (strlen(verbs[v]) != len || strncmp(name, verbs[v], len) != 0))
		v++;
	if (!name[len] && v != QUERY_GRAPH && v != QUERY_DUPLICATES)
		return QUERY_VERBS;
	*ret_pairs = name + len + (name[len] == '?');
	return (enum query_verb)v;
}

const char *query_verb_name(unsigned n, const char **ret_key)
{
	static const char *const needed[QUERY_VERBS] = {
		[QUERY_FIND] = "q",  [QUERY_EXPLAIN] = "q",  [QUERY_SIMILAR] = "to",
		[QUERY_COUNT] = "by", [QUERY_RELATED] = "to", [QUERY_PATH] = "from",
	};

	if (n >= QUERY_VERBS)
		return NULL;
	*ret_key = needed[n];
	return verbs[n];
}

const char *query_key_name(unsigned verb, unsigned n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].verbs & 1u << verb && n-- == 0)
			return keys[i].name;
	return NULL;
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
			   .alpha = -1, .threshold = -1, .depth = 1, .direction = DIRECTION_BOTH,
			   .wait_ms = WAIT_DEFAULT, .mode = verb == QUERY_COUNT ? QUERY_TEXT : QUERY_HYBRID };
	int r;

	*ret_why = NULL;
	r = parse_pairs(&q, pairs, ret_why);
	if (r < 0) {
		query_done(&q);
		return r;
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
