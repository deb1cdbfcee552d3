/* SPDX-License-Identifier: MIT */
/* Lets a tree count for another quota, some names a batch.
 *
 * The walk goes from the directory down, and takes each entry that counts for `from` over to `to`: a directory first,
 * so that what is made in it from then on counts rightly, then its entries. What still counts for `from` therefore
 * hangs where the walk has not been, in front of it in the directory that it reads, or below such. Renames keep this:
 * between directories that count differently there are none, and within one a name that would jump over the walk is
 * taken over with it (quota_settle_name()).
 *
 * Nothing but the quota's state is stored: after a crash the walk begins anew, and passes over what it had done. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/quota_impl.h"
#include "catalog/walk.h"

#define STEP_NAMES 64u

struct quota_walk {
	struct catalog *c;       /* borrowed */
	uint64_t dir;            /* whose quota it is about; 0: none */
	enum quota_state state;  /* what it does */
	uint64_t from, to;
	struct buf directories;  /* numbers of those to read; the last is being read */
	uint64_t cookie;         /* of the last entry that was read there */
};

struct name {
	uint64_t ino, cookie;
};

int quota_walk_new(struct catalog *c, struct quota_walk **ret_w)
{
	struct quota_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->c = c;
	*ret_w = w;
	return 0;
}

struct quota_walk *quota_walk_free(struct quota_walk *w)
{
	if (w)
		buf_done(&w->directories);
	free(w);
	return NULL;
}

static bool is_unfinished(const struct quota *q)
{
	return q->state == QUOTA_ADOPTING || q->state == QUOTA_RELEASING;
}

/* 1: this is one. */
static int visit(void *context, const struct record *record)
{
	struct quota *q = context;
	int r;

	if (record->key_len != 9)
		return -EBADMSG;
	r = quota_decode(load_be64(record->key + 1), record->value, record->value_len, q);
	return r < 0 ? r : is_unfinished(q);
}

static int push(struct quota_walk *w, uint64_t dir)
{
	w->cookie = 0;
	return buf_add(&w->directories, &dir, sizeof(dir));
}

static uint64_t top(const struct quota_walk *w)
{
	uint64_t dir;

	memcpy(&dir, w->directories.data + w->directories.len - sizeof(dir), sizeof(dir));
	return dir;
}

static void leave(struct quota_walk *w)
{
	buf_reset(&w->directories);
	w->dir = 0;
}

/* ---- beginning and ending */

static int begin_in(struct quota_walk *w, struct tree_op *op, uint64_t dir)
{
	struct quota q;
	struct inode i;
	int r = quota_get_in(op->b, dir, &q);

	if (r < 0 || !is_unfinished(&q))
		return r == -ENOENT ? 0 : r;
	r = inode_get_in(op->b, dir, &i);
	if (r == -ENOENT) {
		quota_end_in(op->b, &q);
		return 0;
	}
	if (r >= 0)
		r = quota_begin_in(op->b, &q, &i);
	if (r < 0)
		return r;
	w->dir = dir;
	w->state = q.state;
	w->from = q.state == QUOTA_ADOPTING ? q.parent : dir;
	w->to = q.state == QUOTA_ADOPTING ? dir : q.parent;
	return push(w, dir);
}

static int begin(struct quota_walk *w, uint64_t dir)
{
	struct tree_op op;
	int r = op_begin(&op, w->c, NULL, true);

	if (r >= 0)
		r = op_end(&op, begin_in(w, &op, dir), 0);
	if (r < 0)
		leave(w);
	return r;
}

/* 1: the quota is as the walk found it. 0: somebody set it anew. */
static int is_same_in(struct quota_walk *w, struct batch *b, struct quota *ret_q)
{
	int r = quota_get_in(b, w->dir, ret_q);

	return r < 0 ? (r == -ENOENT ? 0 : r) : ret_q->state == w->state;
}

static int end(struct quota_walk *w)
{
	struct quota q;
	struct tree_op op;
	int r = op_begin(&op, w->c, NULL, true);

	if (r < 0)
		return r;
	r = is_same_in(w, op.b, &q);
	if (r > 0)
		quota_end_in(op.b, &q);
	r = op_end(&op, r, 0);
	leave(w);
	return r;
}

/* ---- the names of a directory */

/* A quota that lies in the one at hand. */
static int take_quota(struct quota_walk *w, struct batch *b, uint64_t dir)
{
	struct quota q;
	int r = quota_get_in(b, dir, &q);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (q.parent != w->from)
		return 0;
	r = quota_move_all(b, &q, w->to);
	if (r >= 0)
		quota_put(b, &q);
	return r;
}

/* 1: a directory to be read. */
static int take_inode(struct quota_walk *w, struct batch *b, uint64_t dir, const struct name *name)
{
	struct inode i;
	int r = inode_get_in(b, name->ino, &i);

	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = name_is_in(b, &i, dir, name->cookie);
	if (r <= 0)
		return r;
	if (S_ISDIR(i.mode) && quota_is_own(&i))
		return take_quota(w, b, i.ino);
	if (i.quota == w->from) {
		r = quota_move(b, &i, w->to);
		if (r < 0)
			return r;
		inode_put(b, &i);
	}
	return S_ISDIR(i.mode) && i.quota == w->to;
}

/* The directories among the names come to the front. Returns their number. */
static int take_names_in(struct quota_walk *w, struct batch *b, uint64_t dir, struct name *names, size_t n)
{
	struct quota q;
	int directories = 0, r = is_same_in(w, b, &q);

	if (r == 0)
		return -ESTALE;
	for (size_t k = 0; r >= 0 && k < n; k++) {
		r = take_inode(w, b, dir, &names[k]);
		if (r > 0)
			names[directories++] = names[k];
	}
	return r < 0 ? r : directories;
}

static int take_names(struct quota_walk *w, uint64_t dir, struct name *names, size_t n)
{
	uint64_t cookie = n ? names[n - 1].cookie : 0;
	struct tree_op op;
	int directories, r = op_begin(&op, w->c, NULL, true);

	if (r < 0)
		return r;
	directories = take_names_in(w, op.b, dir, names, n);
	r = op_end(&op, directories, 0);
	if (r < 0)
		return r;
	w->cookie = cookie;
	return directories;
}

/* Returns how many there are; 0 at the end, and of what is no directory of this quota any more. */
static int read_names(struct quota_walk *w, uint64_t dir, struct name *ret_names)
{
	struct tree_dir *d;
	struct tree_entry e = { .cookie = w->cookie };
	struct inode i;
	int n = 0, r = inode_get(w->c, dir, &i);

	if (r >= 0 && i.quota != w->to)
		return 0;
	if (r >= 0)
		r = tree_dir_open(w->c, dir, &d);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (n < (int)STEP_NAMES && (r = tree_dir_next(d, e.cookie, &e)) > 0)
		ret_names[n++] = (struct name){ e.ino, e.cookie };
	(void) tree_dir_close(d);
	return r < 0 ? r : n;
}

/* A directory is read to its end before those in it: their numbers wait below its own. */
static int keep_directories(struct quota_walk *w, uint64_t dir, const struct name *names, int n)
{
	int r = 0;

	if (!n)
		return 0;
	w->directories.len -= sizeof(dir);
	for (int k = 0; r >= 0 && k < n; k++)
		r = buf_add(&w->directories, &names[k].ino, sizeof(names[k].ino));
	return r < 0 ? r : buf_add(&w->directories, &dir, sizeof(dir));
}

static int read_directory(struct quota_walk *w)
{
	struct name names[STEP_NAMES];
	uint64_t dir = top(w);
	int r = read_names(w, dir, names);

	if (r == 0) {
		w->directories.len -= sizeof(dir);
		w->cookie = 0;
		return 0;
	}
	if (r > 0)
		r = take_names(w, dir, names, (size_t)r);
	return r < 0 ? r : keep_directories(w, dir, names, r);
}

int quota_walk_step(struct quota_walk *w)
{
	struct key prefix = key_start('U');
	struct quota q;
	int r;

	if (!w->dir) {
		r = records_foreach(w->c, &prefix, visit, &q);
		if (r > 0)
			r = begin(w, q.dir);
		else
			return r;
	} else if (w->directories.len) {
		r = read_directory(w);
	} else {
		r = end(w);
	}
	if (r < 0)
		leave(w);
	return r < 0 && r != -ESTALE ? r : 1;
}
