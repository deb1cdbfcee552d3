/* SPDX-License-Identifier: MIT */
/* The bytes of one file, out of all packs that describe this content of it. Each byte is taken from the first of them
 * that gives it; what none gives is lost. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/rebuild/rebuild_impl.h"
#include "tiers/rebuild/spans.h"

#define CUT_MAX 256u /* extents a batch */

struct writing {
	struct rebuilding *rb;
	struct files *f;
	uint64_t ino, size;
	struct spans there;
	uint8_t *bytes; /* PACK_FRAME_MAX */
	int error;      /* the last of a pack */
};

/* A pack that gives no bytes is no failure of the new volume; only without memory nothing goes on. */
static int forgive(struct writing *w, int r)
{
	if (r >= 0 || r == -ENOMEM)
		return MIN(r, 0);
	w->error = r;
	return 0;
}

/* [from, to) of an entry that has those bytes. */
static int copy(struct writing *w, struct pack *p, const struct pack_entry *e, uint64_t from, uint64_t to)
{
	while (from < to) {
		struct tree_request rq = { 0 };
		size_t len = (size_t)MIN(to - from, (uint64_t)PACK_FRAME_MAX);
		ssize_t n = pack_read(p, e, from, w->bytes, len);
		int r;

		if (n <= 0)
			return forgive(w, n < 0 ? (int)n : -EBADMSG);
		len = (size_t)n;
		n = file_write(w->f, &rq, w->ino, from, w->bytes, len, false, false);
		r = n < 0 ? (int)n : spans_add(&w->there, from, from + len);
		if (r < 0)
			return r;
		from += len;
	}
	return 0;
}

/* What of this piece is not there yet. */
static int take_piece(struct writing *w, struct pack *p, const struct pack_entry *e, const struct pack_piece *piece)
{
	uint64_t at = piece->offset, end = MIN(piece->offset + piece->len, w->size);
	struct span gap;
	int r = 0;

	while (r == 0 && at < end && spans_gap(&w->there, at, end, &gap)) {
		r = piece->frame == PACK_HOLE ? spans_add(&w->there, gap.from, gap.to) : copy(w, p, e, gap.from, gap.to);
		at = gap.to;
	}
	return r;
}

static int take_pieces(struct writing *w, struct pack *p, const struct pack_entry *e, bool holes)
{
	int r = 0;

	for (uint32_t k = 0; r == 0 && k < e->n_pieces; k++)
		if ((e->pieces[k].frame == PACK_HOLE) == holes)
			r = take_piece(w, p, e, &e->pieces[k]);
	return r;
}

static int take_from(struct writing *w, const struct version *v)
{
	const struct pack_entry *e;
	struct pack *p;
	int r = shelf_open(&w->rb->shelf, v->pack, &p);

	if (r < 0)
		return forgive(w, r);
	e = pack_find(p, v->ino);
	if (!e)
		return 0;
	r = take_pieces(w, p, e, false);
	return r < 0 ? r : take_pieces(w, p, e, true);
}

/* ---- what nobody has */

static int put_lost(struct batch *b, uint64_t ino, const struct span *gap, uint64_t *ret_next)
{
	struct extent e = { .offset = gap->from, .kind = EXTENT_LOST };
	struct inode i;
	int r = inode_get_in(b, ino, &i);

	if (r >= 0)
		r = extent_cut(b, &i, gap->from, gap->to - gap->from, CUT_MAX, ret_next);
	if (r < 0)
		return r;
	e.len = *ret_next - gap->from;
	r = extent_put(b, &i, &e);
	if (r >= 0)
		inode_put(b, &i);
	return r;
}

static int mark_lost(struct writing *w, struct span gap)
{
	while (gap.from < gap.to) {
		struct batch *b;
		uint64_t next = gap.to;
		int r = catalog_begin(w->f->catalog, false, &b);

		if (r < 0)
			return r;
		r = put_lost(b, w->ino, &gap, &next);
		if (r < 0) {
			(void) batch_abort(b);
			return r;
		}
		r = batch_commit(b, NULL);
		if (r < 0)
			return r;
		gap.from = next;
	}
	return 0;
}

static int mark_all_lost(struct writing *w, uint64_t *ret_lost, uint64_t *ret_first)
{
	struct span gap;
	uint64_t at = 0;
	int r = 0;

	while (r == 0 && at < w->size && spans_gap(&w->there, at, w->size, &gap)) {
		if (*ret_lost == 0)
			*ret_first = gap.from;
		*ret_lost += gap.to - gap.from;
		r = mark_lost(w, gap);
		at = gap.to;
	}
	return r;
}

int rebuild_write(struct rebuilding *rb, uint64_t ino, uint64_t size, const struct version *versions, size_t n,
		  uint64_t *ret_lost, uint64_t *ret_first, int *ret_error)
{
	_cleanup_free_ uint8_t *bytes = malloc(PACK_FRAME_MAX);
	struct writing w = { .rb = rb, .f = rb->config.files, .ino = ino, .size = size, .bytes = bytes, .error = -ENODATA };
	struct tree_request rq = { 0 };
	struct inode i;
	int r = bytes ? 0 : -ENOMEM;

	*ret_lost = *ret_first = 0;
	if (r == 0 && size > 0)
		r = file_truncate(w.f, &rq, ino, size, false, &i);
	for (size_t k = 0; r >= 0 && k < n && versions[k].content_lsn == versions[0].content_lsn; k++)
		r = take_from(&w, &versions[k]);
	if (r >= 0)
		r = mark_all_lost(&w, ret_lost, ret_first);
	spans_done(&w.there);
	*ret_error = w.error;
	return r;
}
