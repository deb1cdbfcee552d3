/* SPDX-License-Identifier: MIT */
/* Extent records: which bytes of a file live where. Every byte below the file's size is covered by
 * exactly one extent; holes are extents too. A byte covered by nothing is damage, not zero.
 *
 * The key of a record is (inode, end of the extent in the file), so that the extent that covers an
 * offset is the first one behind it.
 *
 * Functions on a batch see the batch's own changes, with one condition: calls of extent_cut() for one
 * inode go upwards in the file within a batch (a cursor shows what is committed only).
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/inode.h"
#include "catalog/pack_record.h"
#include "crypto/seal.h"

enum extent_kind {
	EXTENT_HOLE = 1,   /* zeros that take no place (also what fallocate reserved: see `flags`) */
	EXTENT_INLINE = 2, /* bytes in the record itself, until they are folded */
	EXTENT_HOT = 3,    /* bytes in a data segment */
	EXTENT_PACK = 4,   /* bytes in a pack (pack_record.h) */
	EXTENT_LOST = 5,   /* bytes that damage took, left by repair: reading them is EIO */
};

#define EXTENT_INLINE_MAX (64u << 10)
#define EXTENT_DAMAGED 2u   /* hot, pack: fsck has told that not all of it opens; the rest is read */
#define EXTENT_ALLOCATED 1u /* a hole that fallocate(2) made: counts in st_blocks, SEEK_DATA finds it */

struct extent {
	uint64_t offset;   /* in the file, bytes */
	uint64_t len;      /* bytes; offset + len <= INT64_MAX */
	uint8_t kind;
	uint8_t flags;
	/* EXTENT_HOT: `skip` bytes into the extent object `run.id`, which holds `object_len` plain bytes
	 * and begins at byte `place` of segment `segment`.
	 * EXTENT_PACK: `skip` bytes into frame `frame` of pack number `segment`, which holds `object_len` plain
	 * bytes and takes the `stored_len` bytes of the pack from `place` on; `run` is all zero. */
	struct seal_run_header run;
	uint64_t segment;
	uint64_t place;
	uint32_t object_len;
	uint32_t skip;
	uint32_t frame, stored_len;
	/* EXTENT_INLINE: borrowed from the buffer it was decoded from. */
	const uint8_t *data;
	/* EXTENT_INLINE: of the batch that wrote the record; set by extent_put() and its kin. */
	uint64_t lsn;
};

static inline uint64_t extent_end(const struct extent *e)
{
	return e->offset + e->len;
}
/* In st_blocks and quotas. */
static inline bool extent_counts(const struct extent *e)
{
	return e->kind != EXTENT_HOLE || e->flags & EXTENT_ALLOCATED;
}
/* The account of what an extent with an object refers to: of its data segment, or of its pack. */
static inline uint64_t extent_account(const struct extent *e)
{
	return e->kind == EXTENT_PACK ? PACK_ALIVE | e->segment : e->segment;
}
/* Does it refer to an extent object? */
bool extent_has_object(const struct extent *e);
/* The key of an extent, from its end. */
struct key extent_key(uint64_t ino, uint64_t end);
/* -EINVAL: not a sound extent. */
int extent_encode(const struct extent *e, struct buf *ret_value);
/* `key`, `value` as stored. -EBADMSG. */
int extent_decode(const void *key, size_t key_len, const void *value, size_t value_len, struct extent *ret_e);
/* Of a stored value, how many bytes the set's hash covers: all but an inline extent's data. */
size_t extent_head_len(const void *value, size_t value_len);

/* Put one extent where there is none; keeps set and `bytes` of `i`, and the back reference. `i` is
 * changed; the caller puts it when it is done. */
int extent_put(struct batch *b, struct inode *i, const struct extent *e);
/* Puts `now` in the place of `old`, which covers the same bytes: folding, cleaning. Compares first.
 * 1: the object of `old` lost its last user. -ESTALE: `old` is not what is stored; nothing changed. */
int extent_replace(struct batch *b, struct inode *i, const struct extent *old, const struct extent *now);
/* Removes [offset, offset + len) of all extents, splitting those that reach over an edge. At most
 * `limit` extents a call; *ret_next is where to go on (offset + len when done). */
int extent_cut(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
	       uint64_t *ret_next);
/* As extent_cut(), and calls `removed` for each EXTENT_HOT or EXTENT_PACK piece that it takes out;
 * `last`: its object lost its last user. */
typedef void (*extent_removed_fn)(void *context, const struct extent *piece, bool last);
int extent_cut_objects(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
		       extent_removed_fn removed, void *context, uint64_t *ret_next);

/* The extent that covers `offset`, or -ENOENT. The value is kept in `scratch`. */
int extent_find(struct catalog *c, uint64_t ino, uint64_t offset, struct buf *scratch, struct extent *ret_e);
/* The extent that ends at `end`, as this batch sees it. -ENOENT. The value is kept in `scratch`. */
int extent_get_in(struct batch *b, uint64_t ino, uint64_t end, struct buf *scratch, struct extent *ret_e);

/* Walks a file's extents upwards. */
struct extent_walk;
int extent_walk_open(struct catalog *c, uint64_t ino, uint64_t offset, struct extent_walk **ret_w);
/* The next extent that ends behind the last one's end (the first time: behind `offset`). 1: *ret_e,
 * whose data is borrowed until the next call. 0: no more. */
int extent_walk_next(struct extent_walk *w, struct extent *ret_e);
struct extent_walk *extent_walk_close(struct extent_walk *w);

/* Back references: which files use an extent object of a data segment. 1: *ret_ino and *ret_end name an extent (look it
 * up with extent_get_in()); start with both 0, go on with what came out. 0: no more. */
int extent_next_user(struct catalog *c, struct id128 object, uint64_t *ret_ino, uint64_t *ret_end);
/* The same for a pack. All calls together are one walk over the extents of all files: for a damaged pack, say. */
int extent_next_in_pack(struct catalog *c, uint64_t pack, uint64_t *ret_ino, uint64_t *ret_end);
/* How many extents use the object, as this batch sees it. */
int extent_count_users_in(struct batch *b, struct id128 object, uint64_t *ret_count);
