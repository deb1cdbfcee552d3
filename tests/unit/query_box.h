/* SPDX-License-Identifier: MIT */
/* Queries of any verb over an index_box, also as somebody who may not see every file. */
#pragma once

#include "index_box.h"

#define QUERY_OTHER 1000u

/* The answer's bytes as a string that the caller frees, or "error: WHY". `who` NULL: the owner. */
static inline char *box_query_as(struct box *b, uint64_t top, const struct identity *who, const char *name)
{
	struct query_scope scope = { .top = top, .mount_point = "/mnt", .who = who };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL, *text = NULL;
	int r = query_parse(name, &q, &why);

	if (r >= 0) {
		r = index_query(b->index, &q, &scope, &answer, &why);
		query_done(&q);
	}
	if (asprintf(&text, r < 0 ? "error: %s" : "%s", r < 0 ? (why ? why : strerror(-r)) : buf_cstr(&answer.bytes)) < 0)
		abort();
	answer_done(&answer);
	free(why);
	return text;
}

/* A last newline does not count, others are as blanks. */
static inline void box_check_query(struct box *b, const struct identity *who, const char *name, const char *want, int line)
{
	char *got = box_query_as(b, ROOT_INO, who, name);

	for (char *p = got; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : 0;
	if (strcmp(got, want) != 0) {
		fprintf(stderr, "line %d: %s gives '%s', not '%s'\n", line, name, got, want);
		check_failures++;
	}
	free(got);
}
#define CHECK_QUERY(b, name, want) box_check_query(b, NULL, name, want, __LINE__)

static inline void box_check_query_as_other(struct box *b, const char *name, const char *want, int line)
{
	struct identity who = { 0 };

	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	box_check_query(b, &who, name, want, line);
	identity_done(&who);
}
/* As a user that owns nothing and is in no group. */
#define CHECK_OTHER(b, name, want) box_check_query_as_other(b, name, want, __LINE__)

/* It is refused, and says this. */
static inline void box_refuse_query(struct box *b, const char *name, const char *says, int line)
{
	char *got = box_query_as(b, ROOT_INO, NULL, name);

	if (strncmp(got, "error: ", 7) != 0 || !strstr(got, says)) {
		fprintf(stderr, "line %d: %s gives '%s', not an error with '%s'\n", line, name, got, says);
		check_failures++;
	}
	free(got);
}
#define REFUSE_QUERY(b, name, says) box_refuse_query(b, name, says, __LINE__)

static inline void box_chmod(struct box *b, uint64_t ino, mode_t mode)
{
	struct tree_request rq = { 0 };
	struct stat st = { .st_mode = mode };
	struct inode i;

	CHECK_EQ(tree_setattr(b->catalog, &rq, ino, &st, TREE_SET_MODE, &i), 0);
}
