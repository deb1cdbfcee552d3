/* SPDX-License-Identifier: MIT */
/* Labels: names in a tree, each with the set of files that have it. Tags are labels ("project/alpha" is the label alpha
 * below the label project), values of fields are, saved searches are. Who has a label says so by its number, so that
 * renaming it, or one above it, is one small change however many files have it.
 *
 *   'G' hash128        varint id, varint id above, name; the hash is digest_128(DIGEST_TAG, le64 above || name)
 *   'g' id             varint id above, varint files, varint labels below, u8 LABEL_* flags, varint uid, name
 *   'h' above, id, 0   the labels below one (packed_set.h)
 *   'T' id, ino, 0     the files that have it, and why: LABEL_SET, LABEL_FOUND
 *
 * A label that nobody has, with none below it, goes away by itself, unless it is LABEL_KEPT. Numbers are never given
 * again. Labels at the root of each tree lie below a LABEL_ROOT_*, which has no name and is always there.
 *
 * Thread-safety: reading as catalog_get(); writing inside a batch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/packed_set.h"

#define LABEL_ROOT_TAGS (1ull << 48)
#define LABEL_ROOT_FIELDS (LABEL_ROOT_TAGS + 1) /* below it fields, below each its values */
#define LABEL_ROOT_SAVED (LABEL_ROOT_TAGS + 2)
#define LABEL_ROOT_VERBS (LABEL_ROOT_TAGS + 3) /* of links (links.h) */

#define LABEL_NAME_MAX 4096u
#define LABEL_DEPTH_MAX 16 /* levels */

#define LABEL_KEPT 1u  /* stays when nobody has it: it was made as a folder */
#define LABEL_RESET 2u /* its files are being found (derive.c): as LABEL_KEPT until that is done */

#define LABEL_SET 1u   /* a user gave it */
#define LABEL_FOUND 2u /* it is in the file's content */

struct label {
	uint64_t id, above;
	uint64_t files;    /* that have this very label, for whatever reason */
	uint64_t below;    /* labels directly below it */
	uint32_t flags;
	uint32_t uid;      /* who made it */
	struct buf name;   /* owned */
};
void label_done(struct label *l);
#define _cleanup_label_ _cleanup_(label_done)

/* -ENOENT. */
int label_find(struct catalog *c, uint64_t above, const char *name, size_t len, uint64_t *ret_id);
/* Of a LABEL_ROOT_* that has nothing below it, too. -ENOENT, -EBADMSG. */
int label_get(struct catalog *c, uint64_t id, struct label *ret_l);
/* The labels below one: a is the id. */
struct packed_walk label_walk_below(struct catalog *c, uint64_t above);
/* The files that have it: a is the inode, n why. */
struct packed_walk label_walk_files(struct catalog *c, uint64_t id);
/* Why a file has it, 0: it has it not. */
int label_why(struct catalog *c, uint64_t id, uint64_t ino, uint32_t *ret_why);
/* Is `id` the label `top` or below it? 1, 0, -errno. */
int label_is_below(struct catalog *c, uint64_t id, uint64_t top);

/* ---- inside a batch */

int label_find_in(struct batch *b, uint64_t above, const char *name, size_t len, uint64_t *ret_id);
int label_get_in(struct batch *b, uint64_t id, struct label *ret_l);
/* Finds or makes it. `flags` are added to those that it has. -ENAMETOOLONG. */
int label_make(struct batch *b, uint64_t above, const char *name, size_t len, uint32_t flags, uint32_t uid, uint64_t *ret_id);
/* A file gets or loses it for the reasons `why`. */
int label_attach(struct batch *b, uint64_t id, uint64_t ino, uint32_t why);
int label_detach(struct batch *b, uint64_t id, uint64_t ino, uint32_t why);
/* Sets and clears flags; one that is not kept any more may go away. */
int label_change_flags(struct batch *b, uint64_t id, uint32_t set, uint32_t clear);
/* -EEXIST: there is one of that name. -EINVAL: below itself. */
int label_rename(struct batch *b, uint64_t id, uint64_t above, const char *name, size_t len);
/* For who makes all sets anew: no files and none below it, for the time being; then, when that is so of all, its place in
 * the tree. */
int label_reset(struct batch *b, uint64_t id);
/* Puts back one whose record is lost, as label_reset() leaves it: 1. 0 when it is there. It is kept,
 * as it may have been. Without a name (`name` NULL) it is called by its number, below the root of tags, and not kept. */
int label_restore(struct batch *b, uint64_t id, uint64_t above, const char *name, size_t len);
int label_place(struct batch *b, uint64_t id);
/* -ENOTEMPTY: files have it, or labels lie below it. */
int label_remove(struct batch *b, uint64_t id);
