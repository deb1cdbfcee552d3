/* SPDX-License-Identifier: MIT */
/* The frame of every operation on the namespace. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/tree_impl.h"

int op_begin(struct tree_op *op, struct catalog *c, struct tree_request *rq, bool reserve)
{
	*op = (struct tree_op){ .c = c, .rq = rq };
	(void) clock_gettime(CLOCK_REALTIME, &op->now);
	return catalog_begin(c, reserve, &op->b);
}

static void add_reply(struct tree_op *op, uint64_t ino)
{
	struct reply_record reply;

	if (!op->rq || !op->rq->reply.unique)
		return;
	reply = op->rq->reply;
	reply.status = 0;
	reply.ino = ino;
	batch_reply(op->b, &reply);
}

int op_end(struct tree_op *op, int r, uint64_t ino)
{
	uint64_t lsn;

	if (r >= 0)
		r = stats_change(op->b, &op->stats);
	if (r < 0) {
		(void) batch_abort(op->b);
		return r;
	}
	add_reply(op, ino);
	r = batch_commit(op->b, &lsn);
	if (r >= 0 && op->rq)
		op->rq->lsn = lsn;
	return r;
}

void op_put_with_xattrs(struct tree_op *op, struct inode *i)
{
	i->ctime = op->now;
	batch_note(op->b, i->ino, EVENT_XATTR);
	inode_put(op->b, i);
}

int dir_check(struct catalog *c, uint64_t dir)
{
	struct inode i;
	int r;

	if (set_is_checked(c, dir, SET_ENTRIES))
		return 0;
	r = inode_get(c, dir, &i);
	if (r < 0)
		return r;
	if (!S_ISDIR(i.mode))
		return -ENOTDIR;
	return inode_check_set(c, &i, SET_ENTRIES);
}

int dir_get_in(struct tree_op *op, uint64_t dir, struct inode *ret_i)
{
	int r = inode_get_in(op->b, dir, ret_i);

	if (r < 0)
		return r;
	if (!S_ISDIR(ret_i->mode))
		return -ENOTDIR;
	return ret_i->nlink ? 0 : -ENOENT;
}

int entry_get_in(struct tree_op *op, uint64_t ino, struct inode *ret_i)
{
	int r = inode_get_in(op->b, ino, ret_i);

	return r == -ENOENT ? -EBADMSG : r;
}

void dir_touch(struct tree_op *op, struct inode *dir)
{
	dir->mtime = dir->ctime = op->now;
}

struct batch *tree_hold(struct catalog *c)
{
	struct batch *hold;

	/* Where no batch can begin, nothing changes either. */
	return catalog_begin(c, true, &hold) < 0 ? NULL : hold;
}

void tree_release(struct batch *hold)
{
	if (hold)
		(void) batch_abort(hold);
}

void stats_count(struct stats_delta *stats, uint32_t mode, int sign)
{
	if (S_ISREG(mode))
		stats->files += sign;
	else if (S_ISDIR(mode))
		stats->directories += sign;
	else
		stats->others += sign;
}
