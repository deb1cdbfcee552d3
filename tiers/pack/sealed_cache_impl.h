/* SPDX-License-Identifier: MIT */
/* Shared by the files of the sealed cache. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tiers/pack/fifo.h"
#include "tiers/pack/sealed_cache.h"

#define SEALED_CHUNK_SIZE (128u << 10)
/* Parts of packs in fifo.h: chunks by their number, frames by their place with this bit. */
#define SEALED_PART_FRAME (1ull << 63)
/* Requests for several frames at a time, those of readers and those ahead of them; and the latter alone. */
#define FLIGHTS_MAX 80u
#define AHEAD_MAX 16u
/* So long readers wait for what another fetches, at most; then they ask themselves. */
#define AHEAD_MS 3000u

/* A stretch of a pack that is being fetched; number 0: none. */
struct flight {
	uint64_t number, from, to;
};

struct sealed_cache {
	int dirfd;             /* borrowed */
	uint64_t capacity;
	_Atomic(struct bucket *) bucket; /* borrowed */
	atomic_bool fails;
	_Atomic uint64_t patience_ms;    /* 0: PATIENCE_MS */

	pthread_mutex_t lock;  /* rank 50 */
	pthread_cond_t idle;
	struct fifo *fifo;     /* guarded by lock, as all below; values are parts, owned */
	struct flight flights[FLIGHTS_MAX]; /* what is under way */
	unsigned ahead;        /* of them, ahead of readers */
};

static inline bool cold_frame_is_large(struct cold_frame f)
{
	return f.len >= SEALED_CHUNK_SIZE;
}

bool sealed_cache_has_part(struct sealed_cache *c, uint64_t number, uint64_t part);
/* From now on readers of [from, to) wait for it. False: some of it is on its way already, or too much is. */
bool sealed_cache_begin_flight(struct sealed_cache *c, uint64_t number, uint64_t from, uint64_t to, bool ahead);
void sealed_cache_end_flight(struct sealed_cache *c, uint64_t number, uint64_t from, bool ahead);
/* Until nothing of [from, to) is on its way. */
void sealed_cache_wait_for_flight(struct sealed_cache *c, uint64_t number, uint64_t from, uint64_t to);
/* Keeps what was fetched, if it can; `len` of a frame. */
void sealed_cache_store(struct sealed_cache *c, const struct cold_pack *o, uint64_t part, const uint8_t *data,
			uint64_t len);
/* `len` bytes from `from` on, patiently. Errors of sealed_cache_read(). */
int sealed_cache_fetch(struct sealed_cache *c, const struct cold_pack *o, uint64_t from, uint64_t len,
		       enum bucket_cause cause, uint8_t *ret_data);
