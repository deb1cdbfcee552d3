/* SPDX-License-Identifier: MIT */
#include "tiers/change.h"

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"

static int get_regular(struct batch *b, uint64_t ino, struct inode *ret_i)
{
	int r = inode_get_in(b, ino, ret_i);

	if (r < 0)
		return r;
	if (S_ISDIR(ret_i->mode))
		return -EISDIR;
	return S_ISREG(ret_i->mode) ? 0 : -EINVAL;
}

static int load(struct change *ch, uint64_t ino)
{
	int r = get_regular(ch->b, ino, &ch->i);

	ch->size_before = r < 0 ? 0 : ch->i.size;
	return r;
}

int change_begin(struct change *ch, struct files *f, uint64_t ino, bool reserve)
{
	int r;

	*ch = (struct change){ .f = f, .reserve = reserve, .inline_from = UINT64_MAX };
	r = catalog_begin(f->catalog, reserve, &ch->b);
	if (r < 0)
		return r;
	r = load(ch, ino);
	if (r < 0)
		(void) batch_abort(ch->b);
	return r;
}

int change_next(struct change *ch, uint64_t ino)
{
	struct inode next;
	int r = get_regular(ch->b, ino, &next);

	assert(ino != ch->i.ino && !ch->touches && !ch->forgets && ch->inline_from == UINT64_MAX);
	if (r < 0)
		return r;
	inode_put(ch->b, &ch->i);
	ch->i = next;
	ch->size_before = next.size;
	return 0;
}

int change_put(struct change *ch, const struct extent *e)
{
	int r = extent_put(ch->b, &ch->i, e);

	if (r < 0)
		return r;
	if (e->kind == EXTENT_INLINE) {
		ch->inline_from = MIN(ch->inline_from, e->offset);
		ch->inline_to = MAX(ch->inline_to, extent_end(e));
		ch->inline_bytes += e->len;
	}
	return account_extent(&ch->account, e, 1);
}

/* Setgid without group execution meant mandatory locking: it stays for members of the group. */
static void drop_mode(struct change *ch, bool in_group)
{
	uint32_t mode = ch->i.mode;

	ch->i.mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP || !in_group)
		ch->i.mode &= ~(uint32_t)S_ISGID;
	ch->killed = mode != ch->i.mode;
	if (ch->killed)
		batch_note(ch->b, ch->i.ino, EVENT_ATTR);
}

int change_begin_for(struct change *ch, struct files *f, const struct tree_request *rq, uint64_t ino, bool reserve,
		     bool kill_priv)
{
	int r = change_begin(ch, f, ino, reserve);

	if (r < 0)
		return r;
	ch->touches = true;
	if (kill_priv)
		drop_mode(ch, rq && rq->in_group);
	r = tree_drop_capability_in(ch->b, &ch->i);
	if (r < 0)
		(void) batch_abort(ch->b);
	return r;
}

struct removal {
	struct change *ch;
	int r;
};

static void removed(void *context, const struct extent *piece, bool last)
{
	struct removal *removal = context;

	if (removal->r >= 0)
		removal->r = account_extent(&removal->ch->account, piece, -1);
}

int change_cut(struct change *ch, uint64_t from, uint64_t to, unsigned limit, uint64_t *ret_next)
{
	struct removal removal = { .ch = ch };
	int r = extent_cut_objects(ch->b, &ch->i, from, to - from, limit, removed, &removal, ret_next);

	return r < 0 ? r : removal.r;
}

int change_exchange(struct change *ch, const struct extent *old, const struct extent *now)
{
	int r = extent_replace(ch->b, &ch->i, old, now);

	if (r < 0)
		return r;
	r = account_extent(&ch->account, old, -1);
	return r < 0 ? r : account_extent(&ch->account, now, 1);
}

static int commit(struct change *ch, uint64_t *ret_lsn)
{
	uint64_t ino = ch->i.ino;
	bool accounts = ch->account.n > 0;
	int r = account_flush(&ch->account, ch->b);

	if (r >= 0)
		r = ch->forgets ? tree_forget_in(ch->b, &ch->i) : 0;
	if (r < 0) {
		(void) batch_abort(ch->b);
		return r;
	}
	if (r == 0)
		inode_put(ch->b, &ch->i);
	r = batch_commit(ch->b, ret_lsn);
	if (r >= 0 && ch->inline_from < ch->inline_to)
		fold_add(ch->f->fold, ino, ch->inline_from, ch->inline_to, ch->inline_bytes);
	if (r >= 0 && accounts)
		cleaner_notice(ch->f->cleaner);
	ch->inline_from = UINT64_MAX;
	ch->inline_to = ch->inline_bytes = 0;
	return r;
}

int change_step(struct change *ch)
{
	int r = ch->touches ? change_touch(ch) : 0;

	if (r < 0)
		return r;
	r = commit(ch, NULL);
	ch->b = NULL;
	if (r >= 0)
		r = catalog_begin(ch->f->catalog, ch->reserve, &ch->b);
	return r < 0 ? r : load(ch, ch->i.ino);
}

struct extent change_part(const struct extent *e, uint64_t from, uint64_t to)
{
	struct extent part = *e;
	uint64_t front = from - e->offset;

	part.offset = from;
	part.len = to - from;
	if (e->kind == EXTENT_INLINE)
		part.data = e->data + front;
	else if (e->kind != EXTENT_HOLE)
		part.skip = e->skip + (uint32_t)front;
	return part;
}

int change_replace(struct change *ch, const struct extent *e, bool grow)
{
	uint64_t at = e->offset, end = extent_end(e), next;
	struct extent part;
	int r;

	for (;;) {
		r = change_cut(ch, at, end, CHANGE_EXTENTS, &next);
		if (r < 0)
			return r;
		if (next > at) {
			part = change_part(e, at, next);
			r = change_put(ch, &part);
		}
		if (r < 0)
			return r;
		if (grow)
			ch->i.size = MAX(ch->i.size, next);
		if (next == end)
			return 0;
		at = next;
		r = change_step(ch);
		if (r < 0)
			return r;
	}
}

int change_grow(struct change *ch, uint64_t size)
{
	struct extent hole = { .kind = EXTENT_HOLE };
	uint64_t next;
	int r;

	while (ch->i.size < size) {
		r = change_cut(ch, ch->i.size, size, CHANGE_EXTENTS, &next);
		if (r < 0)
			return r;
		if (next == size) {
			hole.offset = ch->i.size;
			hole.len = size - ch->i.size;
			ch->i.size = size;
			return change_put(ch, &hole);
		}
		r = change_step(ch);
		if (r < 0)
			return r;
	}
	return 0;
}

int change_touch(struct change *ch)
{
	bool grown = ch->i.size != ch->size_before;

	(void) clock_gettime(CLOCK_REALTIME, &ch->i.mtime);
	ch->i.ctime = ch->i.mtime;
	batch_note(ch->b, ch->i.ino, EVENT_CONTENT | (grown ? EVENT_ATTR : 0u));
	return queue_add(ch->b, &ch->i, EVENT_CONTENT);
}

int change_end(struct change *ch, int r, struct tree_request *rq, size_t bytes)
{
	struct reply_record reply;
	uint64_t lsn;

	if (r < 0 && ch->b)
		(void) batch_abort(ch->b);
	if (r >= 0 && rq && rq->reply.unique) {
		reply = rq->reply;
		reply.status = 0;
		reply.ino = ch->i.ino;
		reply.size = (uint32_t)bytes;
		batch_reply(ch->b, &reply);
	}
	if (r >= 0)
		r = commit(ch, &lsn);
	if (r >= 0 && rq) {
		rq->lsn = lsn;
		rq->killed = ch->killed;
	}
	account_done(&ch->account);
	return r;
}
