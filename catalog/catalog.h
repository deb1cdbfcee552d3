/* SPDX-License-Identifier: MIT */
/* The namespace and all small records: one ordered transactional key-value store.
 *
 * A RAM overlay of everything since the last checkpoint lies over LMDB. A batch is appended to the
 * WAL, then applied to the overlay; the checkpointer freezes the overlay every few seconds, sorts
 * it, seals its values and writes it with the WAL position in one durable LMDB transaction, without
 * stopping writers.
 *
 * This header is the store. What the keys and values mean is in records.h, inode.h, tree.h and
 * extent.h. Keys hold no names: numbers and keyed hashes only; values are sealed on disk.
 *
 * Thread-safety: safe, except open and close. One batch at a time: catalog_begin() waits for the
 * one before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/memory_parts.h"
#include "crypto/keyring.h"
#include "wal/wal.h"

#define CATALOG_KEY_MAX 64
#define CATALOG_VALUE_MAX (WAL_RECORD_MAX - 4096)

struct catalog;
struct batch;
struct cursor;

/* A change that others want to hear of, noted in the batch that makes it. Bits of `what`. */
enum catalog_event_kind {
	EVENT_CONTENT = 1 << 0, /* bytes of a file changed */
	EVENT_NAME = 1 << 1,    /* an entry was made, removed or renamed (inode of the entry) */
	EVENT_XATTR = 1 << 2,
	EVENT_ATTR = 1 << 3,    /* mode, owner, times, size */
	EVENT_GONE = 1 << 4,    /* the last link went away */
	EVENT_QUEUE = 1 << 5,   /* a queue has a new entry for this inode */
	EVENT_RULES = 1 << 6,   /* what of it is to be indexed, and how, changed: it is to be read again */
	EVENT_BELOW = 1 << 7,   /* a directory with entries was renamed: the paths of all below are others */
};

struct catalog_event {
	uint64_t ino;
	uint32_t what;
};

struct catalog_config {
	struct keyring *keys;     /* borrowed */
	int volume_dirfd;         /* borrowed; holds catalog/ and wal/ */
	struct wal_config wal;
	bool read_only;
	bool warm;                /* a living keeper hands the volume over: nothing was lost below us */
	bool whole;               /* with warm and check_later: found_whole() has been called for this store, and only who
	                           * holds the volume's lock has changed it since: it is not checked again */
	bool check_later;         /* the structure of the store is checked whole in the background, from
	                           * catalog_start() on, and not by catalog_open() (vetting.c) */
	bool rehearse;            /* with read_only, for repair.h: damage does not keep it from being opened, and
				   * batches change memory alone */
	unsigned checkpoint_ms;   /* 0: 2000 */
	size_t overlay_records;   /* freeze at; 0: 65 536 */
	size_t overlay_bytes;     /* freeze at; 0: 64 MiB */
	size_t map_size;          /* LMDB's map; 0: 1 TiB (sparse address space) */

	/* After a stop that was not clean: is what this extent record refers to on the disk and does its
	 * seal open? Asked for records that were not known to be durable. 0: no, and the log is cut before it.
	 * An error, -ENOMEM say, is no answer: the store is not opened. NULL: not asked. */
	int (*data_present)(void *context, const void *key, size_t key_len, const void *value, size_t value_len);
	/* Called by the checkpointer before it freezes the overlay, without locks: a chance to fold
	 * inline extents into segments with batches of its own. NULL: none. */
	int (*before_freeze)(void *context);
	/* Called after a batch was applied, in commit order, with the writer lock held: must be quick and
	 * must not call the catalog. NULL: none. */
	void (*committed)(void *context, uint64_t lsn, const struct catalog_event *events, size_t n);
	/* Is the request with this number of the present mount unanswered? The reply to it is then kept however many come
	 * after it. Called with locks held; must be quick. NULL: none is. */
	bool (*in_flight)(void *context, uint64_t unique);
	/* The check that was left for later has found nothing wrong. By any thread, once. NULL: none. */
	void (*found_whole)(void *context);
	void *context;
};

/* Opens (or, in an empty folder, makes) the store and replays the log. On failure *ret_why says in a
 * sentence what is wrong; the caller frees. -EBADMSG: damage. -ESTALE: a part of the volume was put
 * back from an older copy. -ENOSPC. */
int catalog_open(const struct catalog_config *config, struct wal_report *ret_report, struct catalog **ret_c,
		 char **ret_why);
/* The callbacks and sync_data may be set after opening, once, before the first batch. */
void catalog_set_callbacks(struct catalog *c, const struct catalog_config *callbacks);
/* As catalog_config.checkpoint_ms; holds from the next checkpoint on. */
void catalog_set_checkpoint_ms(struct catalog *c, unsigned ms);
/* Starts the checkpointer, and the rest of the check (check_later). */
int catalog_start(struct catalog *c);
/* Checkpoints until nothing is left and writes the clean anchor. */
int catalog_stop_clean(struct catalog *c);
/* Releases everything; without catalog_stop_clean() as if the process had been killed. */
struct catalog *catalog_close(struct catalog *c);

/* The log's sealing function under these keys, for catalog_config.wal.sealer. */
struct wal_sealer catalog_wal_sealer(struct keyring *keys);

/* ---- reading: sees every committed batch */

/* Appends the value to *ret_value (may be NULL to ask whether the key is there). -ENOENT. -EBADMSG:
 * the stored value does not open. */
int catalog_get(struct catalog *c, const void *key, size_t key_len, struct buf *ret_value);

/* Walks keys that begin with `prefix`, in memcmp order. Holds no lock between calls; sees changes
 * made meanwhile. */
int cursor_open(struct catalog *c, const void *prefix, size_t prefix_len, struct cursor **ret_cursor);
/* Goes to the first key at or after `key`, which begins with the prefix. */
void cursor_seek(struct cursor *cur, const void *key, size_t key_len);
/* 1: *ret_key and *ret_value are borrowed until the next call. 0: no more. -EBADMSG. */
int cursor_next(struct cursor *cur, const void **ret_key, size_t *ret_key_len, const void **ret_value,
		size_t *ret_value_len);
/* After -EBADMSG from cursor_next(): goes on behind the record that does not open; *ret_key as there.
 * -EBADMSG: it is no single record, but some of their kind are missing: no walk would see all. */
int cursor_skip(struct cursor *cur, const void **ret_key, size_t *ret_key_len);
struct cursor *cursor_close(struct cursor *cur);

/* ---- writing */

/* Begins a batch and holds the writer lock until commit or abort, on the same thread. Waits while the
 * overlays are full; that wait must never happen on a thread that the checkpointer needs, nor a commit
 * under a lock that sync_data() takes. `reserve`: true for unlink,
 * truncate, checkpoint and cleaning, which may use the reserve. -EROFS, -EIO (a sync failed), -ENOSPC. */
int catalog_begin(struct catalog *c, bool reserve, struct batch **ret_b);
/* Between the batches of background work: whoever waits to write goes first, for a millisecond or two at most. */
void catalog_give_way(struct catalog *c);
/* Would catalog_begin() pause or wait for a checkpoint now? For threads that must not. */
bool catalog_is_busy(struct catalog *c);
/* As catalog_get(), and sees what this batch has put and removed. When one of these failed, the error of that: what is not
 * there must not be taken for damage. */
int batch_get(struct batch *b, const void *key, size_t key_len, struct buf *ret_value);
/* Copies key and value. Errors are kept and come out of batch_commit(). */
void batch_put(struct batch *b, const void *key, size_t key_len, const void *value, size_t value_len);
void batch_remove(struct batch *b, const void *key, size_t key_len);
/* The batch cannot be what it should: batch_commit() returns this. */
void batch_fail(struct batch *b, int error);
void batch_note(struct batch *b, uint64_t ino, uint32_t what);
/* The LSN that this batch will have. */
uint64_t batch_lsn(const struct batch *b);
struct catalog *batch_catalog(const struct batch *b);
/* Plain bytes collected so far; -EFBIG at commit above CATALOG_VALUE_MAX. Split long work. */
size_t batch_size(const struct batch *b);
/* Appends to the WAL, applies, calls `committed`, frees b, releases the lock. On error nothing
 * happened. *ret_lsn may be NULL. A batch without changes is not logged: its notes come with the LSN of
 * the batch before. */
int batch_commit(struct batch *b, uint64_t *ret_lsn);
struct batch *batch_abort(struct batch *b);

/* ---- remembered replies (DESIGN section 4): what a request that is sent again must be answered */

struct reply_record {
	struct id128 mount;  /* mount instance */
	uint64_t unique;     /* of the FUSE request, without the resend bit */
	uint32_t opcode;
	int32_t status;      /* 0 or -errno */
	uint64_t ino;        /* of a reply that names an inode */
	uint64_t handle;     /* slot in the keeper's table */
	uint32_t size;       /* bytes written */
};

/* The reply travels in the batch. At most one a batch. */
void batch_reply(struct batch *b, const struct reply_record *reply);
/* -ENOENT: that request has not been executed. The last 4096 are kept over replay and checkpoints. */
int catalog_find_reply(struct catalog *c, struct id128 mount, uint64_t unique, struct reply_record *ret_reply);

/* ---- durability and figures */

/* All batches at or below `lsn` survive a power cut once this returns 0. -ENOMEM: not yet. -EIO, for good. */
int catalog_sync(struct catalog *c, uint64_t lsn);
uint64_t catalog_last_lsn(struct catalog *c);
/* Another one after each beginning and end of a checkpoint: what was read before and after it with the same result was
 * read from the same overlays and store. */
uint64_t catalog_generation(struct catalog *c);
/* Asks for a checkpoint of everything up to now and waits for it. */
int catalog_checkpoint(struct catalog *c);

struct catalog_stats {
	uint64_t wal_segments, wal_replayed, last_sync_us, last_lsn, synced_lsn;
	uint64_t overlay_bytes, overlay_records, checkpoints;
	uint64_t map_used_bytes;
	bool checking;    /* not all is known of the store yet (check_later) */
	int failed;       /* 0, or the error that made the store read-only */
	bool no_space;    /* the last checkpoint found the disk full; it is tried again */
	unsigned damaged; /* kinds of records of which some were missing or altered when the store was opened, as
	                   * far as they have been looked at; a key of such a kind that is not found is -EBADMSG */
};
void catalog_get_stats(struct catalog *c, struct catalog_stats *ret_stats);
void catalog_add_memory(struct catalog *c, struct memory_parts *m);
struct keyring *catalog_keys(struct catalog *c);
/* Opened with `rehearse`. */
bool catalog_rehearses(const struct catalog *c);
/* Were records of this kind (first byte of their keys) not those of the last checkpoint when the store was
 * opened? Of entries, xattrs, extents and inodes only when it was opened with `rehearse`. */
bool catalog_kind_suspect(struct catalog *c, uint8_t letter);

struct catalog_compaction {
	uint64_t before, after; /* bytes of the store */
	uint64_t needed;        /* room on the disk, to begin with */
};
/* Writes the store anew, without what is free in it, while all else goes on; the catalog does so by itself when more
 * than half of a large one is free. To be called after catalog_checkpoint(). -ENOSPC: there is no room for two.
 * -EBADMSG: it is damaged and stays as it is. -ECANCELED: the catalog is being stopped. -EROFS, -EIO, -ENOMEM. `ret` is
 * always filled. */
int catalog_compact(struct catalog *c, struct catalog_compaction *ret);

/* ---- durable counters: inode numbers, tag ids, segment numbers. Never give a number twice, also
 * after crashes: ranges are reserved ahead. Inside a batch the number belongs to the batch: when it is
 * aborted, the number may come again. Numbers that name files are drawn outside of batches: then they
 * are durable before they are used. */
enum catalog_counter { COUNTER_INODE = 1, COUNTER_TAG = 2, COUNTER_SEGMENT = 3, COUNTER_INDEX_SEGMENT = 4,
		       COUNTER_PACK = 5 };
int catalog_next_number(struct catalog *c, enum catalog_counter which, uint64_t *ret_number);

/* ---- verification (fsck): walks LMDB and opens every value. Calls `problem` for each defect, with
 * text that names inode numbers only. Returns the number of records, or -errno. */
int64_t catalog_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context);
