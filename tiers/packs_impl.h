/* SPDX-License-Identifier: MIT */
/* Shared by the files that make packs a tier: packs.c (reading), packs_open.c, packs_dictionaries.c; and by those who fetch
 * much at once. */
#pragma once

#include <pthread.h>

#include "tiers/lost.h"
#include "tiers/pack/frames.h"
#include "tiers/pack/pack_reader.h"
#include "tiers/pack/sealed_cache.h"
#include "tiers/packs.h"
#include "tiers/tier_impl.h"

#define OPEN_MAX 64u
#define DICTIONARIES_MAX 8u

struct open_pack {
	struct pack_record record;
	int fd;                /* owned; -1: not here */
	struct pack_run *run;  /* owned */
	unsigned users;        /* guarded by lock, as all below */
	bool stale;            /* not in the table any more */
	uint64_t used;
};

struct open_dictionary {
	struct pack_dictionary *d; /* owned */
	unsigned users;            /* guarded by lock, as below */
	uint64_t used;
};

struct packs {
	struct tier tier;
	struct packs_config config;
	struct catalog *catalog;     /* borrowed */
	struct frames *frames;       /* owned */
	struct pack_opener *opener;  /* owned */
	struct sealed_cache *cache;  /* owned */
	struct lost lost;

	pthread_mutex_t lock;        /* rank 50 */
	struct open_pack *open[OPEN_MAX]; /* owned; guarded by lock, as all below; NULL: free */
	struct open_dictionary dictionaries[DICTIONARIES_MAX];
	uint64_t tick;
};

struct open_pack *open_pack_free(struct open_pack *op);
/* Opens it, or finds it open; to be put back. -ENOENT: there is no such pack (any more). */
int packs_get_open(struct packs *p, uint64_t number, struct open_pack **ret_op);
void packs_put_open(struct packs *p, struct open_pack *op);
/* The dictionary of a pack, wherever there is one; for packs_put_dictionary(). What the bucket says is no news of the file:
 * whoever knows the pack must not take it for absent, so that this is -EIO. */
int packs_find_dictionary(struct packs *p, struct open_pack *op, const struct pack_dictionary **ret_d);
/* -EIO of what is neither -ENOMEM nor success. */
int packs_plain_error(int r);

/* 1: the pack is in the bucket, and so described, by `key`. 0: it is here. Errors of pack_record_get(). */
int packs_get_cold(struct packs *p, uint64_t number, char key[PACK_KEY_SIZE], struct cold_pack *ret_o);
struct sealed_cache *packs_cache(struct packs *p);
