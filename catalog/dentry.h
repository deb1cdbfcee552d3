/* SPDX-License-Identifier: MIT */
/* Private to catalog/: directory entries. dentry.c describes the record.
 *
 * Thread-safety: as catalog.h; a struct dentry belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/inode.h"

/* How many bits of a name's hash are used. A seam for tests, which force collisions with it: set it
 * before a volume is made, never change it afterwards. */
extern unsigned dentry_hash_bits;

/* A name in a directory, and what the last load found there. */
struct dentry {
	struct key key;
	uint64_t hash;
	const char *name; /* borrowed */
	size_t name_len;
	struct buf record; /* owned: all entries with this hash */
	bool found;
	bool sole;         /* set by who adds or removes it: the file has no other name */
	size_t at, size;   /* of the entry within the record */
	uint64_t ino;
	uint64_t cookie;
	uint32_t type;     /* S_IFMT bits */
};
#define _cleanup_dentry_ _cleanup_(dentry_done)

/* Computes where the name lies. -ENAMETOOLONG. -EINVAL: "", ".", ".." or with a slash. */
int dentry_init(struct dentry *d, struct catalog *c, uint64_t dir, const char *name);
void dentry_done(struct dentry *d);
/* Looks it up: d->found, and the fields below it. -EBADMSG. */
int dentry_load(struct dentry *d, struct catalog *c);
int dentry_load_in(struct dentry *d, struct batch *b);

/* Changes of what dentry_load_in() found in the same batch, with no other change of a name of equal
 * hash between them; `dir` is changed, the caller puts it. The cookie of a name stays while it exists. */
int dentry_add(struct dentry *d, struct batch *b, struct inode *dir, uint64_t ino, uint32_t mode);
int dentry_replace(struct dentry *d, struct batch *b, struct inode *dir, uint64_t ino, uint32_t mode);
int dentry_remove(struct dentry *d, struct batch *b, struct inode *dir);

/* One entry of a record, in the order of the cookies. */
struct dentry_item {
	uint8_t index;
	uint32_t type; /* S_IFMT bits */
	uint64_t ino;
	const char *name; /* borrowed from the record, not terminated */
	size_t name_len;
};
/* 1, 0 at the end, -EBADMSG. */
int dentry_next(struct reader *r, struct dentry_item *ret_item);
struct key dentry_key(uint64_t dir, uint64_t hash);

static inline uint64_t cookie_of(uint64_t hash, unsigned index)
{
	return hash << 7 | index;
}
/* Appends the name that directory `dir` has under `cookie` for `ino`. -EBADMSG: it has none. */
int dentry_name_at(struct catalog *c, uint64_t dir, uint64_t cookie, uint64_t ino, struct buf *ret_name);
