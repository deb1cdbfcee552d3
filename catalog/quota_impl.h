/* SPDX-License-Identifier: MIT */
/* Private to catalog/: quotas in a batch. */
#pragma once

#include "catalog/quota.h"
#include "catalog/tree_impl.h"

struct key quota_key(uint64_t dir);
/* -ENOENT: an inode counts for it, or it was there, and it is gone. -EBADMSG. */
int quota_decode(uint64_t dir, const void *value, size_t len, struct quota *ret_q);
int quota_get_in(struct batch *b, uint64_t dir, struct quota *ret_q);
void quota_put(struct batch *b, const struct quota *q);

/* Has this inode a quota of its own? */
static inline bool quota_is_own(const struct inode *i)
{
	return i->quota == i->ino;
}
/* For which directory an inode counts in the eyes of the one that holds it: of a directory with a quota, the
 * quota around it. */
int quota_around(struct batch *b, const struct inode *i, uint64_t *ret_quota);
/* May a name of `i` come into `dir`? -EXDEV. */
int quota_check_name(struct batch *b, const struct inode *i, const struct inode *dir);
/* `i`, which the caller puts, counts for `quota` from now on, whatever the limits. */
int quota_move(struct batch *b, struct inode *i, uint64_t quota);
/* The same for all of a quota, which the caller puts. */
int quota_move_all(struct batch *b, struct quota *q, uint64_t parent);
/* Begins what q->state asks for: the directory itself. `q` and `i` are changed; the caller puts them. */
int quota_begin_in(struct batch *b, struct quota *q, struct inode *i);
/* Ends it: puts the record, or removes it. */
void quota_end_in(struct batch *b, struct quota *q);
/* A name was renamed within a directory that a walk is working on, or a further name of a file elsewhere: the walk
 * would miss it. -EBUSY: a directory, which the walk has not come to. */
int quota_settle_name(struct batch *b, struct inode *i, const struct inode *dir);
