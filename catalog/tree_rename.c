/* SPDX-License-Identifier: MIT */
/* rename(2) with its flags, in one batch.
 *
 * Both names may lie in one directory, and even in one record (names of equal hash): there is one
 * struct inode for each directory, and a name is loaded again after the other one changed. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "catalog/quota_impl.h"
#include "catalog/tree_impl.h"

struct renaming {
	struct tree_op op;
	unsigned flags;
	uint64_t whiteout_ino;
	struct dentry from, to;
	struct inode dirs[2];
	struct inode *dir, *new_dir; /* both dirs[0] in one directory */
	struct inode moved, other;   /* other.ino 0: nothing has the new name */
	tree_open_fn open;
	void *context;
};

static bool crosses(const struct renaming *n)
{
	return n->dir != n->new_dir;
}

/* ---- what there is, and whether it may be */

static int load_dirs(struct renaming *n, uint64_t dir, uint64_t new_dir)
{
	int r;

	n->dir = n->new_dir = &n->dirs[0];
	r = dir_get_in(&n->op, dir, n->dir);
	if (r < 0 || dir == new_dir)
		return r;
	n->new_dir = &n->dirs[1];
	return dir_get_in(&n->op, new_dir, n->new_dir);
}

static int load_names(struct renaming *n)
{
	int r;

	r = dentry_load_in(&n->from, n->op.b);
	if (r >= 0)
		r = dentry_load_in(&n->to, n->op.b);
	if (r < 0)
		return r;
	if (!n->from.found || (n->flags & RENAME_EXCHANGE && !n->to.found))
		return -ENOENT;
	if (n->flags & RENAME_NOREPLACE && n->to.found)
		return -EEXIST;
	r = entry_get_in(&n->op, n->from.ino, &n->moved);
	if (r >= 0 && n->to.found)
		r = entry_get_in(&n->op, n->to.ino, &n->other);
	return r;
}

/* May `moved` take the place of what has the new name? */
static int check_replaced(struct renaming *n)
{
	int r;

	if (!n->other.ino || n->flags & RENAME_EXCHANGE)
		return 0;
	if (!S_ISDIR(n->other.mode))
		return S_ISDIR(n->moved.mode) ? -ENOTDIR : 0;
	if (!S_ISDIR(n->moved.mode))
		return -EISDIR;
	r = set_check_held(n->op.c, &n->other, SET_ENTRIES);
	if (r < 0)
		return r;
	return n->other.sets[SET_ENTRIES].count ? -ENOTEMPTY : 0;
}

/* A directory cannot move below itself. */
static int check_ring(struct renaming *n, const struct inode *i, const struct inode *target_dir)
{
	int r;

	if (!S_ISDIR(i->mode) || !crosses(n))
		return 0;
	r = dir_is_below(n->op.c, target_dir->ino, i->ino);
	return r > 0 ? -EINVAL : r;
}

static int check_rings(struct renaming *n)
{
	int r = check_ring(n, &n->moved, n->new_dir);

	if (r < 0 || !n->other.ino)
		return r;
	r = check_ring(n, &n->other, n->dir);
	/* Without EXCHANGE the target would be an ancestor of the source: it is not empty. */
	return r == -EINVAL && !(n->flags & RENAME_EXCHANGE) ? -ENOTEMPTY : r;
}

/* Names stay within a quota. */
static int check_quota(struct renaming *n, struct inode *i, const struct inode *target_dir)
{
	if (!i->ino)
		return 0;
	return crosses(n) ? quota_check_name(n->op.b, i, target_dir) : quota_settle_name(n->op.b, i, target_dir);
}

static int check_quotas(struct renaming *n)
{
	int r = check_quota(n, &n->moved, n->new_dir);

	return r < 0 || !(n->flags & RENAME_EXCHANGE) ? r : check_quota(n, &n->other, n->dir);
}

/* ---- link counts of the two directories */

static bool is_dir(const struct inode *i)
{
	return i->ino && S_ISDIR(i->mode);
}

static int count_subdirs(struct renaming *n)
{
	bool exchange = n->flags & RENAME_EXCHANGE;

	if (is_dir(&n->moved)) {
		n->dir->nlink--;
		n->new_dir->nlink++;
	}
	if (is_dir(&n->other)) {
		n->new_dir->nlink--;
		if (exchange)
			n->dir->nlink++;
	}
	return n->dir->nlink > TREE_LINK_MAX || n->new_dir->nlink > TREE_LINK_MAX ? -EMLINK : 0;
}

/* ---- doing it */

static int finish_moved(struct renaming *n, struct inode *i)
{
	uint32_t what = S_ISDIR(i->mode) && i->sets[SET_ENTRIES].count ? EVENT_NAME | EVENT_BELOW : EVENT_NAME;
	int r = queue_mark(n->op.b, i, what, &n->op.stats);

	if (r < 0)
		return r;
	i->ctime = n->op.now;
	inode_put(n->op.b, i);
	batch_note(n->op.b, i->ino, what);
	return 0;
}

static void finish_dirs(struct renaming *n)
{
	dir_touch(&n->op, n->dir);
	inode_put(n->op.b, n->dir);
	if (!crosses(n))
		return;
	dir_touch(&n->op, n->new_dir);
	inode_put(n->op.b, n->new_dir);
}

static int replace_name(struct renaming *n, struct dentry *d, struct inode *dir, const struct inode *now)
{
	int r = dentry_load_in(d, n->op.b);

	return r < 0 ? r : dentry_replace(d, n->op.b, dir, now->ino, now->mode);
}

static int exchange(struct renaming *n)
{
	uint64_t from = n->from.cookie, to = n->to.cookie;
	int r;

	r = replace_name(n, &n->from, n->dir, &n->other);
	if (r >= 0)
		r = replace_name(n, &n->to, n->new_dir, &n->moved);
	if (r >= 0)
		r = name_move(&n->op, &n->moved, n->dir->ino, from, n->new_dir->ino, to);
	if (r >= 0)
		r = name_move(&n->op, &n->other, n->new_dir->ino, to, n->dir->ino, from);
	if (r >= 0)
		r = finish_moved(n, &n->moved);
	return r < 0 ? r : finish_moved(n, &n->other);
}

static int put_whiteout(struct renaming *n)
{
	struct tree_make make = { .mode = S_IFCHR };
	struct inode i;
	int r;

	r = inode_init_in(&n->op, n->dir, n->whiteout_ino, &make, &i);
	if (r < 0)
		return r;
	i.parent = n->dir->ino;
	i.cookie = n->from.cookie;
	inode_put(n->op.b, &i);
	return dentry_replace(&n->from, n->op.b, n->dir, i.ino, i.mode);
}

/* The old name goes before the new one comes, so that a name of equal hash may take its index. */
static int leave(struct renaming *n)
{
	int r = dentry_load_in(&n->from, n->op.b);

	if (r < 0)
		return r;
	if (n->flags & RENAME_WHITEOUT)
		return put_whiteout(n);
	return dentry_remove(&n->from, n->op.b, n->dir);
}

static int arrive(struct renaming *n)
{
	int r = dentry_load_in(&n->to, n->op.b);

	if (r < 0)
		return r;
	if (n->to.found)
		return dentry_replace(&n->to, n->op.b, n->new_dir, n->moved.ino, n->moved.mode);
	return dentry_add(&n->to, n->op.b, n->new_dir, n->moved.ino, n->moved.mode);
}

/* What had the new name loses it. */
static int lose(struct renaming *n)
{
	struct inode *i = &n->other;
	int r = 0;

	if (!i->ino)
		return 0;
	if (S_ISDIR(i->mode))
		i->nlink = 0, i->parent = i->cookie = 0;
	else
		r = name_remove(&n->op, i, n->new_dir->ino, n->to.cookie);
	if (r < 0)
		return r;
	return inode_drop(&n->op, i, !i->nlink && n->open && n->open(n->context, i->ino));
}

static int move(struct renaming *n)
{
	uint64_t from = n->from.cookie;
	int r;

	n->from.sole = n->to.sole = n->moved.nlink == 1;
	r = leave(n);
	if (r >= 0)
		r = arrive(n);
	if (r >= 0)
		r = lose(n);
	if (r >= 0)
		r = name_move(&n->op, &n->moved, n->dir->ino, from, n->new_dir->ino, n->to.cookie);
	return r < 0 ? r : finish_moved(n, &n->moved);
}

/* 1: both names are the same file's, which changes nothing. */
static int rename_in(struct renaming *n, uint64_t dir, uint64_t new_dir)
{
	int r;

	r = load_dirs(n, dir, new_dir);
	if (r >= 0)
		r = load_names(n);
	if (r < 0)
		return r;
	if (n->moved.ino == n->other.ino)
		return 1;
	r = check_rings(n);
	if (r >= 0)
		r = check_replaced(n);
	if (r >= 0)
		r = check_quotas(n);
	if (r >= 0)
		r = count_subdirs(n);
	if (r >= 0)
		r = n->flags & RENAME_EXCHANGE ? exchange(n) : move(n);
	if (r >= 0)
		finish_dirs(n);
	return r;
}

static int check_flags(unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))
		return -EINVAL;
	return 0;
}

static int prepare(struct renaming *n, struct catalog *c, struct tree_request *rq, uint64_t dir,
		   const char *name, uint64_t new_dir, const char *new_name)
{
	int r;

	r = check_flags(n->flags);
	if (r >= 0)
		r = dentry_init(&n->from, c, dir, name);
	if (r >= 0)
		r = dentry_init(&n->to, c, new_dir, new_name);
	if (r >= 0)
		r = dir_check(c, dir);
	if (r >= 0)
		r = dir_check(c, new_dir);
	if (r >= 0 && n->flags & RENAME_WHITEOUT)
		r = next_ino(c, &n->whiteout_ino);
	return r < 0 ? r : op_begin(&n->op, c, rq, false);
}

/* Two names of one file are as they are; its tags may change all the same. */
static int rename_and_tag_in(struct renaming *n, uint64_t dir, uint64_t new_dir)
{
	int r = rename_in(n, dir, new_dir);

	if (r < 0 || !n->op.rq || !n->op.rq->tags)
		return r;
	if (r > 0)
		n->other = (struct inode){ 0 };
	r = tags_follow_request(&n->op, n->moved.ino);
	return r < 0 ? r : inode_get_in(n->op.b, n->moved.ino, &n->moved);
}

static int run(struct renaming *n, uint64_t dir, uint64_t new_dir, struct tree_renamed *ret)
{
	int r;

	r = rename_and_tag_in(n, dir, new_dir);
	if (r > 0) {
		(void) op_end(&n->op, -ECANCELED, 0);
		*ret = (struct tree_renamed){ .moved = n->moved };
		if (n->op.rq)
			n->op.rq->lsn = catalog_last_lsn(n->op.c);
		return 0;
	}
	r = op_end(&n->op, r, n->moved.ino);
	if (r < 0)
		return r;
	*ret = (struct tree_renamed){ .moved = n->moved, .replaced = n->other };
	return 0;
}

int tree_rename(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, uint64_t new_dir,
		const char *new_name, unsigned flags, tree_open_fn open, void *context,
		struct tree_renamed *ret)
{
	struct renaming n = { .flags = flags, .open = open, .context = context };
	int r;

	r = prepare(&n, c, rq, dir, name, new_dir, new_name);
	if (r >= 0)
		r = run(&n, dir, new_dir, ret);
	dentry_done(&n.from);
	dentry_done(&n.to);
	return r;
}
