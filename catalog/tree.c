/* SPDX-License-Identifier: MIT */
/* Looking up and listing names; attributes. */
#include "catalog/tree.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/acl.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

/* ---- lookup */

/* A name that is not there: is that the truth? */
static int missing(struct catalog *c, uint64_t dir, bool held)
{
	struct inode i;
	int r;

	if (!held)
		r = dir_check(c, dir);
	else {
		r = inode_get(c, dir, &i);
		if (r >= 0)
			r = set_check_held(c, &i, SET_ENTRIES);
	}
	return r < 0 ? r : -ENOENT;
}

static int look(struct catalog *c, struct dentry *d, uint64_t dir, bool held, struct inode *ret_i)
{
	int r;

	r = dentry_load(d, c);
	if (r < 0)
		return r;
	if (!d->found)
		return missing(c, dir, held);
	r = inode_get(c, d->ino, ret_i);
	return r == -ENOENT ? -EBADMSG : r;
}

int tree_lookup(struct catalog *c, uint64_t dir, const char *name, struct inode *ret_i)
{
	_cleanup_dentry_ struct dentry d;
	struct batch *hold;
	int r;

	r = dentry_init(&d, c, dir, name);
	if (r < 0)
		return r;
	r = look(c, &d, dir, false, ret_i);
	if (r != -EBADMSG)
		return r;
	/* Name and inode may have gone between the two looks. */
	hold = tree_hold(c);
	r = look(c, &d, dir, true, ret_i);
	tree_release(hold);
	return r;
}

/* ---- listing */

#define SLOW_ENTRIES 4096u

struct tree_dir {
	struct catalog *c;
	uint64_t dir;
	struct cursor *cur; /* owned; stands behind `record` */
	uint64_t hash;      /* of `record`; 0: none */
	struct buf record;  /* owned */
	struct reader reader;
	uint64_t last;      /* cookie that was given last */
	char name[TREE_NAME_MAX + 1];
};

bool tree_dir_is_slow(struct catalog *c, uint64_t dir)
{
	struct inode i;

	return !set_is_checked(c, dir, SET_ENTRIES) && inode_get(c, dir, &i) >= 0 &&
	       i.sets[SET_ENTRIES].count > SLOW_ENTRIES;
}

int tree_dir_open(struct catalog *c, uint64_t dir, struct tree_dir **ret_d)
{
	struct key prefix = key_u64(key_start('D'), dir);
	struct tree_dir *d;
	struct inode i;
	int r;

	r = inode_get(c, dir, &i);
	if (r < 0)
		return r;
	if (!S_ISDIR(i.mode))
		return -ENOTDIR;
	r = inode_check_set(c, &i, SET_ENTRIES);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->c = c;
	d->dir = dir;
	r = cursor_open(c, prefix.bytes, prefix.len, &d->cur);
	if (r < 0) {
		free(d);
		return r;
	}
	*ret_d = d;
	return 0;
}

struct tree_dir *tree_dir_close(struct tree_dir *d)
{
	if (!d)
		return NULL;
	(void) cursor_close(d->cur);
	buf_done(&d->record);
	free(d);
	return NULL;
}

/* The next record of the cursor. 1, 0, -errno. */
static int load_record(struct tree_dir *d)
{
	struct record record;
	int r;

	r = cursor_next_record(d->cur, &record);
	if (r <= 0)
		return r;
	if (record.key_len != 16)
		return -EBADMSG;
	buf_reset(&d->record);
	r = buf_add(&d->record, record.value, record.value_len);
	if (r < 0)
		return r;
	d->hash = load_be64(record.key + 8) & ((1ull << 56) - 1);
	d->reader = reader_over(d->record.data, d->record.len);
	return 1;
}

static void give(struct tree_dir *d, const struct dentry_item *item, struct tree_entry *ret_e)
{
	memcpy(d->name, item->name, item->name_len);
	d->name[item->name_len] = 0;
	d->last = cookie_of(d->hash, item->index);
	*ret_e = (struct tree_entry){ .ino = item->ino, .cookie = d->last, .type = item->type, .name = d->name };
}

int tree_dir_next(struct tree_dir *d, uint64_t cookie, struct tree_entry *ret_e)
{
	struct dentry_item item;
	int r;

	/* Anywhere but where the last call ended: look for the place anew. So it is with the rest of a
	 * record of several names, which may have changed. */
	if (!d->hash || cookie != d->last || reader_left(&d->reader)) {
		struct key from = dentry_key(d->dir, cookie >> 7);

		cursor_seek(d->cur, from.bytes, from.len);
		d->hash = 0;
		d->reader = reader_over(NULL, 0);
	}
	for (;;) {
		r = dentry_next(&d->reader, &item);
		if (r > 0 && cookie_of(d->hash, item.index) > cookie) {
			give(d, &item, ret_e);
			return 1;
		}
		if (r == 0) {
			r = load_record(d);
			if (r == 0)
				d->hash = 0;
		}
		if (r <= 0)
			return r;
	}
}

/* ---- attributes */

static bool is_chown(unsigned what)
{
	return what & (TREE_SET_UID | TREE_SET_GID);
}

/* As Linux does it when the owner changes: set-user-ID goes, set-group-ID unless it means mandatory
 * locking. */
static void kill_privileges(struct inode *i)
{
	if (S_ISDIR(i->mode))
		return;
	i->mode &= ~(uint32_t)S_ISUID;
	if (i->mode & S_IXGRP)
		i->mode &= ~(uint32_t)S_ISGID;
}

static void set_attributes(struct tree_op *op, struct inode *i, const struct stat *st, unsigned what)
{
	if (what & TREE_KILL_SUIDGID || is_chown(what))
		kill_privileges(i);
	if (what & TREE_SET_MODE)
		i->mode = (i->mode & S_IFMT) | (st->st_mode & 07777);
	if (what & TREE_SET_UID)
		i->uid = st->st_uid;
	if (what & TREE_SET_GID)
		i->gid = st->st_gid;
	if (what & TREE_SET_ATIME) {
		i->atime = st->st_atim;
		i->used_s = 0;
	}
	if (what & TREE_SET_MTIME)
		i->mtime = st->st_mtim;
	i->ctime = what & TREE_SET_CTIME ? st->st_ctim : op->now;
}

/* File capabilities end with the owner, too. */
static int drop_capability(struct tree_op *op, struct inode *i)
{
	int r;

	if (!i->sets[SET_XATTRS].count)
		return 0;
	r = xattr_remove_in(op->b, i, "security.capability");
	return r == -ENODATA ? 0 : r;
}

static int chmod_acl(struct tree_op *op, struct inode *i)
{
	_cleanup_buf_ struct buf acl = BUF_INIT;
	int r;

	if (!i->sets[SET_XATTRS].count)
		return 0;
	r = xattr_get_in(op->b, i, XATTR_ACL_ACCESS, &acl);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	r = acl_chmod(&acl, i->mode);
	return r < 0 ? r : xattr_put_in(op->b, i, XATTR_ACL_ACCESS, acl.data, acl.len);
}

static int setattr_in(struct tree_op *op, uint64_t ino, const struct stat *st, unsigned what, struct inode *i)
{
	int r;

	r = inode_get_in(op->b, ino, i);
	if (r < 0)
		return r;
	set_attributes(op, i, st, what);
	if (is_chown(what) || what & TREE_KILL_SUIDGID) {
		r = drop_capability(op, i);
		if (r < 0)
			return r;
	}
	if (what & TREE_SET_MODE) {
		r = chmod_acl(op, i);
		if (r < 0)
			return r;
	}
	inode_put(op->b, i);
	batch_note(op->b, ino, EVENT_ATTR);
	return 0;
}

static bool is_sound_time(struct timespec t)
{
	return t.tv_nsec >= 0 && t.tv_nsec < 1000000000;
}

int tree_setattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const struct stat *st,
		 unsigned what, struct inode *ret_i)
{
	struct tree_op op;
	struct inode i;
	int r;

	if ((what & TREE_SET_ATIME && !is_sound_time(st->st_atim)) ||
	    (what & TREE_SET_MTIME && !is_sound_time(st->st_mtim)) ||
	    (what & TREE_SET_CTIME && !is_sound_time(st->st_ctim)))
		return -EINVAL;
	r = op_begin(&op, c, rq, false);
	if (r < 0)
		return r;
	r = op_end(&op, setattr_in(&op, ino, st, what, &i), ino);
	if (r >= 0)
		*ret_i = i;
	return r;
}

static int note_use_in(struct tree_op *op, uint64_t ino, struct timespec now, int64_t step_s, bool hidden,
		       struct inode *i)
{
	int r = inode_get_in(op->b, ino, i);

	if (r < 0 || i->flags & INODE_ORPHAN)
		return r < 0 ? r : -ENOENT;
	if (inode_last_use_s(i) > now.tv_sec - step_s || now.tv_sec <= 0)
		return -EALREADY;
	i->used_s = hidden ? (uint64_t)now.tv_sec : 0;
	if (!hidden)
		i->atime = now;
	inode_put(op->b, i);
	if (!hidden)
		batch_note(op->b, ino, EVENT_ATTR);
	return 1;
}

int tree_note_use(struct catalog *c, uint64_t ino, struct timespec now, int64_t step_s, bool hidden, struct inode *ret_i)
{
	struct tree_op op;
	struct inode i;
	int r = inode_get(c, ino, &i);

	/* Mostly there is nothing to write. */
	if (r < 0 || inode_last_use_s(&i) > now.tv_sec - step_s)
		return MIN(r, 0);
	/* Also on a full disk: retention would delete what is in use. */
	r = op_begin(&op, c, NULL, true);
	if (r < 0)
		return r;
	r = op_end(&op, note_use_in(&op, ino, now, step_s, hidden, &i), ino);
	if (r < 0)
		return r == -EALREADY ? 0 : r;
	*ret_i = i;
	return 1;
}
