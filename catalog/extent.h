/* SPDX-License-Identifier: MIT */
/* Extent records: which bytes of a file live where. Every byte below the file's size is covered by
 * exactly one extent; holes are extents too. A byte covered by nothing is damage, not zero.
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include <stdint.h>

#include "catalog/inode.h"
#include "crypto/seal.h"

enum extent_kind {
	EXTENT_HOLE = 1,   /* zeros that take no place (also what fallocate reserved: see `flags`) */
	EXTENT_INLINE = 2, /* bytes in the record itself, until they are folded */
	EXTENT_HOT = 3,    /* bytes in a data segment */
	EXTENT_PACK = 4,   /* bytes in a pack (reserved) */
};

#define EXTENT_INLINE_MAX (64u << 10)
#define EXTENT_ALLOCATED 1u /* a hole that fallocate(2) made: counts in st_blocks, SEEK_DATA finds it */

struct extent {
	uint64_t offset;   /* in the file, bytes */
	uint64_t len;      /* bytes */
	uint8_t kind;
	uint8_t flags;
	/* EXTENT_HOT: `skip` bytes into the extent object `run.id`, which holds `object_len` plain bytes
	 * and begins at byte `place` of segment `segment`. */
	struct seal_run_header run;
	uint64_t segment;
	uint64_t place;
	uint32_t object_len;
	uint32_t skip;
	/* EXTENT_INLINE: borrowed from the buffer it was decoded from. */
	const uint8_t *data;
};

struct key extent_key(uint64_t ino, uint64_t offset);
int extent_encode(const struct extent *e, struct buf *ret_value);
/* `key`, `value` as stored. -EBADMSG. */
int extent_decode(const void *key, size_t key_len, const void *value, size_t value_len, struct extent *ret_e);

/* Put one extent where there is none; keeps set and `bytes` of `i`, and the back reference. */
int extent_put(struct batch *b, struct inode *i, const struct extent *e);
/* Removes [offset, offset + len) of all extents, splitting those that reach over an edge. At most
 * `limit` extents a call; *ret_next is where to go on (offset + len when done). */
int extent_cut(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
	       uint64_t *ret_next);
/* The extent that covers `offset`, or -ENOENT. The value is kept in `scratch`. */
int extent_find(struct catalog *c, uint64_t ino, uint64_t offset, struct buf *scratch, struct extent *ret_e);
