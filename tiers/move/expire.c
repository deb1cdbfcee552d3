/* SPDX-License-Identifier: MIT */
#include "tiers/move/expire.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tiers/file_impl.h"

/* Of a file with more names than these, settings above all of them are looked at before each so-manieth removal only: the
 * work would be the square of the names. */
#define NAMES_FEW 64u
#define NAMES_BETWEEN 512u

struct expiry {
	struct gathering *g;
	struct inode i; /* as it was decided */
	uint64_t removed; /* names */
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_spared(const struct expiry *e, const struct inode *now)
{
	if (e->removed == 0 || now->nlink <= NAMES_FEW || e->removed % NAMES_BETWEEN == 0)
		return gather_spares(e->g, now);
	return files_is_open(e->g->files, now->ino);
}

/* Uses show in atime or used_s, all else (bytes, xattrs, names, owners) in ctime. */
static bool may_go(void *context, const struct inode *now)
{
	const struct expiry *e = context;
	const struct inode *then = &e->i;

	return same_time(&now->atime, &then->atime) && now->used_s == then->used_s && same_time(&now->mtime, &then->mtime) &&
	       same_time(&now->ctime, &then->ctime) && now->content_lsn == then->content_lsn && !is_spared(e, now);
}

static void tell(struct files *f, uint64_t dir, const char *name, const struct inode *i)
{
	if (f->world.unlinked)
		f->world.unlinked(f->world.context, dir, name, i);
	else if (!i->nlink && i->flags & INODE_ORPHAN)
		(void) file_reclaim(f, i->ino);
}

/* The first name; another one is the first then. */
static int remove_name(struct expiry *e)
{
	struct files *f = e->g->files;
	_cleanup_buf_ struct buf name = BUF_INIT;
	uint64_t dir;
	int r = tree_name(f->catalog, &e->i, 0, &dir, &name);

	if (r >= 0)
		r = buf_cstr(&name) ? 0 : -ENOMEM;
	if (r >= 0)
		r = tree_unlink_if(f->catalog, e->i.ino, dir, buf_cstr(&name), may_go, e, &e->i);
	if (r < 0)
		return r;
	e->removed++;
	tell(f, dir, buf_cstr(&name), &e->i);
	return 0;
}

/* Of one that was renamed meanwhile the name is another, or nobody's. */
static bool is_change(int error)
{
	return error == -ESTALE || error == -ENOENT;
}

int file_expire(struct gathering *g, uint64_t ino)
{
	struct expiry e = { .g = g };
	struct policy_move move;
	int r = gather_one(g, ino, &e.i, &move);

	if (r >= 0 && move.action != POLICY_REMOVE)
		return 0;
	while (r >= 0 && e.i.nlink)
		r = remove_name(&e);
	return r < 0 ? (is_change(r) ? 0 : r) : 1;
}
