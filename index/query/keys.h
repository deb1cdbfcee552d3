/* SPDX-License-Identifier: MIT */
/* The keys of query files and their values. Not thread-safe. */
#pragma once

#include "index/index.h"

#define LIMIT_MAX 10000u
/* Paths in `to`, and verbs in `verb`. */
#define TO_MAX 1000u
#define VERBS_MAX 64u

extern const char *const query_verb_names[QUERY_VERBS];

/* Both decoded. -EINVAL with *ret_why: the verb has no such key, or it does not take that value. */
int query_set_key(struct query *q, const char *key, const char *value, char **ret_why);
