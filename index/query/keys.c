/* SPDX-License-Identifier: MIT */
#include "index/query/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "index/query/why.h"

#define OFFSET_MAX 1000000000u
#define WAIT_MAX 3600000u
#define DEPTH_MAX 32u
/* Of texts that are less alike too many are missed (leaders.h). */
#define RESEMBLANCE_MIN 0.5

static int set_number(const char *key, const char *value, uint32_t max, uint32_t *ret, char **ret_why)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || *end || end == value || value[0] < '0' || value[0] > '9' || n > max)
		return query_why(ret_why, "%s=%.100s: a number from 0 to %u is wanted", key, value, max);
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
	return query_why(ret_why, "%s=%.100s: one of these is wanted: %s", key, value, allowed);
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
		return query_why(ret_why, "alpha=%.100s: a number from 0 to 1 is wanted", value);
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

static unsigned count_texts(const char *texts, size_t len)
{
	unsigned n = 0;

	for (size_t k = 0; k < len; k++)
		n += !texts[k];
	return n;
}

/* Several may be named. */
static int set_to(struct query *q, const char *value, char **ret_why)
{
	size_t len = strlen(value) + 1;
	char *grown;

	if (count_texts(q->to, q->to_len) == TO_MAX)
		return query_why(ret_why, "to: %u files at most", TO_MAX);
	grown = realloc(q->to, q->to_len + len);
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
		return query_why(ret_why, "threshold=%.100s: a number from %g to 1 is wanted", value, least);
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
	unsigned n = 0;

	for (const char *at = value; at; n++) {
		size_t len = strcspn(at, ",");

		if (!link_verb_is_good(at, len))
			return query_why(ret_why, "verb=%.100s: letters, digits, _ and - are wanted, a comma between verbs", value);
		at = at[len] ? at + len + 1 : NULL;
	}
	if (n > VERBS_MAX)
		return query_why(ret_why, "verb=%.100s: %u verbs at most", value, VERBS_MAX);
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

#define EXPLAIN (1u << QUERY_EXPLAIN)
#define FIND (1u << QUERY_FIND | EXPLAIN)
#define SIMILAR (1u << QUERY_SIMILAR)
#define COUNT (1u << QUERY_COUNT)
#define RELATED (1u << QUERY_RELATED)
#define PATH (1u << QUERY_PATH)
#define GRAPH (1u << QUERY_GRAPH)
#define DUPLICATES (1u << QUERY_DUPLICATES)
#define FILTERED (FIND | SIMILAR | COUNT | RELATED | GRAPH | DUPLICATES)

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
	{ "to", set_to, EXPLAIN | SIMILAR | RELATED | PATH | DUPLICATES },
	{ "text", set_like, SIMILAR },
	{ "threshold", set_threshold, SIMILAR | DUPLICATES },
	{ "kind", set_kind, DUPLICATES },
	{ "by", set_by, COUNT },
	{ "from", set_from, PATH },
	{ "verb", set_verbs, FILTERED | PATH },
	{ "dir", set_direction, FILTERED | PATH },
	{ "depth", set_depth, FILTERED },
	{ "weights", set_weights, PATH },
	{ "op", set_op, GRAPH },
};

static int unknown_key(const struct query *q, const char *key, char **ret_why)
{
	struct buf why = BUF_INIT;

	(void) buf_addf(&why, "'%.100s' is no key of %s; there are", key, query_verb_names[q->verb]);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].verbs & 1u << q->verb)
			(void) buf_addf(&why, " %s", keys[i].name);
	*ret_why = buf_cstr(&why);
	return -EINVAL;
}

int query_set_key(struct query *q, const char *key, const char *value, char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, key) == 0 && keys[i].verbs & 1u << q->verb)
			return keys[i].set(q, value, ret_why);
	return unknown_key(q, key, ret_why);
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
	return query_verb_names[n];
}

const char *query_key_name(unsigned verb, unsigned n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].verbs & 1u << verb && n-- == 0)
			return keys[i].name;
	return NULL;
}
