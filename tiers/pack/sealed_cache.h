/* SPDX-License-Identifier: MIT */
/* What was fetched of cold packs, kept in cache/ as it lies in the bucket, sealed; bounded in bytes, fifo.h chooses what
 * stays. The folder may be emptied while the volume is not mounted, and is at the mount: what lay there is not known then.
 *
 * A frame of 128 KiB and more is fetched and kept by itself: not a byte more than is wanted comes from the bucket. A
 * smaller one comes with its neighbours, as the aligned chunk of 128 KiB that it lies in: who reads one small file mostly
 * reads those beside it, and a request costs more than the bytes.
 *
 * Each pack has two files of holes, "ID.frames" and "ID.chunks", in which bytes lie where they do in the pack.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/memory_parts.h"
#include "tiers/s3/bucket.h"

struct sealed_cache;

/* `dirfd`: of cache/, borrowed; -1: nothing is kept. `capacity`: bytes. */
int sealed_cache_new(int dirfd, uint64_t capacity, struct sealed_cache **ret_c);
struct sealed_cache *sealed_cache_free(struct sealed_cache *c);
/* Borrowed; NULL: none is attached. */
void sealed_cache_set_bucket(struct sealed_cache *c, struct bucket *b);
struct bucket *sealed_cache_get_bucket(struct sealed_cache *c);
/* How long a read waits for a bucket that does not answer; 0: a minute. `fail`: no longer than one request may take. From
 * now on. */
void sealed_cache_set_patience(struct sealed_cache *c, bool fail, uint64_t timeout_s);
void sealed_cache_add_memory(struct sealed_cache *c, struct memory_parts *m);

/* A pack in the bucket. */
struct cold_pack {
	uint64_t number;
	struct id128 id;
	const char *key;   /* in the bucket */
	uint64_t size;     /* bytes */
};

/* A sealed frame in it. */
struct cold_frame {
	uint64_t place, len;
};

/* Can it be read without the bucket? */
bool sealed_cache_has(struct sealed_cache *c, uint64_t number, struct cold_frame f);
/* Reads the frame's `len` bytes, from the bucket in one request what is not here. `again`: all of it, since what was
 * read was no good. -EHOSTUNREACH: no bucket is attached. Errors of bucket_get(); -EBADMSG: the object is shorter. */
int sealed_cache_read(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame f, bool again,
		      enum bucket_cause cause, void *ret_data);
/* Begins to fetch frames that are probably read next, side by side in the pack, in one request; does not wait. */
void sealed_cache_ahead(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n);

/* ---- many frames together (sealed_bring.c) */

/* What one request brings of a pack: at most eight of the largest frames. */
#define COLD_RANGE_MAX (8u * ((1u << 20) + 4096u))
struct cold_range {
	uint64_t from, len;
};
/* What is missing of `n` frames, which are sorted by place first, as ranges: neighbours in one, with the little that lies
 * between them. `ret_ranges` has room for n; returns how many there are. `all`: as if nothing were here. */
size_t sealed_cache_missing(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame *frames, size_t n, bool all,
			    struct cold_range *ret_ranges);
/* Brings what is missing of them, one request after the other, each as patient as a read, until *stop (may be NULL). Does
 * nothing when that is more than the cache should be asked to keep: reading will fetch it. 0 or as sealed_cache_read();
 * -EINTR. -ENOMEM. */
int sealed_cache_bring(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame *frames, size_t n,
		       const atomic_bool *stop);
