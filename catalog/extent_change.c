/* SPDX-License-Identifier: MIT */
/* Changing the extents of a file: with each, the set and `bytes` of the inode, the back references and
 * the counters of the volume and of quotas. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/extent_impl.h"
#include "catalog/quota.h"
#include "catalog/tree_stats.h"
#include "catalog/walk.h"

/* ---- putting and replacing */

static void count_bytes(struct inode *i, struct stats_delta *delta, const struct extent *e, int sign)
{
	int64_t bytes = extent_counts(e) ? (int64_t)e->len * sign : 0;

	i->bytes = (uint64_t)((int64_t)i->bytes + bytes);
	if (e->kind == EXTENT_PACK)
		i->packed = (uint64_t)((int64_t)i->packed + bytes);
	delta->bytes += bytes;
}

static int count_file(struct batch *b, uint64_t pack, int change)
{
	return pack ? pack_count_files(b, pack, change) : 0;
}

/* After extents came or went; `e` is the last that came. */
static int settle_home(struct batch *b, struct inode *i, const struct extent *e)
{
	uint64_t home = i->home, was = i->home;
	int r;

	if (!i->packed)
		home = 0;
	else if (e && e->kind == EXTENT_PACK)
		home = e->segment;
	if (home == was)
		return 0;
	i->home = home;
	r = count_file(b, home, 1);
	return r < 0 ? r : count_file(b, was, -1);
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

static int count_in(struct batch *b, const struct inode *i, const struct stats_delta *delta)
{
	int r = quota_charge(b, i->quota, delta->bytes, 0);

	return r < 0 ? r : stats_change(b, delta);
}

static int put_extent(struct batch *b, struct inode *i, const struct extent *e, struct stats_delta *delta)
{
	int r;

	r = put_record(b, i, *e, NULL);
	if (r < 0)
		return r;
	count_bytes(i, delta, e, 1);
	return extent_add_user(b, i->ino, e);
}

/* 1: its object lost its last user. */
static int remove_extent(struct batch *b, struct inode *i, const struct extent *e, const struct buf *value,
			 struct stats_delta *delta)
{
	struct key key = extent_key(i->ino, extent_end(e));

	set_remove(b, i, SET_EXTENTS, &key, value->data, value->len);
	count_bytes(i, delta, e, -1);
	return extent_remove_user(b, i->ino, e);
}

int extent_put(struct batch *b, struct inode *i, const struct extent *e)
{
	struct stats_delta delta = { 0 };
	int r;

	r = put_extent(b, i, e, &delta);
	if (r >= 0)
		r = settle_home(b, i, e);
	return r < 0 ? r : count_in(b, i, &delta);
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
	if (extent_has_object(e))
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
	return !extent_has_object(a) || (id128_equal(a->run.id, b->run.id) && a->segment == b->segment &&
					 a->place == b->place && a->skip == b->skip);
}

/* An object that is moved keeps its id and its users. */
static int swap_users(struct batch *b, uint64_t ino, const struct extent *old, const struct extent *now)
{
	int r;

	if (extent_has_object(old) && extent_has_object(now) && id128_equal(old->run.id, now->run.id))
		return 0;
	r = extent_add_user(b, ino, now);
	return r < 0 ? r : extent_remove_user(b, ino, old);
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
	r = settle_home(b, i, now);
	if (r >= 0)
		r = count_in(b, i, &delta);
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
	if (r >= 0 && cut->removed && extent_has_object(e))
		cut->removed(cut->context, &gone, r > 0);
	return r;
}

/* The next extent of the batch's state that the cursor of the committed state leads to. 1, 0, -errno. */
static int next_in(struct cursor *cur, struct batch *b, uint64_t ino, struct buf *scratch, struct extent *ret_e)
{
	struct record record;
	int r;

	while ((r = cursor_next_record(cur, &record)) > 0) {
		if (record.key_len != 17)
			return -EBADMSG;
		r = extent_get_in(b, ino, load_be64(record.key + 9), scratch, ret_e);
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

/* The only extent of a small file mostly is what is cut, and needs no walk. 1: so it was. */
static int cut_only(struct cut *cut, uint64_t *ret_next)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e;
	int r = extent_get_in(cut->b, cut->i->ino, cut->to, &scratch, &e);

	if (r == -ENOENT || (r >= 0 && e.offset != cut->from))
		return 0;
	if (r >= 0)
		r = cut_extent(cut, &e, &scratch);
	*ret_next = cut->to;
	return r < 0 ? r : 1;
}

static int cut_walking(struct cut *cut, unsigned limit, uint64_t *ret_next)
{
	struct key prefix = key_u64(key_start('E'), cut->i->ino), from = extent_key(cut->i->ino, cut->from + 1);
	_cleanup_cursor_ struct cursor *cur = NULL;
	int r = cursor_open_at(batch_catalog(cut->b), &prefix, &from, &cur);

	return r < 0 ? r : cut_loop(cut, cur, limit, ret_next);
}

int extent_cut_objects(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
		       extent_removed_fn removed, void *context, uint64_t *ret_next)
{
	struct cut cut = { .b = b, .i = i, .from = offset, .to = offset + len, .removed = removed, .context = context };
	uint64_t next;
	int r = 0;

	if (offset > INT64_MAX || len > INT64_MAX - offset)
		return -EINVAL;
	if (!i->sets[SET_EXTENTS].count || !len) {
		*ret_next = cut.to;
		return 0;
	}
	if (i->sets[SET_EXTENTS].count == 1 && limit > 0)
		r = cut_only(&cut, &next);
	if (r == 0)
		r = cut_walking(&cut, limit, &next);
	if (r >= 0)
		r = settle_home(b, i, NULL);
	if (r >= 0)
		r = count_in(b, i, &cut.delta);
	if (r >= 0)
		*ret_next = next;
	return r;
}

int extent_cut(struct batch *b, struct inode *i, uint64_t offset, uint64_t len, unsigned limit,
	       uint64_t *ret_next)
{
	return extent_cut_objects(b, i, offset, len, limit, NULL, NULL, ret_next);
}
