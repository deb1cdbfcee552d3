/* SPDX-License-Identifier: MIT */
/* Shared by the files of tiers/hot/ that write, read and move objects. */
#pragma once

#include <pthread.h>

#include "tiers/hot/hot.h"
#include "tiers/hot/object_cache.h"
#include "tiers/tier_impl.h"

#define STAGING_KEPT 4u

struct hot {
	struct tier tier;
	struct hot_config config;
	struct catalog *catalog;       /* borrowed */
	struct segments *segments;     /* owned */
	struct object_cache *objects;  /* owned */
	struct partner *partner;       /* owned; NULL: one processor */

	pthread_mutex_t staging_lock;
	uint8_t *staging[STAGING_KEPT]; /* owned; guarded by staging_lock */
	unsigned n_staging;
};

/* A buffer of OBJECT_STORED_MAX bytes, page-aligned. NULL: no memory. */
uint8_t *hot_staging_get(struct hot *h);
void hot_staging_put(struct hot *h, uint8_t *staging);

int hot_read(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len,
	     enum tier_wait wait);
int64_t hot_verify(struct tier *t, const struct extent *e);
