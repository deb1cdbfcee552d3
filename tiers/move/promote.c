/* SPDX-License-Identifier: MIT */
#include "tiers/move/promote.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/change.h"
#include "tiers/move/move_rate.h"

/* Of those that are fetched together, before they are read. */
#define WINDOW_EXTENTS 64u

struct promotion {
	struct files *f;
	struct move_rate *rate; /* borrowed */
	struct inode i;     /* as it was at the beginning */
	uint8_t *bytes;     /* owned; OBJECT_MAX */
	uint64_t brought;   /* up to there the bytes are here */
	uint64_t moved;
};

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

/* The next stretch that lies in packs, from *from on: at most an object. 0: there is none. */
static int next_stretch(struct promotion *p, uint64_t *from, uint64_t *ret_to)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	uint64_t to = 0;
	struct extent e;
	int r = extent_walk_open(p->f->catalog, p->i.ino, *from, &walk);

	while (r >= 0 && (r = extent_walk_next(walk, &e)) > 0) {
		if (to == 0 && e.kind != EXTENT_PACK)
			continue;
		if (to == 0)
			to = *from = MAX(*from, e.offset);
		if (e.kind != EXTENT_PACK || e.offset > to)
			break;
		to = MIN(extent_end(&e), *from + OBJECT_MAX);
		if (to == *from + OBJECT_MAX)
			break;
	}
	*ret_to = to;
	return r < 0 ? r : to > 0;
}

static int exchange(struct promotion *p, const struct extent *now)
{
	uint64_t at = now->offset, end = extent_end(now), next;
	struct extent part;
	struct change ch;
	int r = change_begin(&ch, p->f, p->i.ino, false);

	if (r < 0)
		return r;
	while (r >= 0 && at < end) {
		r = ch.i.content_lsn == p->i.content_lsn && ch.i.nlink > 0 ? 0 : -ESTALE;
		if (r >= 0)
			r = change_cut(&ch, at, end, CHANGE_EXTENTS, &next);
		if (r >= 0 && next > at) {
			part = change_part(now, at, next);
			r = change_put(&ch, &part);
		}
		if (r >= 0 && next < end)
			r = change_step(&ch);
		at = next;
	}
	return change_end(&ch, r, NULL, 0);
}

static int exchange_object(struct promotion *p, uint64_t from, uint32_t len)
{
	const struct object_part part = { p->i.ino, from, len };
	struct hot_object o;
	struct extent now;
	int r = hot_write(p->f->hot, p->bytes, len, &part, 1, &o);

	if (r < 0)
		return r;
	now = hot_extent(&o, from, len, 0);
	r = exchange(p, &now);
	hot_release(p->f->hot, &o);
	return r;
}

/* Small ones are folded into one object with others later. */
static int exchange_inline(struct promotion *p, uint64_t from, uint32_t len)
{
	const struct extent now = { .offset = from, .len = len, .kind = EXTENT_INLINE, .data = p->bytes };

	return exchange(p, &now);
}

static int promote_stretch(struct promotion *p, uint64_t from, uint64_t to)
{
	uint32_t len = (uint32_t)(to - from);
	ssize_t n = file_read(p->f, p->i.ino, from, p->bytes, len, TIER_ALONE);
	int r;

	if (n < 0)
		return (int)n;
	/* The last extent may reach beyond the end of the file; what is there is nobody's. */
	if ((size_t)n < len && from + (size_t)n < p->i.size)
		return -ESTALE;
	if (n == 0)
		return 0;
	len = (uint32_t)n;
	r = files_take_space(p->f, len, false);
	if (r >= 0)
		r = len < p->f->config.inline_below ? exchange_inline(p, from, len) : exchange_object(p, from, len);
	if (r >= 0)
		p->moved += len;
	return r;
}

/* The extents from `from` on that one request brings; p->brought becomes their end. */
static int list_window(struct promotion *p, uint64_t from, struct extent ret_extents[WINDOW_EXTENTS], size_t *ret_n)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	int r = extent_walk_open(p->f->catalog, p->i.ino, from, &walk);
	uint64_t stored = 0;

	*ret_n = 0;
	while (r >= 0 && *ret_n < WINDOW_EXTENTS && (r = extent_walk_next(walk, &ret_extents[*ret_n])) > 0) {
		const struct extent *e = &ret_extents[*ret_n];

		if (e->kind == EXTENT_PACK && stored > 0 && stored + e->stored_len > PACKS_BRING_BYTES)
			break;
		p->brought = extent_end(e);
		if (e->kind != EXTENT_PACK)
			continue;
		stored += e->stored_len;
		++*ret_n;
	}
	return MIN(r, 0);
}

static int bring(struct promotion *p, uint64_t from)
{
	struct extent extents[WINDOW_EXTENTS];
	size_t n;
	int r;

	if (from < p->brought)
		return 0;
	r = list_window(p, from, extents, &n);
	return r < 0 ? r : packs_bring(p->f->packs, extents, n, p->rate ? p->rate->interrupted : NULL);
}

static int promote(struct promotion *p)
{
	uint64_t from = 0, to;
	int r;

	while ((r = next_stretch(p, &from, &to)) > 0) {
		r = bring(p, from);
		if (r >= 0)
			r = promote_stretch(p, from, to);
		if (r >= 0)
			r = move_rate_take(p->rate, to - from);
		if (r < 0)
			return r;
		from = to;
	}
	return r;
}

int file_promote(struct files *f, uint64_t ino, struct move_rate *rate, uint64_t *ret_bytes)
{
	struct promotion p = { .f = f, .rate = rate };
	int r = inode_get(f->catalog, ino, &p.i);

	*ret_bytes = 0;
	if (r == -ENOENT || (r >= 0 && (!p.i.packed || !p.i.nlink)))
		return 0;
	if (r >= 0)
		p.bytes = malloc(OBJECT_MAX);
	if (r >= 0)
		r = p.bytes ? promote(&p) : -ENOMEM;
	free(p.bytes);
	*ret_bytes = p.moved;
	return r == -ENOENT ? 0 : r == -EBADMSG ? -EIO : r;
}
