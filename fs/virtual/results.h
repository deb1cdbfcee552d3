/* SPDX-License-Identifier: MIT */
/* What searches give, as files with names of their own, for folders that show them. The same search of the same user is one run
 * as long as nothing changes, or for a second.
 *
 * Thread-safety: safe; a struct results does not change. */
#pragma once

#include "fs/virtual/virtual.h"

struct result {
	uint64_t ino;
	const char *name; /* within the results */
};
struct results {
	atomic_uint users;
	char *key;               /* owned: who asked for what */
	uint64_t lsn, made_ms;
	struct result *items;    /* owned; best first, each name once */
	size_t n;
	struct buf names;        /* owned */
	struct results *next;    /* in the cache */
};

struct results_cache;
int results_cache_new(struct results_cache **ret_c);
struct results_cache *results_cache_free(struct results_cache *c);

/* Runs `specs[0]`, the name of a query file ("find?q=.."), and keeps of its files those that the others find, too. Waits for the
 * index as the query says, if `waits`. Not while a looker (view.h) of the same user is at work. -EINVAL with *ret_why as index_query(). */
int results_get(struct fs *fs, const struct caller *caller, char *const *specs, size_t n, bool waits,
		const struct results **ret_r, char **ret_why);
/* Takes NULL, returns NULL. */
const struct results *results_put(const struct results *r);
