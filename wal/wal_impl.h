/* SPDX-License-Identifier: MIT */
/* The open log, shared by open.c, append.c and sync.c. Private to wal/. */
#pragma once

#include <pthread.h>
#include <zstd.h>

#include "wal/segment.h"

struct segment_list {
	struct segment *first, *last;
	unsigned count;
};

struct wal {
	struct wal_config config; /* borrowed callbacks; set by wal_open() */
	int dirfd;                /* borrowed */
	bool mapped;              /* stores go into a mapping */

	/* Set by wal_open(). */
	struct id128 incarnation;
	uint64_t generation;
	struct wal_position prior;
	void *record_run, *header_run; /* owned */
	uint8_t record_run_header[WAL_RUN_HEADER_SIZE], header_run_header[WAL_RUN_HEADER_SIZE];

	/* Rank: below every lock of the layers above; no lock is taken under it. Held over I/O only when the
	 * next segment is begun, which every appender has to wait for. */
	pthread_mutex_t lock;
	pthread_cond_t sync_done;  /* `syncing` ended */
	struct segment_list live;  /* guarded by lock; oldest first; the last one is appended to */
	struct segment_list ready; /* guarded by lock; may be begun */
	uint32_t next_number;      /* guarded by lock */
	uint64_t next_sequence;    /* guarded by lock */
	unsigned peak;             /* guarded by lock: live segments at once, lately */
	uint64_t released;         /* guarded by lock */
	uint64_t based;            /* last LSN of the checkpoint that the log was opened with */
	bool syncing;              /* guarded by lock: a leader is at work; no segment may be closed */
	bool anchored;             /* guarded by lock */
	int failed;                /* written under lock, read with atomics; -EIO for good */
	uint64_t last_lsn, synced; /* the same */
	uint64_t last_sync_us;     /* atomic */

	uint8_t *plain;            /* owned; guarded by lock; inner header and payload before sealing */
	uint8_t *packed;           /* owned; guarded by lock; the same, compressed */
	uint8_t *sealed;           /* owned; guarded by lock; the record before pwrite(2); NULL when mapped */
	ZSTD_CCtx *zstd;           /* owned; guarded by lock */
	unsigned zstd_skip, zstd_misses; /* guarded by lock; see append.c */
};

void log_segment_list_push(struct segment_list *l, struct segment *s);
void log_segment_list_put_back(struct segment_list *l, struct segment *s);
struct segment *log_segment_list_pop(struct segment_list *l);

static inline struct segment *wal_current(const struct wal *w)
{
	return w->live.last;
}

/* Takes a segment that is ready, or makes one. The last one that is ready is kept for the next open, which
 * must not fail because the disk is full; `opening` may take it, and may exceed segments_max. -ENOSPC. */
int wal_take_segment(struct wal *w, bool opening, struct segment **ret_s);
/* Begins the next segment of this incarnation and appends to it from now on. */
int wal_begin_segment(struct wal *w, bool opening);
/* Makes segments until segments_min are ready. Without the lock. */
int wal_prepare(struct wal *w);
/* Remembers that nothing can be trusted any more; wakes all who wait. Returns -EIO. */
int wal_fail(struct wal *w);
/* Appends a record of that kind; the lock is held. */
int wal_append_locked(struct wal *w, uint8_t kind, const struct iovec *pieces, size_t n, uint64_t lsn);
