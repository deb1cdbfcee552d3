/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what the operations on the namespace share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "catalog/dentry.h"
#include "catalog/set.h"
#include "catalog/tree.h"
#include "catalog/tree_stats.h"

/* One operation: one batch, with counters and reply. */
struct tree_op {
	struct catalog *c;
	struct batch *b;
	struct tree_request *rq; /* may be NULL */
	struct timespec now;
	struct stats_delta stats;
};

int op_begin(struct tree_op *op, struct catalog *c, struct tree_request *rq, bool reserve);
/* Commits when `r` is not negative, with the reply that names `ino`; otherwise aborts. Returns `r`, or
 * why the commit failed. */
int op_end(struct tree_op *op, int r, uint64_t ino);
/* Puts a file of which an xattr has changed. */
void op_put_with_xattrs(struct tree_op *op, struct inode *i);

/* Checks a directory's entries before a batch, when that has not been done. -ENOENT, -ENOTDIR,
 * -EBADMSG. */
int dir_check(struct catalog *c, uint64_t dir);
/* A directory that is not removed. -ENOENT, -ENOTDIR. */
int dir_get_in(struct tree_op *op, uint64_t dir, struct inode *ret_i);
/* An entry's inode: one that is not there is damage. */
int entry_get_in(struct tree_op *op, uint64_t ino, struct inode *ret_i);
/* Entries of `dir` changed. */
void dir_touch(struct tree_op *op, struct inode *dir);

/* Lets no batch begin until tree_release(): to look again, where a difference may come from a change
 * in between. */
struct batch *tree_hold(struct catalog *c);
void tree_release(struct batch *hold);

/* Counts an inode of this mode, `sign` times. */
void stats_count(struct stats_delta *stats, uint32_t mode, int sign);

/* ---- names.c: the names of an inode. Each changes `i`, which the caller puts. */

/* -EMLINK. */
int name_add(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie);
/* 1: that is one of its names. 0. */
int name_is_in(struct batch *b, const struct inode *i, uint64_t dir, uint64_t cookie);
int name_remove(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie);
int name_move(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie, uint64_t new_dir,
	      uint64_t new_cookie);
/* The n-th name, 0 the first one. -ENOENT. */
int name_nth(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir, uint64_t *ret_cookie);
/* 1: `top` is `dir` or one of its ancestors. 0. -EBADMSG. */
int dir_is_below(struct catalog *c, uint64_t dir, uint64_t top);

/* ---- path.c */

/* tree_path() of the first name as it is committed, for who holds the writer lock. */
int tree_path_held(struct catalog *c, uint64_t ino, uint64_t top, struct buf *ret_path);

/* ---- tree_make.c, tree_unlink.c */

/* Fills a new inode, and counts, queues and puts what hangs on it. */
int inode_init_in(struct tree_op *op, const struct inode *dir, uint64_t ino, const struct tree_make *make,
		  struct inode *ret_i);
int next_ino(struct catalog *c, uint64_t *ret_ino);
/* Puts an inode that lost a name; when it was the last, removes it, or makes it an orphan when it is
 * open or has something to reclaim. */
int inode_drop(struct tree_op *op, struct inode *i, bool open);
void orphan_put(struct batch *b, uint64_t ino);
void orphan_remove(struct batch *b, uint64_t ino);

/* ---- queue.c */

int queue_mark(struct batch *b, struct inode *i, uint32_t why, struct stats_delta *stats);
void queue_drop(struct batch *b, struct inode *i, struct stats_delta *stats);

/* ---- xattr_record.c: the value of one xattr, in a batch */

#define XATTR_TARGET "" /* holds a symlink's target; no program can name it */
int xattr_put_in(struct batch *b, struct inode *i, const char *name, const void *value, size_t len);
/* -ENODATA. */
int xattr_get_in(struct batch *b, const struct inode *i, const char *name, struct buf *ret_value);
/* What is stored under a name of ours. -ENODATA. */
int xattr_get_stored(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value);
int xattr_remove_in(struct batch *b, struct inode *i, const char *name);
/* Calls `item` for each that is stored, with its name as it is stored, not terminated. A return that is not 0 ends it. */
int xattr_foreach_stored(struct catalog *c, uint64_t ino,
			 int (*item)(void *context, const char *name, size_t name_len, const void *value, size_t len),
			 void *context);

/* The fields (found.h) that its xattrs are come or go with its only name; as they were before this batch. */
int xattr_follow_fields(struct batch *b, const struct inode *i, bool attach);

/* ---- tags.c, tags_list.c, tags_change.c */

#define XATTR_TAGS "user.xdg.tags"
#define XATTR_TAG_IDS "\1tags" /* what is stored of it; no program can name it */
/* Between the text of the xattr and what is stored; both append. Tags that are new are made. */
int tags_encode(struct batch *b, const void *text, size_t len, struct buf *ret_list);
int tags_decode(struct catalog *c, const void *list, size_t len, struct buf *ret_text);
/* The label of a tag that was found. 1, 0: that is no name. */
int tags_make_found(struct batch *b, const char *name, size_t len, uint64_t *ret_id);
/* Those of the list alone, as tree_foreach_tag(). */
int tags_foreach_set(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context);
/* Makes the labels of a file agree with a new list. */
int tags_change(struct batch *b, uint64_t ino, const struct buf *old, const struct buf *now);
/* Does what the request says of tags to an inode that was put. -ENOENT: a tag is gone. */
int tags_follow_request(struct tree_op *op, uint64_t ino);
/* A file loses its last name, or gets its first. The caller puts `i`. */
int tags_detach(struct batch *b, struct inode *i);
int tags_attach(struct batch *b, struct inode *i);
