/* SPDX-License-Identifier: MIT */
/* Quotas of directories: how many bytes and inodes may lie below one.
 *
 * Every inode says for which directory it counts (inode.quota): the nearest one above it that has a quota, which
 * counts itself, too. What is made in a directory counts where the directory does. A quota that lies in another
 * counts there as well, so a change is added to a chain of records, in the batch that makes it: the sums are exact
 * after a crash. Counted are the bytes of extents (what st_blocks counts) and inodes, also those that lost their
 * names and are still open. Names do not cross: tree_rename() and tree_link() answer -EXDEV.
 *
 * A directory that is not empty gets its quota, or loses it, in the background: whoever set it runs a quota_walk.
 * Until it has ended, what it did not come to counts where it did before.
 *
 * Key 'U' be64 directory; the value (varint: LEB128):
 *
 *   u8      version, 1
 *   u8      enum quota_state
 *   varint  parent: the directory whose quota this one lies in; 0: none
 *   varint  limit of bytes, of inodes; 0: none
 *   varint  bytes, inodes that count
 *
 * It goes when nothing counts for it any more. Thread-safety: as catalog.h. */
#pragma once

#include <stdint.h>

#include "catalog/inode.h"
#include "catalog/tree.h"

enum quota_state {
	QUOTA_SETTLED = 0,
	QUOTA_ADOPTING = 1,  /* what lies below does not all count yet */
	QUOTA_RELEASING = 2, /* without limits; what lies below is being given back */
	QUOTA_RELEASED = 3,  /* given back; files without names may still count */
};

struct quota {
	uint64_t dir, parent;
	uint64_t limit_bytes, limit_inodes;
	uint64_t bytes, inodes;
	enum quota_state state;
};

/* What is to change; the other limit stays. */
enum quota_limit { QUOTA_BYTES, QUOTA_INODES };
#define QUOTA_LIMIT_MAX ((uint64_t)INT64_MAX)
/* Directories with quotas in each other. */
#define QUOTA_NESTED_MAX 64u

/* Sets a limit, or with 0 takes it away. *ret_walk: a walk has something to do now. -ENOTDIR. -ENODATA: there is
 * no such limit. -EMLINK: too many in each other. -EINVAL: above QUOTA_LIMIT_MAX. */
int quota_set(struct catalog *c, struct tree_request *rq, uint64_t dir, enum quota_limit which, uint64_t limit,
	      bool *ret_walk);
/* The quota of this very directory. -ENODATA. */
int quota_get(struct catalog *c, uint64_t dir, struct quota *ret_q);
/* What is left for an inode whose `quota` this is: of the quota in the chain that leaves the least, for bytes and for
 * inodes. A limit of 0: none has one. */
struct quota_room {
	struct {
		uint64_t limit, used;
	} bytes, inodes;
};
int quota_get_room(struct catalog *c, uint64_t quota, struct quota_room *ret_room);

/* ---- inside a batch, by whoever makes, removes or changes what counts */

/* Adds to the chain of `quota` (0: to nothing). -EDQUOT: a limit is passed by more than it was before this batch. */
int quota_charge(struct batch *b, uint64_t quota, int64_t bytes, int64_t inodes);

/* ---- the walk. Not thread-safe; one at a time. */

struct quota_walk;
int quota_walk_new(struct catalog *c, struct quota_walk **ret_w);
struct quota_walk *quota_walk_free(struct quota_walk *w);
/* Some of what is to be done, which also crashes leave behind. 1: there may be more. 0: nothing. */
int quota_walk_step(struct quota_walk *w);

/* ---- fsck: counts all inodes. Nothing else may change the catalog meanwhile. Returns the number of quotas. */
int64_t quota_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context);
