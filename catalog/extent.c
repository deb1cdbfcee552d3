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
 *
 * An inline extent's bytes are not part of the hash of the inode's set: hashing them with each small
 * write and once more when they are folded would cost more than writing them. The LSN takes their
 * place: a key changes at most once a batch, so an older sealed value of the same key has another
 * LSN, and what is sealed with this one is what the batch wrote.
 *
 * Back references: key 'B' object id, be64 ino, be64 end, value u8 1. Their number stands in
 * 'B' object id, varint; when it becomes 0 the record goes and the object is dead. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/extent.h"
#include "catalog/tree_stats.h"

#define EXTENT_HEAD_MAX (2 + VARINT_MAX + SEAL_RUN_HEADER_SIZE + 4 * VARINT_MAX)

/* ---- encoding */

struct key extent_key(uint64_t ino, uint64_t end)
{
	return key_u64(key_u64(key_start('E'), ino), end);
}

static bool has_object(const struct extent *e)
{
	return e->kind == EXTENT_HOT;
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
		return !e->flags && e->skip <= e->object_len && e->len <= e->object_len - e->skip;
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
	if (!has_object(e))
		return (size_t)(at - out);
	seal_run_header_store(&e->run, at);
	at = put_varint(at + SEAL_RUN_HEADER_SIZE, e->segment);
	at = put_varint(at, e->place);
	at = put_varint(at, e->object_len);
	at = put_varint(at, e->skip);
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

static void decode_object(struct reader *r, struct extent *e)
{
	const uint8_t *run = reader_take(r, SEAL_RUN_HEADER_SIZE);

	if (!run || seal_run_header_load(run, &e->run) < 0)
		r->bad = true;
	e->segment = reader_varint(r);
	e->place = reader_varint(r);
	e->object_len = take_u32(r);
	e->skip = take_u32(r);
}

static void decode_head(struct reader *r, struct extent *e)
{
	e->kind = reader_u8(r);
	e->flags = reader_u8(r);
	e->len = reader_varint(r);
	if (e->kind == EXTENT_INLINE)
		e->lsn = reader_le64(r);
	else if (has_object(e))
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

/* ---- back references */

static struct key object_key(struct id128 object)
{
	return key_id(key_start('B'), object);
}

static struct key user_key(struct id128 object, uint64_t ino, uint64_t end)
{
	return key_u64(key_u64(object_key(object), ino), end);
}

int extent_count_users_in(struct batch *b, struct id128 object, uint64_t *ret_count)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = object_key(object);
	struct reader reader;
	uint64_t count;
	int r;

	r = batch_get(b, key.bytes, key.len, &value);
	if (r == -ENOENT) {
		*ret_count = 0;
		return 0;
	}
	if (r < 0)
		return r;
	reader = reader_over(value.data, value.len);
	count = reader_varint(&reader);
	if (reader.bad || reader_left(&reader) || !count)
		return -EBADMSG;
	*ret_count = count;
	return 0;
}

static void put_user_count(struct batch *b, struct id128 object, uint64_t count)
{
	struct key key = object_key(object);
	uint8_t value[VARINT_MAX];

	if (count)
		batch_put(b, key.bytes, key.len, value, (size_t)(put_varint(value, count) - value));
	else
		batch_remove(b, key.bytes, key.len);
}

static int add_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!has_object(e))
		return 0;
	r = extent_count_users_in(b, e->run.id, &count);
	if (r < 0)
		return r;
	put_user_count(b, e->run.id, count + 1);
	batch_put(b, key.bytes, key.len, "\1", 1);
	return 0;
}

/* 1: it was the last. */
static int remove_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!has_object(e))
		return 0;
	r = extent_count_users_in(b, e->run.id, &count);
	if (r < 0)
		return r;
	if (!count)
		return -EBADMSG;
	put_user_count(b, e->run.id, count - 1);
	batch_remove(b, key.bytes, key.len);
	return count == 1;
}

int extent_next_user(struct catalog *c, struct id128 object, uint64_t *ret_ino, uint64_t *ret_end)
{
	struct key prefix = object_key(object), from = user_key(object, *ret_ino, *ret_end + 1);
	const void *key, *value;
	size_t key_len, value_len;
	struct cursor *cur;
	int r;

	r = cursor_open(c, prefix.bytes, prefix.len, &cur);
	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	r = cursor_next(cur, &key, &key_len, &value, &value_len);
	if (r > 0 && key_len != from.len)
		r = -EBADMSG;
	if (r > 0) {
		*ret_ino = load_be64((const uint8_t *)key + prefix.len);
		*ret_end = load_be64((const uint8_t *)key + prefix.len + 8);
	}
	(void) cursor_close(cur);
	return r;
}

/* ---- changing */

/* What counts in st_blocks. */
static uint64_t counted_bytes(const struct extent *e)
{
	return e->kind != EXTENT_HOLE || e->flags & EXTENT_ALLOCATED ? e->len : 0;
}

static void count_bytes(struct inode *i, struct stats_delta *delta, const struct extent *e, int sign)
{
	int64_t bytes = (int64_t)counted_bytes(e) * sign;

	i->bytes = (uint64_t)((int64_t)i->bytes + bytes);
	delta->bytes += bytes;
}

/* The record alone: set and value. `old`: the stored value, or NULL. */
static int put_record(struct batch *b, struct inode *i, struct extent e, const struct buf *old)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = extent_key(i->ino, extent_end(&e));
	int r;

	e.lsn = batch_lsn(b);
	r = extent_encode(&e, &value);
	if (r < 0)
		return r;
	set_put(b, i, SET_EXTENTS, &key, old ? old->data : NULL, old ? old->len : 0, value.data, value.len);
	return 0;
}

static int put_extent(struct batch *b, struct inode *i, const struct extent *e, struct stats_delta *delta)
{
	int r;

	r = put_record(b, i, *e, NULL);
	if (r < 0)
		return r;
	count_bytes(i, delta, e, 1);
	return add_user(b, i->ino, e);
}

/* 1: its object lost its last user. */
static int remove_extent(struct batch *b, struct inode *i, const struct extent *e, const struct buf *value,
			 struct stats_delta *delta)
{
	struct key key = extent_key(i->ino, extent_end(e));

	set_remove(b, i, SET_EXTENTS, &key, value->data, value->len);
	count_bytes(i, delta, e, -1);
	return remove_user(b, i->ino, e);
}

int extent_put(struct batch *b, struct inode *i, const struct extent *e)
{
	struct stats_delta delta = { 0 };
	int r;

	r = put_extent(b, i, e, &delta);
	return r < 0 ? r : stats_change(b, &delta);
}

/* The part [from, to) of an extent. */
static struct extent piece_of(const struct extent *e, uint64_t from, uint64_t to)
{
	struct extent piece = *e;
	uint64_t front = from - e->offset;

	piece.offset = from;
	piece.len = to - from;
	if (e->kind == EXTENT_INLINE)
		piece.data = e->data + front;
	if (has_object(e))
		piece.skip = e->skip + (uint32_t)front;
	return piece;
}

int extent_get_in(struct batch *b, uint64_t ino, uint64_t end, struct buf *scratch, struct extent *ret_e)
{
	struct key key = extent_key(ino, end);
	int r;

	buf_reset(scratch);
	r = batch_get(b, key.bytes, key.len, scratch);
	return r < 0 ? r : extent_decode(key.bytes, key.len, scratch->data, scratch->len, ret_e);
}

static bool same_place(const struct extent *a, const struct extent *b)
{
	if (a->offset != b->offset || a->len != b->len || a->kind != b->kind || a->flags != b->flags)
		return false;
	if (a->kind == EXTENT_INLINE)
		return a->lsn == b->lsn;
	return !has_object(a) || (id128_equal(a->run.id, b->run.id) && a->segment == b->segment &&
				  a->place == b->place && a->skip == b->skip);
}

/* An object that is moved keeps its id and its users. */
static int swap_users(struct batch *b, uint64_t ino, const struct extent *old, const struct extent *now)
{
	int r;

	if (has_object(old) && has_object(now) && id128_equal(old->run.id, now->run.id))
		return 0;
	r = add_user(b, ino, now);
	return r < 0 ? r : remove_user(b, ino, old);
}

int extent_replace(struct batch *b, struct inode *i, const struct extent *old, const struct extent *now)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct stats_delta delta = { 0 };
	struct extent stored;
	int freed, r;

	r = extent_get_in(b, i->ino, extent_end(old), &value, &stored);
	if (r == -ENOENT || (r >= 0 && !same_place(&stored, old)))
		return -ESTALE;
	if (r < 0)
		return r;
	if (now->offset != old->offset || now->len != old->len)
		return -EINVAL;
	r = put_record(b, i, *now, &value);
	if (r < 0)
		return r;
	count_bytes(i, &delta, old, -1);
	count_bytes(i, &delta, now, 1);
	freed = swap_users(b, i->ino, old, now);
	if (freed < 0)
		return freed;
	r = stats_change(b, &delta);
	return r < 0 ? r : freed;
}

/* ---- cutting */

struct cut {
	struct batch *b;
	struct inode *i;
	uint64_t from, to;
	extent_removed_fn removed;
	void *context;
	struct stats_delta delta;
};

/* Takes [from, to) out of one extent. The pieces that stay are put before the whole goes, so that an
 * object that lives on in them never looks dead. The piece behind keeps the key of the whole. */
static int cut_extent(struct cut *cut, const struct extent *e, const struct buf *value)
{
	struct extent gone = piece_of(e, MAX(e->offset, cut->from), MIN(extent_end(e), cut->to));
	struct inode *i = cut->i;
	int r;

	if (e->offset < cut->from) {
		struct extent front = piece_of(e, e->offset, cut->from);

		r = put_extent(cut->b, i, &front, &cut->delta);
		if (r < 0)
			return r;
	}
	if (extent_end(e) > cut->to) {
		struct extent back = piece_of(e, cut->to, extent_end(e));

		count_bytes(i, &cut->delta, e, -1);
		count_bytes(i, &cut->delta, &back, 1);
		r = put_record(cut->b, i, back, value);
	} else {
		r = remove_extent(cut->b, i, e, value, &cut->delta);
	}
	if (r >= 0 && cut->removed && has_object(e))
		cut->removed(cut->context, &gone, r > 0);
	return r;
}

/* The next extent of the batch's state that the cursor of the committed state leads to. 1, 0, -errno. */
static int next_in(struct cursor *cur, struct batch *b, uint64_t ino, struct buf *scratch, struct extent *ret_e)
{
	const void *key, *value;
	size_t key_len, value_len;
	int r;

	while ((r = cursor_next(cur, &key, &key_len, &value, &value_len)) > 0) {
		if (key_len != 17)
			return -EBADMSG;
		r = extent_get_in(b, ino, load_be64((const uint8_t *)key + 9), scratch, ret_e);
		if (r != -ENOENT)
			return r < 0 ? r : 1;
	}
	return r;
}

static int cut_loop(struct cut *cut, struct cursor *cur, unsigned limit, uint64_t *ret_next)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e;
	int r;

	while ((r = next_in(cur, cut->b, cut->i->ino, &scratch, &e)) > 0) {
		if (e.offset >= cut->to)
			break;
		if (extent_end(&e) <= cut->from)
			continue;
		if (!limit--) {
			*ret_next = MAX(e.offset, cut->from);
			return 0;
		}
		r = cut_extent(cut, &e, &scratch);
		if (r < 0)
			return r;
	}
	*ret_next = cut->to;
	return r < 0 ? r : 0;
}

int extent_cut_objects(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
		       extent_removed_fn removed, void *context, uint64_t *ret_next)
{
	struct cut cut = { .b = b, .i = i, .from = offset, .to = offset + len, .removed = removed, .context = context };
	struct key prefix = key_u64(key_start('E'), i->ino), from = extent_key(i->ino, offset + 1);
	struct cursor *cur;
	uint64_t next;
	int r;

	if (offset > INT64_MAX || len > INT64_MAX - offset)
		return -EINVAL;
	if (!i->sets[SET_EXTENTS].count || !len) {
		*ret_next = cut.to;
		return 0;
	}
	r = cursor_open(batch_catalog(b), prefix.bytes, prefix.len, &cur);
	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	r = cut_loop(&cut, cur, limit, &next);
	(void) cursor_close(cur);
	if (r >= 0)
		r = stats_change(b, &cut.delta);
	if (r >= 0)
		*ret_next = next;
	return r;
}

int extent_cut(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
	       uint64_t *ret_next)
{
	return extent_cut_objects(b, i, offset, len, limit, NULL, NULL, ret_next);
}

/* ---- reading */

struct extent_walk {
	struct cursor *cur; /* owned */
};

int extent_walk_open(struct catalog *c, uint64_t ino, uint64_t offset, struct extent_walk **ret_w)
{
	struct key prefix = key_u64(key_start('E'), ino), from = extent_key(ino, offset + 1);
	struct extent_walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	r = cursor_open(c, prefix.bytes, prefix.len, &w->cur);
	if (r < 0) {
		free(w);
		return r;
	}
	cursor_seek(w->cur, from.bytes, from.len);
	*ret_w = w;
	return 0;
}

int extent_walk_next(struct extent_walk *w, struct extent *ret_e)
{
	const void *key, *value;
	size_t key_len, value_len;
	int r;

	r = cursor_next(w->cur, &key, &key_len, &value, &value_len);
	if (r <= 0)
		return r;
	r = extent_decode(key, key_len, value, value_len, ret_e);
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
	struct key prefix = key_u64(key_start('E'), ino), from = extent_key(ino, offset + 1);
	const void *key, *value;
	size_t key_len, value_len;
	struct cursor *cur;
	int r;

	r = cursor_open(c, prefix.bytes, prefix.len, &cur);
	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	r = cursor_next(cur, &key, &key_len, &value, &value_len);
	buf_reset(scratch);
	if (r > 0)
		r = buf_add(scratch, value, value_len);
	else if (r == 0)
		r = -ENOENT;
	if (r >= 0)
		r = extent_decode(key, key_len, scratch->data, scratch->len, ret_e);
	(void) cursor_close(cur);
	if (r < 0)
		return r;
	return ret_e->offset <= offset ? 0 : -ENOENT;
}
