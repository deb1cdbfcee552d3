/* SPDX-License-Identifier: MIT */
/* Packs as a tier: reads the bytes of extents in packs, wherever those lie. Which packs there are is said by the catalog
 * (catalog/pack_record.h); how one looks, by tiers/pack/pack_format.h.
 *
 * A pack may go from warm/ to the bucket, or away, while it is read: its record is looked up again then.
 *
 * Thread-safety: safe, except new, packs_set_catalog() and tier_free(). */
#pragma once

#include <stdatomic.h>

#include "base/memory_parts.h"
#include "catalog/pack_record.h"
#include "tiers/lost.h"
#include "tiers/pack/pack.h"
#include "tiers/s3/bucket.h"
#include "tiers/tier.h"

struct packs;

struct packs_config {
	struct keyring *keys; /* borrowed */
	int dirfd;            /* of warm/, whose files have the packs' ids as names; borrowed */
	uint64_t frames_max;  /* bytes of plain frames kept in memory; 0: 16 MiB */
	int cache_dirfd;      /* of cache/, borrowed; -1: what is fetched is not kept */
	uint64_t cache_max;   /* bytes of it; 0: 1 GiB */
};

int packs_new(const struct packs_config *config, struct packs **ret_p);
void packs_set_catalog(struct packs *p, struct catalog *c);
/* The same object; tier_free() frees it. */
struct tier *packs_tier(struct packs *p);
void packs_add_memory(struct packs *p, struct memory_parts *m);

/* Does reading of this extent's pack cost requests? */
bool packs_is_cold(struct packs *p, const struct extent *e);
/* A program has read up to `e` of a file, in a pack that is cold; `next` are the extents behind it in the file. What
 * of them is in that pack and not here is fetched meanwhile. */
#define PACKS_AHEAD 8u
void packs_ahead(struct packs *p, const struct extent *e, const struct extent *next, size_t n);

/* Fetches what of these extents is in cold packs and not here, neighbours in one request, so that reading them next
 * costs none. Waits. Others than those in packs are passed over. -EINTR: *stop, which may be NULL, became true. -EIO:
 * the bucket. -ENOMEM. */
#define PACKS_BRING_BYTES (8u * ((1u << 20) + 4096u)) /* stored, that come in one request */
int packs_bring(struct packs *p, const struct extent *extents, size_t n, const atomic_bool *stop);
/* What that would ask of the bucket is added to *sum; `all`: as if nothing were here. Asks nobody but the catalog. */
struct packs_missing {
	uint64_t bytes, requests;
};
int packs_ask_missing(struct packs *p, const struct extent *extents, size_t n, bool all, struct packs_missing *sum);

/* Where cold packs lie; borrowed; NULL: nowhere. */
void packs_set_bucket(struct packs *p, struct bucket *b);
struct bucket *packs_get_bucket(struct packs *p);
/* See sealed_cache_set_patience(). */
void packs_set_patience(struct packs *p, bool fail, uint64_t timeout_s);
/* What is gone or altered there, as far as reads have noticed. */
struct lost *packs_get_lost(struct packs *p);
/* Asks the bucket again for what was lost: what is back is forgotten. -EINTR: `interrupted` has become true. */
int packs_look_for_lost(struct packs *p, const atomic_bool *interrupted);
/* The name of a pack's object, which begins alike for all. */
#define PACK_KEY_SIZE 64
#define PACK_KEY_PREFIX "packs/"
char *pack_key(const struct pack_record *record, char ret_key[PACK_KEY_SIZE]);

/* What the pack says of itself; flags and `checked` are the caller's to know. */
struct pack_record packs_record_of(const struct pack_summary *s);

/* The record of a pack has changed: what is known of it is looked up again. */
void packs_forget(struct packs *p, uint64_t number);

/* A dictionary of the catalog, kept at hand until packs_put_dictionary(). -ENOENT. -EBADMSG. Reading needs none of the
 * catalog's: the pack has its own. */
int packs_get_dictionary(struct packs *p, uint64_t id, const struct pack_dictionary **ret_d);
void packs_put_dictionary(struct packs *p, const struct pack_dictionary *d);
