/* SPDX-License-Identifier: MIT */
/* Writing. Large data is sealed and written to a segment first, outside the catalog's lock; then one
 * batch cuts what it covers, names it, and sets size and times. Small data travels in the batch
 * itself and is folded later. A write whose batch fails leaves dead bytes in a segment, nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/quota.h"
#include "tiers/change.h"

/* A small write that continues a small extent becomes one record with it, up to this size: byte by
 * byte appends then make one record for each so many bytes, and no write copies more than this. */
#define MERGE_MAX 2048u
/* What a batch and its records take beside the bytes, when asking for space. */
#define WRITE_OVERHEAD 8192u

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

struct write {
	const uint8_t *data; /* borrowed */
	size_t len;
	struct hot_object *objects; /* owned; NULL: the data goes into the batch */
	size_t n_objects;
};

static void write_done(struct files *f, struct write *w)
{
	for (size_t k = 0; k < w->n_objects; k++)
		hot_release(f->hot, &w->objects[k]);
	free(w->objects);
}

static int write_objects(struct files *f, struct write *w, uint64_t ino, uint64_t offset)
{
	size_t max = (w->len + OBJECT_MAX - 1) / OBJECT_MAX;
	int r = 0;

	w->objects = calloc(max, sizeof(*w->objects));
	if (!w->objects)
		return -ENOMEM;
	for (size_t at = 0; r >= 0 && at < w->len; at += OBJECT_MAX) {
		uint32_t len = (uint32_t)MIN(w->len - at, (size_t)OBJECT_MAX);
		struct object_part part = { ino, offset + at, len };

		r = hot_write(f->hot, w->data + at, len, &part, 1, &w->objects[w->n_objects]);
		if (r >= 0)
			w->n_objects++;
	}
	return r;
}

static int put_objects(struct change *ch, const struct write *w, uint64_t offset)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < w->n_objects; k++) {
		struct extent e = hot_extent(&w->objects[k], offset, w->objects[k].object_len, 0);

		r = change_replace(ch, &e, true);
		offset += e.len;
	}
	return r;
}

/* 1: the extent that ends at `offset` is inline and small enough to take `len` bytes more; then its
 * bytes are in `prev`. */
static int find_mergeable(struct change *ch, uint64_t offset, size_t len, struct buf *scratch,
			  struct extent *ret_prev)
{
	int r;

	if (len >= MERGE_MAX || offset == 0 || ch->i.sets[SET_EXTENTS].count == 0)
		return 0;
	r = extent_get_in(ch->b, ch->i.ino, offset, scratch, ret_prev);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return ret_prev->kind == EXTENT_INLINE && ret_prev->len + len <= MERGE_MAX;
}

static int put_inline(struct change *ch, const struct write *w, uint64_t offset)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e = { .offset = offset, .len = w->len, .kind = EXTENT_INLINE, .data = w->data }, prev;
	uint8_t merged[MERGE_MAX];
	int r = find_mergeable(ch, offset, w->len, &scratch, &prev);

	if (r < 0)
		return r;
	if (r > 0) {
		memcpy(merged, prev.data, prev.len);
		memcpy(merged + prev.len, w->data, w->len);
		e.offset = prev.offset;
		e.len = prev.len + w->len;
		e.data = merged;
	}
	return change_replace(ch, &e, true);
}

static int apply(struct change *ch, const struct write *w, uint64_t offset)
{
	int r;

	if (offset > FILE_SIZE_MAX - w->len)
		return -EFBIG;
	r = change_grow(ch, offset);
	if (r >= 0)
		r = w->objects ? put_objects(ch, w, offset) : put_inline(ch, w, offset);
	return r < 0 ? r : change_touch(ch);
}

static int write_batch(struct files *f, struct tree_request *rq, uint64_t ino, uint64_t offset,
		       const struct write *w, bool kill_priv, bool append)
{
	struct change ch;
	int r = change_begin_for(&ch, f, rq, ino, false, kill_priv);

	if (r < 0)
		return r;
	r = apply(&ch, w, append ? ch.i.size : offset);
	return change_end(&ch, r, rq, w->len);
}

/* Bytes of [offset, offset + len) that count already. */
static int count_bytes(struct files *f, uint64_t ino, uint64_t offset, uint64_t len, uint64_t *ret_bytes)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	uint64_t end = offset + len, bytes = 0;
	struct extent e;
	int r = extent_walk_open(f->catalog, ino, offset, &walk);

	while (r >= 0 && (r = extent_walk_next(walk, &e)) > 0 && e.offset < end)
		if (extent_counts(&e))
			bytes += MIN(extent_end(&e), end) - MAX(e.offset, offset);
	*ret_bytes = bytes;
	return MIN(r, 0);
}

/* The batch decides; but what it would refuse would leave dead bytes in a segment, as often as it is tried. */
static int check_quota(struct files *f, uint64_t ino, uint64_t offset, size_t len, bool append)
{
	struct quota_room room;
	uint64_t bytes = 0;
	struct inode i;
	int r = inode_get(f->catalog, ino, &i);

	if (r < 0 || !i.quota)
		return r;
	r = quota_get_room(f->catalog, i.quota, &room);
	if (r < 0 || !room.bytes.limit || room.bytes.used + len <= room.bytes.limit)
		return r;
	r = append ? 0 : count_bytes(f, ino, offset, len, &bytes);
	return r >= 0 && bytes < len && room.bytes.used + (len - bytes) > room.bytes.limit ? -EDQUOT : r;
}

/* Where an append will probably land: for the description only. */
static uint64_t likely_offset(struct files *f, uint64_t ino, uint64_t offset, bool append)
{
	struct inode i;

	if (!append)
		return offset;
	return inode_get(f->catalog, ino, &i) < 0 ? 0 : i.size;
}

ssize_t file_write(struct files *f, struct tree_request *rq, uint64_t ino, uint64_t offset, const void *data,
		   size_t len, bool kill_priv, bool append)
{
	struct write w = { .data = data, .len = len };
	int r;

	if (len == 0)
		return 0;
	if (!append && (offset > FILE_SIZE_MAX || len > FILE_SIZE_MAX - offset))
		return -EFBIG;
	r = files_take_space(f, len + len / 64 + WRITE_OVERHEAD, false);
	if (r >= 0 && len >= f->config.inline_below)
		r = check_quota(f, ino, offset, len, append);
	if (r >= 0 && len >= f->config.inline_below)
		r = write_objects(f, &w, ino, likely_offset(f, ino, offset, append));
	if (r >= 0)
		r = write_batch(f, rq, ino, offset, &w, kill_priv, append);
	write_done(f, &w);
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	return (ssize_t)len;
}
