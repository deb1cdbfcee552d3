/* SPDX-License-Identifier: MIT */
/* What lmdb_store.c, lmdb_scan.c and lmdb_change.c share; nobody else includes it. */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "catalog/lmdb_store.h"

struct store {
	MDB_env *env;
	MDB_dbi dbi;
	_Atomic bool faulted;     /* while opening or changing */
	_Atomic bool unsure;      /* its inside has not been looked at yet */
	pthread_mutex_t lock;     /* rank 40: guards idle */
	struct store_scan *idle;  /* ended scans */
	unsigned idle_count;
};

/* Runs one LMDB call that opens, changes or closes; `call` returns an LMDB code. */
int store_guarded(struct store *s, int (*call)(void *), void *context);
/* -errno for an LMDB code. */
int store_error(int rc);
/* The ended scans, before the environment is closed. Under a guard only. */
void store_free_scans(struct store *s);
/* Appends a value that lies in the map; an LMDB code. Under a guard only. */
int store_copy_value(struct buf *out, const MDB_val *value);
