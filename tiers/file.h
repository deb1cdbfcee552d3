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

struct files_config {
	struct keyring *keys;         /* borrowed */
	int volume_dirfd;             /* borrowed; holds hot/ and reserve */
	bool read_only;
	uint64_t segment_size;        /* 0: 128 MiB */
	uint32_t inline_below;        /* writes under this go to the log first; 0: 64 KiB */
	uint64_t reserve_bytes;       /* kept free for unlink and cleaning; 0: 1 % of what is stored, 64 MiB to 1 GiB */
	unsigned clean_below;         /* percent alive, under which a segment is cleaned; 0: 50 */
	unsigned clean_ms;            /* between two looks for such segments; 0: 1000 */
	/* Reads whole extents that are not hot (packs, cold); NULL until those tiers exist. */
	struct tier *colder;
};

/* Opens what lies on disk. Until files_attach() only files_data_present(), files_sync_data() and
 * files_before_freeze() may be called: replay asks before the catalog is there. */
int files_open(const struct files_config *config, struct files **ret_f);
/* Hands over the opened catalog (borrowed; it outlives the files). Call once, before anything else. */
int files_attach(struct files *f, struct catalog *catalog);
/* Takes from the reserve what a full disk lacks of `bytes`, for something without which there is no mount. Any time. */
void files_release_space(struct files *f, uint64_t bytes);
/* Starts cleaning in the background. */
int files_start(struct files *f);
void files_stop(struct files *f);
struct files *files_close(struct files *f);

/* Reads up to `len` bytes into `ret_data`; returns how many (fewer only at the end of the file).
 * `nowait`: -EAGAIN when it would have to wait for the disk. -EIO: damage. */
ssize_t file_read(struct files *f, uint64_t ino, uint64_t offset, void *ret_data, size_t len, bool nowait);
/* Writes all of `data`; extends the file. `append`: offset is the file's size, decided atomically.
 * Drops capabilities, suid and setgid when `kill_priv` (and rq->in_group says), in its first batch. Returns the number of bytes. -ENOSPC before anything is
 * touched. -EFBIG. */
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

struct files_stats {
	uint64_t hot_files, hot_bytes, hot_stored_bytes, segments;
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
/* fsck: opens every block of every extent and compares accounts. Returns the number of blocks. */
int64_t files_verify(struct files *f, void (*problem)(void *context, const char *text), void *context);
