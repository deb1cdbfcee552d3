/* SPDX-License-Identifier: MIT */
/* Private to catalog/: the records of extended attributes. xattr_record.c describes them. Thread-safety: as catalog.h. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/tree_impl.h"

#define XATTR_NAME_LEN_MAX 255

/* -ERANGE: too long, or empty. */
int xattr_check_name(const char *name);
static inline bool xattr_is_tags(const char *name)
{
	return strcmp(name, XATTR_TAGS) == 0;
}

/* An xattr of an inode, and what the last load found. */
struct xattr_ref {
	struct key key;
	const char *name;  /* borrowed */
	size_t name_len;
	struct buf record; /* owned */
	bool found;
	size_t at, size;   /* of the xattr within the record */
	const uint8_t *value; /* within the record, as the next */
	size_t value_len;
};

struct xattr_ref xattr_ref_of(struct catalog *c, uint64_t ino, const char *name);
void xattr_ref_done(struct xattr_ref *x);
/* 0: x->found says whether it is there. -EBADMSG. */
int xattr_ref_load(struct xattr_ref *x, struct catalog *c);
int xattr_ref_load_in(struct xattr_ref *x, struct batch *b);
/* Of what xattr_ref_load_in() found in the same batch; NULL removes it. The caller puts the inode. -ENOSPC: too many
 * with one hash. */
int xattr_ref_change(struct xattr_ref *x, struct batch *b, struct inode *i, const void *value, size_t len);

/* Compares the set with what the inode says of it, unless that was done lately. -ENOENT, -EBADMSG. */
int xattrs_check(struct catalog *c, uint64_t ino);
