/* SPDX-License-Identifier: MIT */
/* Truncation, allocation, holes, and the end of a file. None of these writes bytes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

#include "base/cleanup.h"
#include "catalog/walk.h"
#include "tiers/change.h"

#define WHOLE_FILE FILE_SIZE_MAX

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

static int plain(int r)
{
	return r == -EBADMSG ? -EIO : r;
}

/* ---- what lies beyond the size */

static struct key remains_key(uint64_t ino)
{
	return key_u64(key_u8(key_start('Q'), QUEUE_DELETE), ino);
}

static int cut_beyond(struct change *ch, bool *ret_done)
{
	uint64_t next;
	int r = change_cut(ch, ch->i.size, WHOLE_FILE, CHANGE_EXTENTS, &next);

	*ret_done = r >= 0 && next == WHOLE_FILE;
	return r;
}

/* Goes on where the truncation's own batch stopped. */
static int cut_remains(struct files *f, uint64_t ino)
{
	struct key key = remains_key(ino);
	struct change ch;
	bool done = false;
	int r = change_begin(&ch, f, ino, true);

	if (r < 0)
		return r;
	while ((r = cut_beyond(&ch, &done)) >= 0 && !done) {
		r = change_step(&ch);
		if (r < 0)
			break;
	}
	if (r >= 0)
		batch_remove(ch.b, key.bytes, key.len);
	return change_end(&ch, r, NULL, 0);
}

static int forget_remains(struct files *f, uint64_t ino)
{
	struct key key = remains_key(ino);
	struct batch *b;
	int r = catalog_begin(f->catalog, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, key.bytes, key.len);
	return batch_commit(b, NULL);
}

static int cut_queued(void *context, const struct record *record)
{
	struct files *f = context;
	uint64_t ino;
	int r;

	if (record->key_len != 10)
		return 0;
	ino = load_be64(record->key + 2);
	r = cut_remains(f, ino);
	if (r == -ENOENT)
		r = forget_remains(f, ino);
	return MIN(r, 0);
}

int file_cut_all_remains(struct files *f)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_DELETE);

	return records_foreach(f->catalog, &prefix, cut_queued, f);
}

/* ---- truncation */

/* Sets the size first: whatever stays beyond it is nobody's. */
static int shrink(struct change *ch, uint64_t size, bool *ret_done)
{
	struct key key = remains_key(ch->i.ino);
	int r;

	ch->i.size = size;
	r = cut_beyond(ch, ret_done);
	if (r >= 0 && !*ret_done)
		batch_put(ch->b, key.bytes, key.len, "\1", 1);
	return r;
}

static int resize(struct change *ch, uint64_t size, bool *ret_done)
{
	int r = 0;

	*ret_done = true;
	if (size <= ch->i.size)
		r = shrink(ch, size, ret_done);
	else
		r = change_grow(ch, size);
	return r < 0 ? r : change_touch(ch);
}

int file_truncate(struct files *f, struct tree_request *rq, uint64_t ino, uint64_t size, bool kill_priv,
		  struct inode *ret_i)
{
	struct change ch;
	bool done;
	int r;

	if (size > FILE_SIZE_MAX)
		return -EFBIG;
	r = change_begin_for(&ch, f, rq, ino, true, kill_priv);
	if (r < 0)
		return plain(r);
	r = resize(&ch, size, &done);
	r = change_end(&ch, r, rq, 0);
	if (r < 0)
		return plain(r);
	*ret_i = ch.i;
	if (!done)
		(void) cut_remains(f, ino);
	cleaner_wake(f->cleaner);
	return 0;
}

int file_reclaim(struct files *f, uint64_t ino)
{
	struct change ch;
	uint64_t next;
	int r = change_begin(&ch, f, ino, true);

	if (r == -ENOENT)
		return 0;
	/* Other kinds of files have no bytes. */
	if (r == -EINVAL || r == -EISDIR)
		return tree_forget_inode(f->catalog, ino);
	if (r < 0)
		return plain(r);
	if (ch.i.nlink > 0)
		return change_end(&ch, -EBUSY, NULL, 0);
	ch.i.size = 0;
	while ((r = change_cut(&ch, 0, WHOLE_FILE, CHANGE_EXTENTS, &next)) >= 0 && next != WHOLE_FILE) {
		r = change_step(&ch);
		if (r < 0)
			break;
	}
	ch.forgets = true;
	r = change_end(&ch, r, NULL, 0);
	if (r >= 0 && (ch.i.sets[SET_XATTRS].count || ch.i.flags & (INODE_LINKS | INODE_LINKED)))
		r = tree_forget_inode(f->catalog, ino);
	cleaner_wake(f->cleaner);
	return plain(r);
}

/* ---- holes and allocation */

static struct extent hole(uint64_t from, uint64_t to, uint8_t flags)
{
	return (struct extent){ .offset = from, .len = to - from, .kind = EXTENT_HOLE, .flags = flags };
}

/* Widens a new hole over plain holes beside it, so that punching piece by piece leaves one extent. */
static int widen(struct change *ch, uint64_t *from, uint64_t *to)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e;
	int r;

	if (*from > 0) {
		r = extent_find(ch->f->catalog, ch->i.ino, *from - 1, &scratch, &e);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r >= 0 && e.kind == EXTENT_HOLE && !e.flags)
			*from = e.offset;
	}
	r = extent_find(ch->f->catalog, ch->i.ino, *to, &scratch, &e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && e.kind == EXTENT_HOLE && !e.flags)
		*to = MIN(extent_end(&e), ch->i.size);
	return 0;
}

static int cut_only(struct change *ch, uint64_t from, uint64_t to)
{
	uint64_t next = from;
	int r = 0;

	while (r >= 0 && from < to) {
		r = change_cut(ch, from, to, CHANGE_EXTENTS, &next);
		if (r >= 0 && next < to)
			r = change_step(ch);
		from = next;
	}
	return r;
}

static int punch(struct change *ch, uint64_t from, uint64_t to)
{
	uint64_t inside_to = MIN(to, ch->i.size), inside_from = from;
	struct extent e;
	int r = 0;

	if (from < inside_to) {
		r = widen(ch, &inside_from, &inside_to);
		e = hole(inside_from, inside_to, 0);
		if (r >= 0)
			r = change_replace(ch, &e, false);
	}
	/* Allocated room beyond the size just goes. */
	return r < 0 ? r : cut_only(ch, MAX(from, inside_to), to);
}

static int zero(struct change *ch, uint64_t from, uint64_t to, bool keep_size)
{
	struct extent e = hole(from, to, EXTENT_ALLOCATED);
	int r = 0;

	if (!keep_size)
		r = change_grow(ch, from);
	return r < 0 ? r : change_replace(ch, &e, !keep_size);
}

static bool is_plain_hole(const struct extent *e)
{
	return e->kind == EXTENT_HOLE && !(e->flags & EXTENT_ALLOCATED);
}

/* Below the size: allocated holes take the place of plain ones, from *at to `to`, as far as one batch
 * goes. The walk sees what was committed, which is right for all that lies ahead of *at. */
static int allocate_inside(struct change *ch, uint64_t *at, uint64_t to)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	struct extent e, now;
	int r;

	r = extent_walk_open(ch->f->catalog, ch->i.ino, *at, &walk);
	for (unsigned n = 0; r >= 0 && *at < to && n < CHANGE_EXTENTS; n++) {
		r = extent_walk_next(walk, &e);
		if (r == 0 || (r > 0 && e.offset > *at))
			return -EBADMSG;
		if (r < 0)
			return r;
		now = hole(*at, MIN(extent_end(&e), to), EXTENT_ALLOCATED);
		if (is_plain_hole(&e))
			r = change_replace(ch, &now, false);
		*at = extent_end(&now);
	}
	return r;
}

/* Beyond the size nothing counts but the new hole. */
static int allocate_beyond(struct change *ch, uint64_t *at, uint64_t to)
{
	struct extent now;
	uint64_t next;
	int r = change_cut(ch, *at, to, CHANGE_EXTENTS, &next);

	if (r >= 0 && next > *at) {
		now = hole(*at, next, EXTENT_ALLOCATED);
		r = change_put(ch, &now);
		*at = next;
	}
	return r;
}

static int allocate(struct change *ch, uint64_t from, uint64_t to, bool keep_size)
{
	int r = keep_size ? 0 : change_grow(ch, from);

	while (r >= 0 && from < to) {
		if (from < ch->i.size)
			r = allocate_inside(ch, &from, MIN(to, ch->i.size));
		else
			r = allocate_beyond(ch, &from, to);
		if (r >= 0 && !keep_size)
			ch->i.size = MAX(ch->i.size, from);
		if (r >= 0 && from < to && batch_size(ch->b) > CHANGE_BYTES / 4)
			r = change_step(ch);
	}
	return r;
}

static int reshape(struct change *ch, int mode, uint64_t from, uint64_t to)
{
	bool keep_size = mode & FALLOC_FL_KEEP_SIZE;

	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		return allocate(ch, from, to, keep_size);
	case FALLOC_FL_PUNCH_HOLE:
		return keep_size ? punch(ch, from, to) : -EOPNOTSUPP;
	case FALLOC_FL_ZERO_RANGE:
		return zero(ch, from, to, keep_size);
	default:
		return -EOPNOTSUPP;
	}
}

int file_allocate(struct files *f, struct tree_request *rq, uint64_t ino, int mode, uint64_t offset,
		  uint64_t len, bool kill_priv)
{
	bool takes = !(mode & FALLOC_FL_PUNCH_HOLE);
	struct change ch;
	int r;

	if (len == 0)
		return -EINVAL;
	if (offset > FILE_SIZE_MAX || len > FILE_SIZE_MAX - offset)
		return -EFBIG;
	/* A promise of room that the disk does not have is not given; the room itself is not taken. */
	r = takes ? files_take_space(f, len, true) : 0;
	if (r >= 0)
		r = change_begin_for(&ch, f, rq, ino, !takes, kill_priv);
	if (r < 0)
		return plain(r);
	r = reshape(&ch, mode, offset, offset + len);
	if (r >= 0)
		r = change_touch(&ch);
	return plain(change_end(&ch, r, rq, 0));
}
