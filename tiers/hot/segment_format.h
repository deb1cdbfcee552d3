/* SPDX-License-Identifier: MIT */
/* The bytes of data segments, `hot/NNNNNNNN.seg` (number in at least 8 lower-case hex digits).
 *
 * A segment is extent objects one after the other, each at a multiple of 4096, with nothing before the
 * first. It is only ever appended to, by one process, and then deleted; numbers are never reused.
 * Between objects may lie anything (zeros of a write that failed): what is alive is what the catalog
 * names.
 *
 * An extent object, little-endian:
 *
 *   0   4   magic "BXT1"
 *   4   le32  front: where block 0 begins, counted from the object's first byte; a multiple of 4096
 *   8   20  run header (crypto/seal.h): extent id, key epoch, cipher
 *   28  le32  object_len: plain bytes, 1 to 1 MiB
 *   32  le32  description_len, sealed
 *   36  le32  zero
 *   40  16 * blocks      tags of the blocks; blocks = object_len in units of 4096, rounded up
 *   ..  description_len  sealed description
 *   ..  zeros up to `front`
 *   front  ciphertext: block k at front + 4096 k; the last one may be shorter
 *   ..  zeros up to a multiple of 4096
 *
 * Block k is sealed with the run of the extent (SEAL_EXTENT), nonce k, object = extent id, place = k.
 * The description is the run's last seal: nonce = blocks, place = 2^64 - 1. It says whose bytes these
 * were when they were written, for repair: varint count, then for each part, in the order of the
 * bytes: varint inode, varint offset in the file, varint length; the lengths add up to object_len.
 *
 * What stands before the tags is not authenticated and need not be: run header and object_len must
 * equal those of the catalog's record, and with a wrong `front` no block opens. An object may be
 * copied, byte for byte, to another place: nothing in it depends on where it lies.
 *
 * Cost: 4 KiB for an object up to 1000 KiB, 8 KiB for 1 MiB (0.8 %). Small files share objects. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/seal.h"

#define BLOCK_SIZE 4096u
#define OBJECT_MAX (1u << 20)
#define OBJECT_BLOCKS_MAX (OBJECT_MAX / BLOCK_SIZE)
#define OBJECT_PARTS_MAX 2048u
#define OBJECT_HEAD_SIZE 40u
#define OBJECT_DESCRIPTION_PLACE UINT64_MAX
/* Three varints a part, its count and the tag. */
#define OBJECT_DESCRIPTION_MAX (OBJECT_PARTS_MAX * 25u + 3u + SEAL_TAG_SIZE)
#define OBJECT_FRONT_MAX                                                                           \
	((OBJECT_HEAD_SIZE + OBJECT_BLOCKS_MAX * SEAL_TAG_SIZE + OBJECT_DESCRIPTION_MAX + BLOCK_SIZE - 1) / \
	 BLOCK_SIZE * BLOCK_SIZE)
#define OBJECT_STORED_MAX (OBJECT_FRONT_MAX + OBJECT_MAX)

#define SEGMENT_NAME_SIZE 24

/* A stretch of the object's bytes and where in which file they were written. */
struct object_part {
	uint64_t ino, offset;
	uint32_t len;
};

struct object_head {
	uint32_t front;
	struct seal_run_header run;
	uint32_t object_len;
	uint32_t description_len;
};

static inline uint32_t object_blocks(uint32_t object_len)
{
	return (object_len + BLOCK_SIZE - 1) / BLOCK_SIZE;
}
static inline uint32_t object_tags_end(uint32_t object_len)
{
	return OBJECT_HEAD_SIZE + object_blocks(object_len) * SEAL_TAG_SIZE;
}
/* Bytes that the object takes in its segment. */
static inline uint32_t object_stored_size(const struct object_head *h)
{
	return h->front + object_blocks(h->object_len) * BLOCK_SIZE;
}
/* The length of block `k`. */
static inline uint32_t object_block_len(uint32_t object_len, uint32_t k)
{
	uint32_t left = object_len - k * BLOCK_SIZE;

	return left < BLOCK_SIZE ? left : BLOCK_SIZE;
}

/* Sets `front` from the two lengths and writes the head. */
void object_head_store(struct object_head *h, uint8_t ret_bytes[OBJECT_HEAD_SIZE]);
/* -EBADMSG: not the head of an object, or one of impossible sizes. */
int object_head_load(const uint8_t bytes[OBJECT_HEAD_SIZE], struct object_head *ret_h);
/* Appends the plain description. */
int object_describe(const struct object_part *parts, size_t n, struct buf *ret_description);
/* Reads what object_describe() wrote, which must make `object_len` bytes. -EBADMSG. A negative return of `part` ends it. */
int object_read_parts(struct reader *in, uint32_t object_len, int (*part)(void *context, const struct object_part *p),
		      void *context);

char *segment_name(uint64_t number, char ret_name[SEGMENT_NAME_SIZE]);
/* -EINVAL: not the name of a segment. */
int segment_parse_name(const char *name, uint64_t *ret_number);
