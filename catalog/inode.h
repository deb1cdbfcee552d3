/* SPDX-License-Identifier: MIT */
/* Inode records, and the sets that hang on them.
 *
 * LMDB authenticates nothing: one flipped bit can make a key vanish. So the sealed inode record holds
 * count and set hash (XOR of keyed 128-bit hashes of key and value) of its entries, xattrs and
 * extents. Every batch that changes a member goes through set_put() and set_remove(), which keep
 * them; inode_check_set() compares, once a mount for each inode and kind.
 *
 * Thread-safety: reading as catalog_get(); writing inside a batch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "catalog/catalog.h"
#include "catalog/records.h"

enum inode_set { SET_ENTRIES, SET_XATTRS, SET_EXTENTS, SET_KINDS };

struct set_summary {
	uint64_t count;
	struct id128 hash;
};

struct inode {
	uint64_t ino;
	uint32_t mode;       /* with file type */
	uint32_t uid, gid;
	uint32_t nlink;
	uint64_t rdev;
	uint64_t size;       /* bytes; of a symlink the length of its target */
	uint64_t bytes;      /* that are not holes: what st_blocks counts */
	struct timespec atime, mtime, ctime, btime;
	uint64_t generation;
	uint64_t content_lsn; /* of the last change to its bytes */
	uint64_t parent;      /* directory of its first name; 0 for the root and for orphans */
	uint64_t cookie;      /* of that entry */
	uint32_t flags;       /* INODE_* */
	uint64_t quota;       /* directory whose quota it counts for (quota.h); 0: none */
	uint64_t packed;      /* of `bytes`, those that lie in packs (pack_record.h) */
	uint64_t home;        /* the pack that the last of those was put in; 0: none is */
	uint64_t used_s;      /* used later than atime says, which a mount hides (noatime): then, since 1970; 0: atime says it */
	struct set_summary sets[SET_KINDS];
	uint64_t quarter;     /* not stored: where the set of times (file_sets.h) has it; 0: nowhere */
};

#define INODE_QUEUED 1u    /* has an entry in QUEUE_INDEX */
#define INODE_ORPHAN 2u    /* no name left: open, or not reclaimed yet */
#define INODE_FOUND 4u     /* something was found in its content (found.h) */
#define INODE_LINKS 8u     /* it has had links in its content (links.h) */
#define INODE_LINKED 16u   /* it has been linked to */
#define INODE_WHY_SHIFT 8  /* above: the EVENT_* bits it is queued for */

/* -ENOENT. -EBADMSG. */
int inode_get(struct catalog *c, uint64_t ino, struct inode *ret_i);
/* For many inodes whose numbers mostly ascend: most cost a step of a cursor instead of a search. Begins as
 * { .c = catalog }; belongs to one thread. */
struct inode_walk {
	struct catalog *c;  /* borrowed */
	struct cursor *cur; /* owned */
	uint64_t at;        /* inode of the last record that the cursor gave */
};
/* As inode_get(). */
int inode_walk_get(struct inode_walk *w, uint64_t ino, struct inode *ret_i);
void inode_walk_done(struct inode_walk *w);
/* Sees the batch's own changes. */
int inode_get_in(struct batch *b, uint64_t ino, struct inode *ret_i);
/* From its record's value. -EBADMSG. */
int inode_decode(uint64_t ino, const void *value, size_t len, struct inode *ret_i);
/* Also keeps the set of times. */
void inode_put(struct batch *b, struct inode *i);
void inode_remove(struct batch *b, uint64_t ino);
/* When a program used it last, in seconds since 1970. */
int64_t inode_last_use_s(const struct inode *i);
/* Fills what stat(2) reports; st_dev is the caller's. */
void inode_stat(const struct inode *i, struct stat *ret_st);

/* Put or remove one member of a set. `i` is changed; the caller puts it when it is done. When the key
 * may be there already, pass its old value (`old` NULL: it is new). */
void set_put(struct batch *b, struct inode *i, enum inode_set kind, const struct key *key, const void *old,
	     size_t old_len, const void *value, size_t value_len);
void set_remove(struct batch *b, struct inode *i, enum inode_set kind, const struct key *key,
		const void *old, size_t old_len);

/* Compares the set with what the store holds, at most once a mount for each inode and kind; costs a
 * scan of the set. -EBADMSG: a member is missing, altered or too many. -ENOENT: the inode is gone
 * meanwhile. Not inside a batch. */
int inode_check_set(struct catalog *c, const struct inode *i, enum inode_set kind);
/* An inode made in this mount needs no check. */
void inode_mark_checked(struct catalog *c, const struct inode *i);
