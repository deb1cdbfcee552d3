/* SPDX-License-Identifier: MIT */
/* How many of the files that a query finds are in each group: what count.c, which finds the files and writes
 * the answer, and count_groups.c, which knows the groups, share. Used as search.h. */
#pragma once

#include "index/query/search.h"

struct group {
	char *name;     /* owned */
	uint64_t order; /* of times: ascending; else 0 */
	uint64_t files;
};

struct counting {
	struct search *s;
	struct ino_set found; /* unless all count */
	bool all;             /* every file of the volume is found */
	uint64_t total;
	struct group *groups; /* owned */
	size_t n, cap;
	struct ino_map places; /* hash of a name and one: its group, when names repeat */
	enum { BY_YEAR, BY_MONTH, BY_DAY } unit;
};

static inline bool counting_has(const struct counting *x, uint64_t ino)
{
	return x->all || ino_set_has(&x->found, ino);
}

/* Fills the groups: by what the query says. */
int counting_group(struct counting *x);
