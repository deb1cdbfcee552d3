/* SPDX-License-Identifier: MIT */
/* Which files have a name, and which were modified when: sets (packed_set.h) that follow the entries and inodes of
 * regular files, in the same batch, so that a view finds a file by its name and the files of a day without looking at
 * all there are.
 *
 *   'n' hash inode     how many names of the file have this stem; the hash is the first 32 bits of
 *                      digest_128(DIGEST_STEM, stem)
 *   'm' quarter inode  1; of a file with a name: mtime in quarters of an hour (every time zone's days begin with
 *                      one), 1970 at 2^40; in the set a number below 2^39 is added that only who has the volume's key
 *                      knows (a digest of "times"), since keys can be read
 *
 * A stem is a name without its ending, folded (base/fold.h): "Wind Meter.md" and "wind meter" have the same.
 *
 * When such a set is damaged the files are changed all the same; derive.h makes it anew at the next mount. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/inode.h"
#include "catalog/packed_set.h"

#define QUARTER_S 900
/* Of a time in seconds since 1970. */
uint64_t file_quarter(int64_t seconds);
/* The first one that does not begin before: where a date begins. In a zone whose days begin within a quarter (those of long
 * ago, or made up), what was modified before the next one counts for the date before. */
uint64_t file_quarter_from(int64_t seconds);
int64_t file_quarter_begins(uint64_t quarter);
struct key file_names_prefix(void);
struct key file_times_prefix(void);
/* What is added in the set. */
uint64_t file_times_shift(struct catalog *c);

/* A walk through the files with names, by the quarter in which they were modified. */
struct file_times {
	struct packed_walk walk;
	uint64_t shift;
};
struct file_times file_times_from(struct catalog *c, uint64_t quarter, uint64_t ino);
/* 1, 0 at the end, -EBADMSG. */
int file_times_next(struct file_times *t, uint64_t *ret_quarter, uint64_t *ret_ino);
void file_times_done(struct file_times *t);
/* How many there are in [low, high]. */
int file_times_count(struct catalog *c, uint64_t low, uint64_t high, uint64_t *ret_count);

/* Bytes of the name before its ending: what stands before the last dot, when eight letters and digits at most
 * follow, a letter among them. */
size_t file_stem_len(const char *name, size_t len);
/* The hash of a stem that is given whole, and not folded yet. -ENOMEM. */
int file_stem_hash(struct catalog *c, const char *stem, size_t len, uint64_t *ret_hash);
/* Calls `member` for each pair that the set has because of this record of entries (dentry.h); once for each name. A
 * result below 0 ends it. */
int file_names_foreach(struct catalog *c, const void *entries, size_t len,
		       int (*member)(void *context, uint64_t hash, uint64_t ino), void *context);
/* Those that may have a name with this hash: ascending in b, from (hash, 0) on. */
struct packed_walk file_names_walk(struct catalog *c);

/* ---- inside a batch; errors come out of batch_commit() */

struct file_name {
	uint64_t ino;
	uint32_t mode;    /* of the inode; S_IFMT bits are enough */
	bool sole;        /* it has no other name, which spares a look; false if nobody knows */
	const char *name; /* borrowed, not terminated */
	size_t len;
};
/* A file gets or loses a name. */
void file_named(struct batch *b, const struct file_name *f);
void file_unnamed(struct batch *b, const struct file_name *f);
/* Makes the set of times agree with the inode, and i->quarter with the set. */
void file_timed(struct batch *b, struct inode *i);
/* The quarter that the set has, or should have, for an inode with this record; 0: none. */
uint64_t file_quarter_of(const struct inode *i);
