/* SPDX-License-Identifier: MIT */
/* copy_file_range: the target gets extents that name the same objects; only inline bytes are copied.
 *
 * A batch looks at the source first (how far one batch can go), then cuts the target that far, then
 * puts. All three see the source as it is while the writer lock is held, so an object cannot die
 * between the look and the new reference. */
#include <errno.h>

#include "base/cleanup.h"
#include "tiers/change.h"

#define COPY_EXTENTS 500u
#define COPY_OVERHEAD 65536u

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

struct copy {
	struct change ch; /* of the target */
	uint64_t from_ino;
	uint64_t from;    /* where the source stands now */
	uint64_t to;      /* where the target stands now */
	uint64_t left;
};

/* Calls `piece` for the parts of the source from co->from on, until it returns other than 0. */
static int foreach_piece(struct copy *co, uint64_t len, int (*piece)(struct copy *co, const struct extent *e))
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	uint64_t at = co->from, end = co->from + len;
	struct extent e, part;
	int r;

	r = extent_walk_open(co->ch.f->catalog, co->from_ino, at, &walk);
	while (r >= 0 && at < end) {
		r = extent_walk_next(walk, &e);
		if (r == 0 || (r > 0 && e.offset > at))
			return -EBADMSG;
		if (r < 0)
			return r;
		part = change_part(&e, at, MIN(extent_end(&e), end));
		at = extent_end(&part);
		r = piece(co, &part);
		if (r)
			return r;
	}
	return r;
}

/* How many bytes of the source one batch can take. */
static int measure(struct copy *co, uint64_t *ret_len)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	uint64_t end = co->from + co->left, at = co->from, inline_bytes = 0;
	struct extent e;
	int r = extent_walk_open(co->ch.f->catalog, co->from_ino, at, &walk);

	for (unsigned n = 0; r >= 0 && at < end && n < COPY_EXTENTS && inline_bytes < CHANGE_BYTES / 2; n++) {
		r = extent_walk_next(walk, &e);
		if (r == 0)
			break;
		inline_bytes += r > 0 && e.kind == EXTENT_INLINE ? e.len : 0;
		at = r > 0 ? extent_end(&e) : at;
	}
	*ret_len = MIN(at, end) - co->from;
	if (r >= 0 && *ret_len == 0)
		r = -EBADMSG;
	return r < 0 ? r : 0;
}

static int put_piece(struct copy *co, const struct extent *e)
{
	struct extent now = *e;

	now.offset = e->offset - co->from + co->to;
	now.flags = 0;
	return change_put(&co->ch, &now);
}

static int copy_some(struct copy *co)
{
	uint64_t len, next;
	int r = measure(co, &len);

	if (r >= 0)
		r = change_cut(&co->ch, co->to, co->to + len, CHANGE_EXTENTS, &next);
	if (r < 0)
		return r;
	len = next - co->to;
	r = len > 0 ? foreach_piece(co, len, put_piece) : 0;
	if (r < 0)
		return r;
	co->from += len;
	co->to += len;
	co->left -= len;
	co->ch.i.size = MAX(co->ch.i.size, co->to);
	return 0;
}

static int copy_all(struct copy *co)
{
	uint64_t to = co->to;
	struct inode source;
	int r = change_grow(&co->ch, to);

	while (r >= 0 && co->left > 0) {
		r = inode_get_in(co->ch.b, co->from_ino, &source);
		if (r < 0 || co->from >= source.size)
			break;
		co->left = MIN(co->left, source.size - co->from);
		r = copy_some(co);
		if (r >= 0 && co->left > 0)
			r = change_step(&co->ch);
	}
	return r;
}

/* The source: its size and whether its extents are all there. */
static int check_source(struct files *f, uint64_t ino, uint64_t offset, size_t *len)
{
	struct inode i;
	int r = inode_get(f->catalog, ino, &i);

	if (r < 0)
		return r;
	if (!S_ISREG(i.mode))
		return S_ISDIR(i.mode) ? -EISDIR : -EINVAL;
	*len = offset < i.size ? MIN(*len, i.size - offset) : 0;
	return *len > 0 ? inode_check_set(f->catalog, &i, SET_EXTENTS) : 0;
}

static bool overlap(uint64_t a, uint64_t b, uint64_t len)
{
	return a < b ? b - a < len : a - b < len;
}

static ssize_t copy_range(struct files *f, struct tree_request *rq, uint64_t from, uint64_t from_offset,
			  uint64_t to, uint64_t to_offset, size_t len, bool kill_priv)
{
	struct copy co = { .from_ino = from, .from = from_offset, .to = to_offset };
	int r = check_source(f, from, from_offset, &len);

	if (r < 0 || len == 0)
		return r;
	if (to_offset > FILE_SIZE_MAX || len > FILE_SIZE_MAX - to_offset)
		return -EFBIG;
	if (from == to && overlap(from_offset, to_offset, len))
		return -EINVAL;
	r = files_take_space(f, COPY_OVERHEAD, false);
	if (r >= 0)
		r = change_begin_for(&co.ch, f, rq, to, false, kill_priv);
	if (r < 0)
		return r;
	co.left = len;
	r = copy_all(&co);
	len = (size_t)(co.to - to_offset);
	if (r >= 0)
		r = change_touch(&co.ch);
	r = change_end(&co.ch, r, rq, len);
	return r < 0 ? r : (ssize_t)len;
}

ssize_t file_copy_range(struct files *f, struct tree_request *rq, uint64_t from, uint64_t from_offset,
			uint64_t to, uint64_t to_offset, size_t len, bool kill_priv)
{
	ssize_t n = copy_range(f, rq, from, from_offset, to, to_offset, MIN(len, (size_t)UINT32_MAX), kill_priv);

	return n == -EBADMSG ? -EIO : n;
}
