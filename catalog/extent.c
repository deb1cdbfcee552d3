/* SPDX-License-Identifier: MIT */
/* Extent records: key 'E' be64 ino, be64 end, where end is the offset behind the extent's last byte.
 *
 * Value:
 *
 *   u8      kind (EXTENT_*)
 *   u8      flags (EXTENT_ALLOCATED, on holes)
 *   varint  length in bytes
 *   inline: le64 LSN of the batch that wrote the record, then the bytes
 *   hot:    20 bytes run header (seal.h), varint segment, place, object length, skip
 *   pack:   varint pack, place, object length, skip, frame, stored length
 *
 * An inline extent's bytes are not part of the hash of the inode's set: hashing them with each small
 * write and once more when they are folded would cost more than writing them. The LSN takes their
 * place: a key changes at most once a batch, so an older sealed value of the same key has another
 * LSN, and what is sealed with this one is what the batch wrote. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/extent_impl.h"
#include "catalog/walk.h"

#define EXTENT_HEAD_MAX (2 + VARINT_MAX + SEAL_RUN_HEADER_SIZE + 6 * VARINT_MAX)

/* ---- encoding */

static struct key extents_of(uint64_t ino)
{
	return key_u64(key_start('E'), ino);
}

struct key extent_key(uint64_t ino, uint64_t end)
{
	return key_u64(extents_of(ino), end);
}

bool extent_has_object(const struct extent *e)
{
	return e->kind == EXTENT_HOT || e->kind == EXTENT_PACK;
}

static bool is_sound(const struct extent *e)
{
	if (!e->len || e->offset > INT64_MAX || e->len > INT64_MAX - e->offset)
		return false;
	switch (e->kind) {
	case EXTENT_HOLE:
		return !(e->flags & ~EXTENT_ALLOCATED);
	case EXTENT_INLINE:
		return e->len <= EXTENT_INLINE_MAX && !e->flags;
	case EXTENT_HOT:
	case EXTENT_PACK:
		return !(e->flags & ~EXTENT_DAMAGED) && e->skip <= e->object_len && e->len <= e->object_len - e->skip;
	case EXTENT_LOST:
		return !e->flags;
	default:
		return false;
	}
}

static size_t encode_head(const struct extent *e, uint8_t out[EXTENT_HEAD_MAX])
{
	uint8_t *at = out;

	at = put_u8(at, e->kind);
	at = put_u8(at, e->flags);
	at = put_varint(at, e->len);
	if (e->kind == EXTENT_INLINE)
		at = put_le64(at, e->lsn);
	if (!extent_has_object(e))
		return (size_t)(at - out);
	if (e->kind == EXTENT_HOT) {
		seal_run_header_store(&e->run, at);
		at += SEAL_RUN_HEADER_SIZE;
	}
	at = put_varint(at, e->segment);
	at = put_varint(at, e->place);
	at = put_varint(at, e->object_len);
	at = put_varint(at, e->skip);
	if (e->kind == EXTENT_PACK) {
		at = put_varint(at, e->frame);
		at = put_varint(at, e->stored_len);
	}
	return (size_t)(at - out);
}

int extent_encode(const struct extent *e, struct buf *ret_value)
{
	uint8_t head[EXTENT_HEAD_MAX];
	size_t head_len, data_len = e->kind == EXTENT_INLINE ? e->len : 0;
	uint8_t *at;
	int r;

	if (!is_sound(e))
		return -EINVAL;
	head_len = encode_head(e, head);
	r = buf_extend(ret_value, head_len + data_len, &at);
	if (r < 0)
		return r;
	memcpy(at, head, head_len);
	if (data_len)
		memcpy(at + head_len, e->data, data_len);
	return 0;
}

/* Numbers of 32 bits that are larger on disk are damage. */
static uint32_t take_u32(struct reader *r)
{
	uint64_t v = reader_varint(r);

	if (v > UINT32_MAX)
		r->bad = true;
	return (uint32_t)v;
}

static void decode_run(struct reader *r, struct extent *e)
{
	const uint8_t *run = reader_take(r, SEAL_RUN_HEADER_SIZE);

	if (!run || seal_run_header_load(run, &e->run) < 0)
		r->bad = true;
}

static void decode_object(struct reader *r, struct extent *e)
{
	if (e->kind == EXTENT_HOT)
		decode_run(r, e);
	e->segment = reader_varint(r);
	e->place = reader_varint(r);
	e->object_len = take_u32(r);
	e->skip = take_u32(r);
	if (e->kind != EXTENT_PACK)
		return;
	e->frame = take_u32(r);
	e->stored_len = take_u32(r);
}

static void decode_head(struct reader *r, struct extent *e)
{
	e->kind = reader_u8(r);
	e->flags = reader_u8(r);
	e->len = reader_varint(r);
	if (e->kind == EXTENT_INLINE)
		e->lsn = reader_le64(r);
	else if (extent_has_object(e))
		decode_object(r, e);
}

int extent_decode(const void *key, size_t key_len, const void *value, size_t value_len, struct extent *ret_e)
{
	struct reader r = reader_over(value, value_len);
	struct extent e = { 0 };
	uint64_t end;

	if (key_len != 17)
		return -EBADMSG;
	end = load_be64((const uint8_t *)key + 9);
	decode_head(&r, &e);
	if (r.bad || e.len > end)
		return -EBADMSG;
	e.offset = end - e.len;
	if (!is_sound(&e) || reader_left(&r) != (e.kind == EXTENT_INLINE ? e.len : 0))
		return -EBADMSG;
	e.data = r.at;
	*ret_e = e;
	return 0;
}

size_t extent_head_len(const void *value, size_t value_len)
{
	struct reader r = reader_over(value, value_len);
	struct extent e;

	if (value_len == 0 || *(const uint8_t *)value != EXTENT_INLINE)
		return value_len;
	decode_head(&r, &e);
	return r.bad ? value_len : value_len - reader_left(&r);
}

/* ---- reading */

struct extent_walk {
	struct cursor *cur; /* owned */
};

int extent_walk_open(struct catalog *c, uint64_t ino, uint64_t offset, struct extent_walk **ret_w)
{
	struct key prefix = extents_of(ino), from = extent_key(ino, offset + 1);
	struct extent_walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	r = cursor_open_at(c, &prefix, &from, &w->cur);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

int extent_walk_next(struct extent_walk *w, struct extent *ret_e)
{
	struct record record;
	int r;

	r = cursor_next_record(w->cur, &record);
	if (r <= 0)
		return r;
	r = extent_decode(record.key, record.key_len, record.value, record.value_len, ret_e);
	return r < 0 ? r : 1;
}

struct extent_walk *extent_walk_close(struct extent_walk *w)
{
	if (!w)
		return NULL;
	(void) cursor_close(w->cur);
	free(w);
	return NULL;
}

int extent_find(struct catalog *c, uint64_t ino, uint64_t offset, struct buf *scratch, struct extent *ret_e)
{
	struct key prefix = extents_of(ino), from = extent_key(ino, offset + 1), key;
	int r;

	buf_reset(scratch);
	r = record_first(c, &prefix, &from, &key, scratch);
	if (r == 0)
		return -ENOENT;
	if (r > 0)
		r = extent_decode(key.bytes, key.len, scratch->data, scratch->len, ret_e);
	if (r < 0)
		return r;
	return ret_e->offset <= offset ? 0 : -ENOENT;
}
