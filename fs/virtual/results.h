/* SPDX-License-Identifier: MIT */
/* What searches give, as files with names of their own, for folders that show them. The same search of the same user is one run
 * as long as nothing changes, or for a second.
 *
 * Thread-safety: safe; a struct results does not change. */
#pragma once

#include "fs/virtual/virtual.h"

struct result {
	uint64_t ino;
	const char *name;   /* within the results; empty: it is gone */
	const char *target; /* the same: a path of the mount that leads to nothing yet; NULL: it is a file */
};
/* Answers that begin at the same moment are the same. */
struct moment {
	uint64_t lsn, rounds; /* of the catalog, of the index */
};
struct moment moment_now(struct fs *fs);
bool moment_is_same(const struct moment *a, const struct moment *b);

struct results {
	atomic_uint users;
	char *key;               /* owned: who asked for what */
	struct moment moment;
	uint64_t made_ms;
	struct result *items;    /* owned; best first, each name once */
	size_t n;
	bool knows_waiting;      /* as an answer (index.h) */
	struct buf names;        /* owned */
	struct buf targets;      /* owned */
	struct results *next;    /* in the cache */
};

struct results_cache;
int results_cache_new(struct results_cache **ret_c);
struct results_cache *results_cache_free(struct results_cache *c);

enum results_age {
	RESULTS_RECENT,  /* of the last second, whatever has changed since; if there are none, awaited */
	RESULTS_NOW,
	RESULTS_AWAITED, /* the index is waited for as the query says */
};

/* Runs `specs[0]`, the name of a query file ("find?q=.."), and keeps of its files those that the others find, too. Not
 * while a looker (view.h) of the same user is at work. -EINVAL with *ret_why as index_query(). */
int results_get(struct fs *fs, const struct caller *caller, char *const *specs, size_t n, enum results_age age,
		const struct results **ret_r, char **ret_why);
/* Takes NULL, returns NULL. */
const struct results *results_put(const struct results *r);

/* What was found without a search, before it has names. */
struct results_list {
	struct buf items;   /* struct result, without names; `target` not set yet */
	struct buf targets; /* of each a text with its NUL; empty: it is a file */
};
/* `target` NULL: it is a file. Otherwise `ino` is any number of its own. */
int results_list_add(struct results_list *l, uint64_t ino, const char *target, size_t len);
void results_list_done(struct results_list *l);
/* Names them; in their order. Takes what is in the list. */
int results_name(struct catalog *c, struct results_list *list, const struct results **ret_r);
