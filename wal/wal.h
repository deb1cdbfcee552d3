/* SPDX-License-Identifier: MIT */
/* Write-ahead log: ordered, sealed, durable intentions. One record is one atomic batch. Not a
 * store: records die when the checkpoint that covers them is durable (wal_release()).
 *
 * Segments are files of fixed size, written once with zeros and then recycled, mapped MAP_SHARED: a
 * record is a store into the page cache, so it survives SIGKILL when wal_append() returns and a
 * power cut when wal_sync() does. See wal_format.h for the bytes and the argument for replay.
 *
 * LSNs are numbers of records, from 1, without gaps. The number of a record that replay cut off is given
 * again, in another incarnation.
 *
 * Thread-safety: safe, except wal_open() and wal_close(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/id.h"

#define WAL_RECORD_MAX (1u << 20) /* plain bytes of one record */
#define WAL_RUN_HEADER_SIZE 20
#define WAL_SEGMENT_SIZE (16u << 20) /* unless configured */

struct wal;

/* The sealing function, set from above: wal/ knows no keys. A run is made for each incarnation and
 * for its headers. `what`: 0 record, 1 header, 2 anchor. `place` is bound into the seal. -EBADMSG from
 * run_open() and open() means that the bytes are not what was sealed; any other error ends wal_open(). */
struct wal_sealer {
	void *context;
	int (*run_new)(void *context, int what, uint8_t ret_header[WAL_RUN_HEADER_SIZE], void **ret_run);
	int (*run_open)(void *context, int what, const uint8_t header[WAL_RUN_HEADER_SIZE], void **ret_run);
	void (*run_free)(void *run);
	/* len + 16 bytes are written to ret_sealed, which may be `plain`. */
	int (*seal)(void *run, struct id128 incarnation, uint64_t place, const void *plain, size_t len,
		    void *ret_sealed, uint64_t *ret_nonce);
	int (*open)(void *run, uint64_t nonce, struct id128 incarnation, uint64_t place, const void *sealed,
		    size_t len, void *ret_plain);
};

struct wal_config {
	struct wal_sealer sealer;
	size_t segment_size;   /* bytes, a multiple of 4096; 0: WAL_SEGMENT_SIZE */
	unsigned segments_min; /* kept; 0: 3: one in use, one to go on with, one for the next open */
	unsigned segments_max; /* wal_append() answers -ENOSPC beyond; at least 3; 0: 32 */
	bool read_only;        /* replay only; nothing is written */
	bool no_mmap;          /* write with pwrite(2) */
	bool warm;             /* the process that wrote the log has just died, the machine goes on, and somebody waits:
	                        * what is only needed later is left to wal_make_spares() */
	/* With read_only, for repair: a damaged log is replayed up to the first record that does not verify
	 * (the report says `damaged`), and an anchor that is gone is as good as one that does not open. */
	bool salvage;
	bool from_unsure;      /* with salvage: `from` may be older than the checkpoint; an anchor knows better */
	bool accept_older;     /* with salvage: no -ESTALE; what does not belong to `from` is not replayed */
	/* Makes everything that records at or below `lsn` refer to durable (data segments), before the
	 * log itself is synced. May be NULL. */
	int (*sync_data)(void *context, uint64_t lsn);
	void *sync_data_context;
};

/* What replay starts from: the last LSN in the catalog's last checkpoint, and the incarnation that
 * wrote it. All zero for a new volume. */
struct wal_position {
	struct id128 incarnation;
	uint64_t lsn;
};

struct wal_replay {
	void *context;
	/* Called for each record after the checkpoint, in order. `synced`: the record is known to have
	 * been durable. A negative return ends the replay with that error; 1 cuts the log before this
	 * record, as if it had not been written (its data did not reach the disk). */
	int (*record)(void *context, uint64_t lsn, bool synced, const void *data, size_t len);
};

struct wal_report {
	uint64_t replayed;   /* records given to the callback */
	uint64_t last_lsn;   /* last LSN of the log; appends go on from it */
	bool clean;          /* the last stop was clean */
	bool anchor_damaged; /* it was, but only the log's end says so: the anchor does not open */
	bool cut;            /* a torn tail was cut off */
	bool damaged;        /* salvaged: records after last_lsn are lost, or all after the checkpoint */
	uint64_t catalog_txn; /* of the anchor that corrected `from`; else 0 */
};

/* Opens the folder's log, or makes a new one in an empty folder, replays what lies after `from`, and
 * begins a new incarnation. `dirfd` is borrowed for the life of the log.
 * -EBADMSG: corruption (a record is missing or altered where later ones prove that it was durable,
 * or the log does not reach back to `from`). -ENOSPC: no room for segments.
 * `catalog_txn`: what the anchor must name when the last stop was clean; -ESTALE when it names
 * another, or when the anchor or the log is gone: a part was put back from an older copy.
 * What sync_data() is asked to make durable may have been written before this open: replayed records
 * that are not known to have been durable refer to it. */
int wal_open(int dirfd, const struct wal_config *config, const struct wal_position *from,
	     uint64_t catalog_txn, const struct wal_replay *replay, struct wal_report *ret_report,
	     struct wal **ret_w);

/* Ends a clean stop: requires that everything is released; leaves an empty log and a sealed anchor
 * naming `catalog_txn` and the last LSN, durable. The log can only be closed afterwards.
 * -EBUSY: something is not released. -EIO: an earlier sync failed. -EROFS: opened read-only. */
int wal_anchor(struct wal *w, uint64_t catalog_txn);
/* For repair: calls `replay` for each record that the folder's segments still hold, also those that were released,
 * replaced or come after damage, the oldest incarnation first. */
int wal_gather(int dirfd, const struct wal_config *config, const struct wal_replay *replay);
/* For repair: leaves in an empty folder the anchor of a clean stop at that LSN, durable, and no log. */
int wal_write_anchor(int dirfd, const struct wal_sealer *sealer, uint64_t catalog_txn, uint64_t last_lsn);
/* Releases memory and descriptors; writes nothing. */
struct wal *wal_close(struct wal *w);

/* Appends one record made of `n` pieces; it survives SIGKILL once this returns, and a power cut once
 * wal_sync() covers *ret_lsn. -EFBIG: over WAL_RECORD_MAX. -ENOSPC: all segments are in use,
 * checkpoint first. -ENOMEM: nothing has happened. -EIO: an earlier sync or store failed; nothing is accepted
 * any more. -EROFS. */
int wal_append(struct wal *w, const struct iovec *pieces, size_t n, uint64_t *ret_lsn);

/* Makes all records at or below `lsn` durable: data first, then the log. Concurrent callers share
 * one fdatasync. -ENOMEM: nothing has happened. After any other failure all waiting and later calls fail with -EIO: a
 * failed fdatasync is never retried (the kernel may have dropped the pages). */
int wal_sync(struct wal *w, uint64_t lsn);

uint64_t wal_last_lsn(const struct wal *w);
uint64_t wal_synced_lsn(const struct wal *w);
struct id128 wal_incarnation(const struct wal *w);
/* Duration of the last fdatasync of the log, in microseconds. */
uint64_t wal_last_sync_us(const struct wal *w);
unsigned wal_segment_count(const struct wal *w);
/* Bytes of memory that appending takes, always the same; segments are mapped. */
size_t wal_memory(void);
/* Bytes of records that are not released yet, in whole segments. */
uint64_t wal_used_bytes(const struct wal *w);

/* Everything at or below `lsn` is durable in the catalog: segments that hold nothing newer are
 * recycled, and spare ones are made ready for wal_append(). The caller applies the rule of two
 * checkpoints: `lsn` is what the last but one covers. */
void wal_release(struct wal *w, uint64_t lsn);
/* Makes segments ready, if there are too few. Without, wal_append() makes one when it needs one. */
void wal_make_spares(struct wal *w);
