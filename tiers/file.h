/* SPDX-License-Identifier: MIT */
/* The bytes of files, wherever they live. fs/ sees this header only; which tier holds an extent is
 * decided below it. Offsets and lengths are in bytes.
 *
 * A write is acknowledged when it returns: its batch is in the log's mapped pages (it survives
 * SIGKILL). file_sync() makes it survive a power cut: data segments first, then the log.
 *
 * Thread-safety: safe. Two writes to overlapping ranges are ordered by their batches. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/extent.h"
#include "catalog/tree.h"
#include "tiers/tier.h"

struct files;
struct lost;

struct files_config {
	struct keyring *keys;         /* borrowed */
	int volume_dirfd;             /* borrowed; holds hot/ and reserve */
	bool read_only;
	uint64_t segment_size;        /* 0: 128 MiB */
	uint32_t inline_below;        /* writes under this go to the log first; 0: 64 KiB */
	uint64_t reserve_bytes;       /* kept free for unlink and cleaning; 0: 1 % of what is stored, 64 MiB to 1 GiB */
	unsigned clean_below;         /* percent alive, under which a segment is cleaned; 0: 50 */
	int64_t promote_gap_ms;       /* between two uses of a file that count */
	uint64_t cold_cache;          /* bytes of cold packs kept in cache/; 0: 1 GiB */
	unsigned clean_ms;            /* between two looks for such segments; 0: 1000 */
};

/* Opens what lies on disk. Until files_attach() only files_data_present(), files_sync_data() and
 * files_before_freeze() may be called: replay asks before the catalog is there. */
int files_open(const struct files_config *config, struct files **ret_f);
/* Hands over the opened catalog (borrowed; it outlives the files). Call once, before anything else. */
int files_attach(struct files *f, struct catalog *catalog);
/* Takes from the reserve what a full disk lacks of `bytes`, for something without which there is no mount. Any time. */
void files_release_space(struct files *f, uint64_t bytes);
/* What those above say. Any may be NULL. */
struct files_world {
	/* Does a program have it open? Then its bytes do not move to another tier. */
	bool (*is_open)(void *context, uint64_t ino);
	/* The first pack is about to be made: programs that know none are to refuse the volume from now on. */
	int (*need_packs)(void *context);
	/* A name of a file was removed behind the back of programs; `i` as it is now. As after tree_unlink(), it is
	 * to be reclaimed when it was the last. NULL: nobody has it open, and it is reclaimed at once. */
	void (*unlinked)(void *context, uint64_t dir, const char *name, const struct inode *i);
	void *context;
};
/* Before files_start(). */
void files_set_world(struct files *f, const struct files_world *world);
/* Starts cleaning in the background. */
int files_start(struct files *f);
void files_stop(struct files *f);
struct files *files_close(struct files *f);

/* Reads up to `len` bytes into `ret_data`; returns how many (fewer only at the end of the file).
 * -EAGAIN: it would have to wait for more than `wait` allows. -EIO: damage, or the bucket. */
ssize_t file_read(struct files *f, uint64_t ino, uint64_t offset, void *ret_data, size_t len,
		  enum tier_wait wait);
/* Writes all of `data`; extends the file. `append`: offset is the file's size, decided atomically.
 * Drops capabilities, suid and setgid when `kill_priv` (and rq->in_group says), in its first batch. Returns the
 * number of bytes. -ENOSPC before anything is touched. -EFBIG. */
ssize_t file_write(struct files *f, struct tree_request *rq, uint64_t ino, uint64_t offset, const void *data,
		   size_t len, bool kill_priv, bool append);
int file_truncate(struct files *f, struct tree_request *rq, uint64_t ino, uint64_t size, bool kill_priv,
		  struct inode *ret_i);
/* `mode` as fallocate(2): 0, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE. -EOPNOTSUPP for others. */
int file_allocate(struct files *f, struct tree_request *rq, uint64_t ino, int mode, uint64_t offset,
		  uint64_t len, bool kill_priv);
/* SEEK_DATA or SEEK_HOLE; *ret_offset. -ENXIO. */
int file_seek(struct files *f, uint64_t ino, uint64_t offset, int whence, uint64_t *ret_offset);
/* Shares extents: no byte is copied where source and target are aligned to extents as they lie.
 * Returns the number of bytes. */
ssize_t file_copy_range(struct files *f, struct tree_request *rq, uint64_t from, uint64_t from_offset,
			uint64_t to, uint64_t to_offset, size_t len, bool kill_priv);
/* Everything written so far to any file survives a power cut when this returns 0. */
int file_sync(struct files *f, uint64_t lsn);
/* Frees the bytes of an inode without names, in steps, the inode with the last of them. */
int file_reclaim(struct files *f, uint64_t ino);

/* The callbacks that daemon/wire.c hands to the catalog and the log; context is the struct files. */
int files_sync_data(void *files, uint64_t lsn);
int files_before_freeze(void *files);
int files_data_present(void *files, const void *key, size_t key_len, const void *value, size_t value_len);

/* A program opens a file that lies in packs: used on several occasions, it comes back. */
void file_note_use(struct files *f, const struct inode *i);
/* See files_config.promote_gap_ms. From now on. */
void files_set_promote_gap(struct files *f, int64_t gap_ms);
/* How reads of cold files wait for a bucket that is away: see sealed_cache.h. */
void files_set_patience(struct files *f, bool fail, uint64_t timeout_s);
/* What reads missed in the bucket: tiers/lost.h. */
struct lost *files_get_lost(struct files *f);
/* What it would ask of the bucket to have all bytes of a file here. Of a very large file an estimate. */
struct files_recall {
	uint64_t bytes, requests; /* 0: all of it can be read without the bucket */
};
/* Looks at the catalog and at what is in memory, and never at the bucket. `all`: as if nothing of it were in cache/. */
int files_get_recall(struct files *f, const struct inode *i, bool all, struct files_recall *ret);
/* Reads of files in packs that are under way and may wait for the bucket. */
#define FILES_READINGS_MAX 64u
struct files_reading {
	uint64_t ino, bytes, elapsed_ms;
};
/* Those that have taken so long already; returns how many there are. */
unsigned files_list_readings(struct files *f, uint64_t min_ms, struct files_reading ret[FILES_READINGS_MAX]);
/* Deletes what cleaning would leave for later, too: the data segment at hand, when little of it is alive. -EIO, -ENOSPC,
 * -ENOMEM. */
int files_clean_all(struct files *f);
/* Bytes in data segments that nothing refers to, and that cleaning is about to free. */
int files_get_waiting(struct files *f, uint64_t *ret_bytes);
struct files_tier_stats {
	uint64_t files, bytes, stored_bytes;
};
struct files_tiers {
	struct files_tier_stats hot, warm, cold;
	uint64_t segments, packs;
};
/* Costs a look at each pack. -EBADMSG. */
int files_get_tiers(struct files *f, struct files_tiers *ret_t);

struct files_stats {
	uint64_t segments;
	uint64_t hot_stored_bytes;
	uint64_t reserve_bytes, free_bytes; /* of the backing, after the reserve */
	uint64_t total_bytes;               /* size of the backing */
	uint64_t withheld_bytes;            /* free in the backing, but not for its users */
	bool full;                          /* nothing is left, or a write got ENOSPC within the last minute */
};
void files_get_stats(struct files *f, struct files_stats *ret_stats);
void files_add_memory(struct files *f, struct memory_parts *m);
/* For repair: calls `described` for each extent that descriptions in data segments speak of, dead or alive. A negative
 * return ends it. */
int files_foreach_described(struct files *f, int (*described)(void *context, uint64_t ino, const struct extent *e),
			    void *context);

/* fsck. */
struct files_check {
	bool cold;          /* packs in the bucket are read, too; it must be attached */
	bool has_bucket;    /* there is one, by the configuration: without it no pack is given up */
	/* Called for each thing that is wrong, with numbers and no names. */
	void (*problem)(void *context, const char *text);
	void *context;
	uint64_t unread;    /* set by files_verify(): packs in the bucket that were not read */
	uint64_t left_over; /* set by files_check_packs(): files in warm/ that no record speaks of */
};
/* Compares the records of packs and dictionaries, and the queue of removals, with the packs. For catalog_repair(): what is
 * lost is made again from packs, in the rehearsal; the bucket is asked for a lost one, and with `cold` for all. Errors of
 * the bucket, which are told. */
int files_check_packs(struct files *f, struct files_check *check);
/* Opens every block of every extent and every frame of every pack, and compares accounts. Returns the number of blocks
 * and frames. In a rehearsal, what is found is marked, and need not be told again. */
int64_t files_verify(struct files *f, struct files_check *check);
