/* SPDX-License-Identifier: MIT */
/* What lmdb_store.c, lmdb_scan.c, lmdb_change.c and lmdb_copy.c share; nobody else includes it. */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "catalog/lmdb_store.h"

/* A file that the library has open. Another one may take its place in the store while scans still read it; the last
 * of them closes it. */
struct store_env {
	MDB_env *mdb;             /* NULL: no file, no records */
	MDB_dbi dbi;
	_Atomic unsigned refs;    /* one of the store, one of each scan that is not idle */
	_Atomic bool faulted;     /* while opening or changing */
	struct store_scan *idle;  /* ended scans; guarded by the store's lock */
	unsigned idle_count;
};

struct store {
	struct store_env *env;    /* owns a reference; changes under lock, and not while the store is being changed */
	_Atomic bool unsure;      /* its inside has not been looked at yet */
	pthread_mutex_t lock;     /* rank 40: guards env and its idle scans */
	int dirfd;                /* of its folder; borrowed */
};

struct store *store_new(int dirfd);
/* The file at `path`, which takes `flags` of the library. */
int store_env_open(struct store *s, const char *path, unsigned flags, size_t map_size);
struct store_env *store_env_ref(struct store *s);
void store_env_unref(struct store_env *env);
/* Runs one LMDB call that opens, changes or closes; `call` returns an LMDB code. */
int store_guarded(struct store_env *env, int (*call)(void *), void *context);
/* -errno for an LMDB code. */
int store_error(int rc);
/* The ended scans, before the environment is closed. Under a guard only. */
void store_free_scans(struct store_env *env);
/* Appends a value that lies in the map; an LMDB code. Under a guard only. */
int store_copy_value(struct buf *out, const MDB_val *value);
