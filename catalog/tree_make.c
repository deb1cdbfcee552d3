/* SPDX-License-Identifier: MIT */
/* Making inodes and names. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/acl.h"
#include "catalog/quota_impl.h"
#include "catalog/tree_impl.h"

/* The root's number is no other inode's. */
int next_ino(struct catalog *c, uint64_t *ret_ino)
{
	int r;

	do {
		r = catalog_next_number(c, COUNTER_INODE, ret_ino);
	} while (r >= 0 && *ret_ino <= ROOT_INO);
	return r;
}

static struct inode blank(struct tree_op *op, uint64_t ino, mode_t mode)
{
	return (struct inode){
		.ino = ino,
		.mode = mode,
		.nlink = S_ISDIR(mode) ? 2 : 1,
		.atime = op->now,
		.mtime = op->now,
		.ctime = op->now,
		.btime = op->now,
		.content_lsn = batch_lsn(op->b),
	};
}

/* In a set-group-ID directory the group is the directory's, and directories hand the bit on. */
static void inherit_group(const struct inode *dir, struct inode *i)
{
	if (!(dir->mode & S_ISGID))
		return;
	i->gid = dir->gid;
	if (S_ISDIR(i->mode))
		i->mode |= S_ISGID;
}

/* From a directory's default ACL: access list and mode, and for directories the default list. */
static int inherit_acl(struct tree_op *op, const struct buf *list, struct inode *i)
{
	_cleanup_buf_ struct buf acl = BUF_INIT;
	int r;

	r = buf_add(&acl, list->data, list->len);
	if (r >= 0)
		r = acl_inherit(&acl, &i->mode);
	if (r == 0)
		r = xattr_put_in(op->b, i, XATTR_ACL_ACCESS, acl.data, acl.len);
	if (r >= 0 && S_ISDIR(i->mode))
		r = xattr_put_in(op->b, i, XATTR_ACL_DEFAULT, list->data, list->len);
	return r;
}

static int inherit_mode(struct tree_op *op, const struct inode *dir, mode_t umask, struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r;

	if (S_ISLNK(i->mode))
		return 0;
	if (dir->sets[SET_XATTRS].count) {
		r = set_check_held(op->c, dir, SET_XATTRS);
		if (r >= 0)
			r = xattr_get_in(op->b, dir, XATTR_ACL_DEFAULT, &list);
		if (r != -ENODATA)
			return r < 0 ? r : inherit_acl(op, &list, i);
	}
	i->mode &= ~((uint32_t)umask & 0777u);
	return 0;
}

static int put_target(struct tree_op *op, struct inode *i, const char *target)
{
	i->size = strlen(target);
	return xattr_put_in(op->b, i, XATTR_TARGET, target, i->size);
}

int inode_init_in(struct tree_op *op, const struct inode *dir, uint64_t ino, const struct tree_make *make,
		  struct inode *ret_i)
{
	struct inode i = blank(op, ino, make->mode);
	int r;

	if (op->rq) {
		i.uid = op->rq->uid;
		i.gid = op->rq->gid;
	}
	i.quota = dir->quota;
	inherit_group(dir, &i);
	r = inherit_mode(op, dir, make->umask, &i);
	if (r < 0)
		return r;
	if (S_ISCHR(i.mode) || S_ISBLK(i.mode))
		i.rdev = make->rdev;
	if (S_ISLNK(i.mode)) {
		r = put_target(op, &i, make->target);
		if (r < 0)
			return r;
	}
	r = quota_charge(op->b, i.quota, 0, 1);
	if (r < 0)
		return r;
	stats_count(&op->stats, i.mode, 1);
	*ret_i = i;
	return 0;
}

/* ---- making */

static int check_make(const struct tree_make *make)
{
	size_t len;

	switch (make->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFLNK:
		len = make->target ? strlen(make->target) : 0;
		if (!len)
			return -ENOENT;
		return len > TREE_SYMLINK_MAX ? -ENAMETOOLONG : 0;
	default:
		return -EINVAL;
	}
}

/* The name of what was just initialised. */
static int make_name(struct tree_op *op, struct inode *dir, struct dentry *d, struct inode *i)
{
	int r;

	if (S_ISDIR(i->mode)) {
		if (dir->nlink >= TREE_LINK_MAX)
			return -EMLINK;
		dir->nlink++;
	}
	d->sole = true;
	r = dentry_add(d, op->b, dir, i->ino, i->mode);
	if (r < 0)
		return r;
	i->parent = dir->ino;
	i->cookie = d->cookie;
	dir_touch(op, dir);
	inode_put(op->b, dir);
	return 0;
}

static int make_in(struct tree_op *op, uint64_t dir_ino, struct dentry *d, uint64_t ino,
		   const struct tree_make *make, struct inode *ret_i)
{
	struct inode dir;
	int r;

	r = dir_get_in(op, dir_ino, &dir);
	if (r < 0)
		return r;
	r = dentry_load_in(d, op->b);
	if (r < 0)
		return r;
	if (d->found)
		return -EEXIST;
	r = inode_init_in(op, &dir, ino, make, ret_i);
	if (r < 0)
		return r;
	r = make_name(op, &dir, d, ret_i);
	if (r < 0)
		return r;
	r = queue_mark(op->b, ret_i, EVENT_NAME | EVENT_CONTENT, &op->stats);
	if (r < 0)
		return r;
	inode_put(op->b, ret_i);
	batch_note(op->b, ino, EVENT_NAME);
	if (!op->rq || !op->rq->tags)
		return 0;
	r = tags_follow_request(op, ino);
	return r < 0 ? r : inode_get_in(op->b, ino, ret_i);
}

/* O_TMPFILE. It is counted when it gets a name. */
static int make_unnamed_in(struct tree_op *op, uint64_t dir_ino, uint64_t ino, const struct tree_make *make,
			   struct inode *ret_i)
{
	struct inode dir;
	int r;

	r = dir_get_in(op, dir_ino, &dir);
	if (r < 0)
		return r;
	r = inode_init_in(op, &dir, ino, make, ret_i);
	if (r < 0)
		return r;
	stats_count(&op->stats, ret_i->mode, -1);
	ret_i->nlink = 0;
	ret_i->flags |= INODE_ORPHAN;
	orphan_put(op->b, ino);
	inode_put(op->b, ret_i);
	return 0;
}

int tree_make(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name,
	      const struct tree_make *make, struct inode *ret_i)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	struct tree_op op;
	struct inode i;
	uint64_t ino;
	int r;

	r = check_make(make);
	if (r >= 0 && !make->unnamed)
		r = dentry_init(&d, c, dir, name);
	if (r >= 0)
		r = dir_check(c, dir);
	if (r >= 0)
		r = next_ino(c, &ino);
	if (r >= 0)
		r = op_begin(&op, c, rq, false);
	if (r < 0)
		return r;
	if (make->unnamed)
		r = make_unnamed_in(&op, dir, ino, make, &i);
	else
		r = make_in(&op, dir, &d, ino, make, &i);
	r = op_end(&op, r, ino);
	if (r < 0)
		return r;
	inode_mark_checked(c, &i);
	*ret_i = i;
	return 0;
}

int tree_make_root(struct catalog *c, uint32_t uid, uint32_t gid, mode_t mode)
{
	struct tree_op op;
	struct inode i;
	int r;

	r = inode_get(c, ROOT_INO, &i);
	if (r != -ENOENT)
		return r;
	r = op_begin(&op, c, NULL, false);
	if (r < 0)
		return r;
	i = blank(&op, ROOT_INO, S_IFDIR | (mode & 07777));
	i.uid = uid;
	i.gid = gid;
	inode_put(op.b, &i);
	stats_count(&op.stats, i.mode, 1);
	return op_end(&op, 0, ROOT_INO);
}

/* ---- hard links */

static int inode_gets_labels(struct batch *b, struct inode *i)
{
	int r = tags_attach(b, i);

	return r < 0 ? r : xattr_follow_fields(b, i, true);
}

/* The first name of what was made with O_TMPFILE: it is a file like others from now on. */
static int adopt(struct tree_op *op, struct inode *i)
{
	if (!(i->flags & INODE_ORPHAN))
		return -ENOENT;
	orphan_remove(op->b, i->ino);
	i->flags &= ~INODE_ORPHAN;
	stats_count(&op->stats, i->mode, 1);
	return inode_gets_labels(op->b, i);
}

static int link_in(struct tree_op *op, uint64_t ino, uint64_t dir_ino, struct dentry *d, struct inode *i)
{
	struct inode dir;
	int r;

	r = inode_get_in(op->b, ino, i);
	if (r >= 0 && S_ISDIR(i->mode))
		r = -EPERM;
	if (r >= 0)
		r = dir_get_in(op, dir_ino, &dir);
	if (r >= 0)
		r = dentry_load_in(d, op->b);
	if (r >= 0 && d->found)
		r = -EEXIST;
	if (r >= 0)
		r = quota_check_name(op->b, i, &dir);
	if (r >= 0 && !i->nlink)
		r = adopt(op, i);
	if (r >= 0)
		r = dentry_add(d, op->b, &dir, ino, i->mode);
	if (r >= 0)
		r = name_add(op, i, dir_ino, d->cookie);
	if (r >= 0)
		r = queue_mark(op->b, i, EVENT_NAME, &op->stats);
	if (r < 0)
		return r;
	dir_touch(op, &dir);
	inode_put(op->b, &dir);
	i->ctime = op->now;
	inode_put(op->b, i);
	batch_note(op->b, ino, EVENT_NAME);
	return 0;
}

int tree_link(struct catalog *c, struct tree_request *rq, uint64_t ino, uint64_t dir, const char *name,
	      struct inode *ret_i)
{
	_cleanup_dentry_ struct dentry d;
	struct tree_op op;
	struct inode i;
	int r;

	r = dentry_init(&d, c, dir, name);
	if (r >= 0)
		r = dir_check(c, dir);
	if (r >= 0)
		r = op_begin(&op, c, rq, false);
	if (r < 0)
		return r;
	r = op_end(&op, link_in(&op, ino, dir, &d, &i), ino);
	if (r >= 0)
		*ret_i = i;
	return r;
}
