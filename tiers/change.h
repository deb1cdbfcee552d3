/* SPDX-License-Identifier: MIT */
/* One change of one file: a batch, the inode in it, and the segment accounts that go with the
 * extents. Work that does not fit one batch goes on in the next (change_step()); every state between
 * two batches is a sound file:
 *
 *   - each byte below the size is covered by one extent;
 *   - what lies beyond the size is nobody's: it is cut away before the size grows over it. So a
 *     truncation sets the size first and may lose the rest of its work in a crash; the inode is in
 *     QUEUE_DELETE until the rest is done.
 *
 * Not thread-safe; holds the catalog's writer lock from begin to commit or abort. */
#pragma once

#include "tiers/account.h"
#include "tiers/file_impl.h"

#define CHANGE_EXTENTS 1000u         /* extents cut in one batch */
#define CHANGE_BYTES (512u << 10)    /* of a batch, after which work is split */

struct change {
	struct files *f;
	struct batch *b;
	struct inode i;
	struct account account;
	uint64_t inline_from, inline_to, inline_bytes; /* where inline extents were put; to be folded */
	uint64_t size_before;            /* when the batch began */
	bool reserve;
	bool touches;                    /* somebody changes the bytes: change_step() does change_touch(), too */
	bool forgets;                    /* the batch takes the inode, too, if nothing else is left of it */
	bool killed;                     /* suid or sgid was taken away */
};

/* -EISDIR, -EINVAL: not a regular file. -ENOENT. */
int change_begin(struct change *ch, struct files *f, uint64_t ino, bool reserve);
/* Goes on with another file in the same batch, for a change that takes nothing but extents in tiers from each: half of what
 * a small batch costs is the batch. On failure, as of change_begin(), the file before is still at hand. */
int change_next(struct change *ch, uint64_t ino);
/* For `rq`, which changes the bytes. What that takes away from the file goes at once, so that no batch has the new bytes
 * and not this: its capabilities, and with `kill_priv` suid and setgid. */
int change_begin_for(struct change *ch, struct files *f, const struct tree_request *rq, uint64_t ino, bool reserve,
		     bool kill_priv);
/* Where nothing lies yet. */
int change_put(struct change *ch, const struct extent *e);
/* As extent_cut(). */
int change_cut(struct change *ch, uint64_t from, uint64_t to, unsigned limit, uint64_t *ret_next);
/* As extent_replace(). */
int change_exchange(struct change *ch, const struct extent *old, const struct extent *now);
/* Commits what was done so far and begins the next batch. The size is what ch->i says. */
int change_step(struct change *ch);

/* The part [from, to) of an extent. */
struct extent change_part(const struct extent *e, uint64_t from, uint64_t to);
/* Puts `e` in place of what lies there, in as many steps as that takes. `grow`: the size follows. */
int change_replace(struct change *ch, const struct extent *e, bool grow);
/* Makes the file at least `size` bytes long: what it gains is a hole. */
int change_grow(struct change *ch, uint64_t size);

/* The bytes changed: times, the index queue. In work of several steps each batch says so, because the index may read
 * the file between two of them. */
int change_touch(struct change *ch);
/* Commits with the reply of `rq` (may be NULL), whose lsn and killed are set; `bytes` go into the reply. When `r` is an
 * error, aborts and returns it. */
int change_end(struct change *ch, int r, struct tree_request *rq, size_t bytes);
