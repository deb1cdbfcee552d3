/* SPDX-License-Identifier: MIT */
/* Removing names, and what is left of inodes without any.
 *
 * An inode that loses its last name is removed in the same batch when nothing hangs on it. Otherwise
 * it becomes an orphan, with a record 'O' be64 ino: its bytes are reclaimed in steps by whoever owns
 * them, then tree_forget_inode() takes xattrs and inode. A crash in between leaves the 'O' record,
 * from which the next mount goes on. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/derive.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/quota.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

/* What one step of forgetting removes at most. */
#define STEP_RECORDS 64
#define STEP_BYTES (256u << 10)

static struct key orphan_key(uint64_t ino)
{
	return key_u64(key_start('O'), ino);
}

void orphan_put(struct batch *b, uint64_t ino)
{
	struct key key = orphan_key(ino);

	batch_put(b, key.bytes, key.len, "\1", 1);
}

void orphan_remove(struct batch *b, uint64_t ino)
{
	struct key key = orphan_key(ino);

	batch_remove(b, key.bytes, key.len);
}

/* The last of it. */
static int remove_inode(struct batch *b, const struct inode *i)
{
	inode_remove(b, i->ino);
	return quota_charge(b, i->quota, -(int64_t)i->bytes, -1);
}

/* Tags and fields are of files with a name. */
static int inode_loses_labels(struct batch *b, struct inode *i)
{
	int r = i->sets[SET_XATTRS].count ? tags_detach(b, i) : 0;

	if (r >= 0)
		r = xattr_follow_fields(b, i, false);
	if (r >= 0)
		r = found_detach(b, i);
	if (r != -EBADMSG)
		return r;
	derive_doubt(b); /* damage among labels does not keep the file */
	return 0;
}

/* Does anything hang on it that goes in steps? */
static bool hangs_on(const struct inode *i)
{
	return i->sets[SET_EXTENTS].count || i->sets[SET_XATTRS].count || i->flags & (INODE_LINKS | INODE_LINKED);
}

static int drop_last(struct tree_op *op, struct inode *i, bool open)
{
	int r = 0;

	stats_count(&op->stats, i->mode, -1);
	queue_drop(op->b, i, &op->stats);
	batch_note(op->b, i->ino, EVENT_GONE);
	r = inode_loses_labels(op->b, i);
	if (r >= 0 && i->flags & INODE_LINKED)
		r = links_keep_path(op->b, i);
	if (r < 0)
		return r;
	if (!open && !hangs_on(i)) {
		file_timed(op->b, i);
		return remove_inode(op->b, i);
	}
	i->flags |= INODE_ORPHAN;
	orphan_put(op->b, i->ino);
	inode_put(op->b, i);
	return 0;
}

int inode_drop(struct tree_op *op, struct inode *i, bool open)
{
	int r;

	i->ctime = op->now;
	if (!i->nlink)
		return drop_last(op, i, open);
	r = queue_mark(op->b, i, EVENT_NAME, &op->stats);
	if (r < 0)
		return r;
	batch_note(op->b, i->ino, EVENT_NAME);
	inode_put(op->b, i);
	return 0;
}

/* ---- unlink, rmdir */

static int load_entry(struct tree_op *op, uint64_t dir_ino, struct dentry *d, struct inode *ret_dir,
		      struct inode *ret_i)
{
	int r;

	r = dir_get_in(op, dir_ino, ret_dir);
	if (r < 0)
		return r;
	r = dentry_load_in(d, op->b);
	if (r < 0)
		return r;
	return d->found ? entry_get_in(op, d->ino, ret_i) : -ENOENT;
}

static int remove_entry(struct tree_op *op, struct inode *dir, struct dentry *d)
{
	int r = dentry_remove(d, op->b, dir);

	if (r < 0)
		return r;
	dir_touch(op, dir);
	inode_put(op->b, dir);
	return 0;
}

static int unlink_in(struct tree_op *op, uint64_t dir_ino, struct dentry *d, tree_open_fn open, void *context,
		     struct inode *i)
{
	struct inode dir;
	int r;

	r = load_entry(op, dir_ino, d, &dir, i);
	if (r < 0)
		return r;
	if (S_ISDIR(i->mode))
		return -EISDIR;
	d->sole = i->nlink == 1;
	r = remove_entry(op, &dir, d);
	if (r < 0)
		return r;
	r = name_remove(op, i, dir_ino, d->cookie);
	return r < 0 ? r : inode_drop(op, i, !i->nlink && open && open(context, i->ino));
}

static int rmdir_in(struct tree_op *op, uint64_t dir_ino, struct dentry *d, struct inode *i)
{
	struct inode dir;
	int r;

	r = load_entry(op, dir_ino, d, &dir, i);
	if (r < 0)
		return r;
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	r = set_check_held(op->c, i, SET_ENTRIES);
	if (r < 0)
		return r;
	if (i->sets[SET_ENTRIES].count)
		return -ENOTEMPTY;
	dir.nlink--;
	r = remove_entry(op, &dir, d);
	if (r < 0)
		return r;
	i->nlink = 0;
	i->parent = i->cookie = 0;
	return inode_drop(op, i, false);
}

static int begin_removal(struct tree_op *op, struct catalog *c, struct tree_request *rq, uint64_t dir,
			 const char *name, struct dentry *ret_d)
{
	int r;

	r = dentry_init(ret_d, c, dir, name);
	if (r >= 0)
		r = dir_check(c, dir);
	return r < 0 ? r : op_begin(op, c, rq, true);
}

int tree_unlink(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, tree_open_fn open,
		void *context, struct inode *ret_i)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	struct tree_op op;
	struct inode i;
	int r;

	r = begin_removal(&op, c, rq, dir, name, &d);
	if (r < 0)
		return r;
	r = op_end(&op, unlink_in(&op, dir, &d, open, context, &i), d.ino);
	if (r >= 0)
		*ret_i = i;
	return r;
}

struct condition {
	uint64_t ino;
	bool (*may)(void *context, const struct inode *i);
	void *context;
};

static int unlink_if(struct tree_op *op, uint64_t dir, struct dentry *d, const struct condition *condition, struct inode *i)
{
	int r = dentry_load_in(d, op->b);

	if (r >= 0)
		r = d->found && d->ino == condition->ino ? entry_get_in(op, d->ino, i) : -ESTALE;
	if (r >= 0 && !condition->may(condition->context, i))
		r = -ESTALE;
	return r < 0 ? r : unlink_in(op, dir, d, NULL, NULL, i);
}

int tree_unlink_if(struct catalog *c, uint64_t ino, uint64_t dir, const char *name,
		   bool (*may)(void *context, const struct inode *i), void *context, struct inode *ret_i)
{
	const struct condition condition = { ino, may, context };
	_cleanup_dentry_ struct dentry d = { 0 };
	struct tree_op op;
	struct inode i;
	int r;

	r = begin_removal(&op, c, NULL, dir, name, &d);
	if (r < 0)
		return r;
	r = op_end(&op, unlink_if(&op, dir, &d, &condition, &i), ino);
	if (r >= 0)
		*ret_i = i;
	return r;
}

int tree_rmdir(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, struct inode *ret_i)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	struct tree_op op;
	struct inode i;
	int r;

	r = begin_removal(&op, c, rq, dir, name, &d);
	if (r < 0)
		return r;
	r = op_end(&op, rmdir_in(&op, dir, &d, &i), d.ino);
	if (r >= 0)
		*ret_i = i;
	return r;
}

/* ---- orphans */

struct forgetting {
	struct batch *b;
	struct inode *i;
	size_t records, bytes;
};

/* 1: that is enough for one step. */
static int forget_xattr(void *context, const struct record *record)
{
	struct forgetting *f = context;
	struct key key = { .len = record->key_len };

	memcpy(key.bytes, record->key, MIN(key.len, sizeof(key.bytes)));
	set_remove(f->b, f->i, SET_XATTRS, &key, record->value, record->value_len);
	f->records++;
	f->bytes += record->value_len;
	return f->records == STEP_RECORDS || f->bytes >= STEP_BYTES;
}

/* Removes some of the xattrs. 1: all are gone. */
static int forget_xattrs(struct batch *b, struct inode *i)
{
	struct key prefix = key_u64(key_start('X'), i->ino);
	struct forgetting f = { .b = b, .i = i };
	int r = records_foreach(batch_catalog(b), &prefix, forget_xattr, &f);

	return r < 0 ? r : r == 0;
}

static int forget(struct batch *b, const struct inode *i)
{
	orphan_remove(b, i->ino);
	return remove_inode(b, i);
}

int tree_forget_in(struct batch *b, const struct inode *i)
{
	int r;

	if (!(i->flags & INODE_ORPHAN) || i->nlink || hangs_on(i))
		return 0;
	r = forget(b, i);
	return r < 0 ? r : 1;
}

/* 1: there is more to do. */
static int forget_step(struct tree_op *op, uint64_t ino)
{
	struct inode i;
	int r;

	r = inode_get_in(op->b, ino, &i);
	if (r == -ENOENT) {
		orphan_remove(op->b, ino);
		return 0;
	}
	if (r < 0)
		return r;
	if (i.nlink || i.sets[SET_EXTENTS].count)
		return -EBUSY;
	r = links_forget(op->b, &i);
	if (r == 0) {
		r = forget_xattrs(op->b, &i);
		if (r > 0)
			return forget(op->b, &i);
	}
	if (r < 0)
		return r;
	inode_put(op->b, &i);
	return 1;
}

int tree_forget_inode(struct catalog *c, uint64_t ino)
{
	struct key key = orphan_key(ino);
	struct tree_op op;
	int more, r;

	do {
		r = catalog_get(c, key.bytes, key.len, NULL);
		if (r >= 0)
			r = links_forsake(c, ino);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		r = op_begin(&op, c, NULL, true);
		if (r < 0)
			return r;
		more = forget_step(&op, ino);
		r = op_end(&op, more, 0);
	} while (r >= 0 && more);
	return r;
}

struct visitor {
	int (*orphan)(void *context, uint64_t ino);
	void *context;
};

static int visit(void *context, const struct record *record)
{
	struct visitor *v = context;

	return record->key_len == 9 ? v->orphan(v->context, load_be64(record->key + 1)) : -EBADMSG;
}

int tree_foreach_orphan(struct catalog *c, int (*orphan)(void *context, uint64_t ino), void *context)
{
	struct key prefix = key_start('O');
	struct visitor v = { orphan, context };

	return records_foreach(c, &prefix, visit, &v);
}
