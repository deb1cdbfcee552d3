/* SPDX-License-Identifier: MIT */
#include "catalog/quota.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/quota_impl.h"

#define QUOTA_VERSION 1
#define QUOTA_RECORD_MAX (2 + 5 * VARINT_MAX)
/* A chain may become longer than QUOTA_NESTED_MAX when quotas come in between; one of this length is a ring. */
#define CHAIN_MAX (QUOTA_NESTED_MAX * QUOTA_NESTED_MAX)

/* ---- records */

struct key quota_key(uint64_t dir)
{
	return key_u64(key_start('U'), dir);
}

int quota_decode(uint64_t dir, const void *value, size_t len, struct quota *ret_q)
{
	struct reader r = reader_over(value, len);
	struct quota q = { .dir = dir };
	uint8_t version = reader_u8(&r), state = reader_u8(&r);

	q.state = state;
	q.parent = reader_varint(&r);
	q.limit_bytes = reader_varint(&r);
	q.limit_inodes = reader_varint(&r);
	q.bytes = reader_varint(&r);
	q.inodes = reader_varint(&r);
	if (r.bad || reader_left(&r) || version != QUOTA_VERSION || state > QUOTA_RELEASED)
		return -EBADMSG;
	*ret_q = q;
	return 0;
}

static int decode(uint64_t dir, int r, const struct buf *value, struct quota *ret_q)
{
	return r < 0 ? r : quota_decode(dir, value->data, value->len, ret_q);
}

int quota_get_in(struct batch *b, uint64_t dir, struct quota *ret_q)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = quota_key(dir);

	return decode(dir, batch_get(b, key.bytes, key.len, &value), &value, ret_q);
}

/* As of before any batch that is under way. */
static int get_committed(struct catalog *c, uint64_t dir, struct quota *ret_q)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = quota_key(dir);

	return decode(dir, catalog_get(c, key.bytes, key.len, &value), &value, ret_q);
}

int quota_get(struct catalog *c, uint64_t dir, struct quota *ret_q)
{
	int r = get_committed(c, dir, ret_q);

	if (r == 0 && (ret_q->state == QUOTA_RELEASING || ret_q->state == QUOTA_RELEASED))
		r = -ENODATA;
	return r == -ENOENT ? -ENODATA : r;
}

void quota_put(struct batch *b, const struct quota *q)
{
	uint8_t value[QUOTA_RECORD_MAX], *at = value;
	struct key key = quota_key(q->dir);

	at = put_u8(at, QUOTA_VERSION);
	at = put_u8(at, (uint8_t)q->state);
	at = put_varint(at, q->parent);
	at = put_varint(at, q->limit_bytes);
	at = put_varint(at, q->limit_inodes);
	at = put_varint(at, q->bytes);
	at = put_varint(at, q->inodes);
	batch_put(b, key.bytes, key.len, value, (size_t)(at - value));
}

static void quota_remove(struct batch *b, uint64_t dir)
{
	struct key key = quota_key(dir);

	batch_remove(b, key.bytes, key.len);
}

/* ---- counting */

struct limited {
	uint64_t used, limit;
	int64_t delta;
};

static bool is_passed(const struct limited *l)
{
	return l->delta > 0 && l->limit && l->used > l->limit;
}

/* A limit may have been passed before, when it was set; what a batch frees it may use again. */
static int check_limits(struct batch *b, const struct quota *q, int64_t bytes, int64_t inodes)
{
	const struct limited of_bytes = { q->bytes, q->limit_bytes, bytes };
	const struct limited of_inodes = { q->inodes, q->limit_inodes, inodes };
	struct quota before = { 0 };
	int r;

	if (!is_passed(&of_bytes) && !is_passed(&of_inodes))
		return 0;
	r = get_committed(batch_catalog(b), q->dir, &before);
	if (r < 0 && r != -ENOENT)
		return r;
	return (is_passed(&of_bytes) && q->bytes > before.bytes) ||
	       (is_passed(&of_inodes) && q->inodes > before.inodes) ? -EDQUOT : 0;
}

/* Less than nothing would be an account that was wrong before: then it stays at nothing, and fsck says so. */
static uint64_t plus(uint64_t v, int64_t delta)
{
	return delta < 0 && (uint64_t)-delta > v ? 0 : (uint64_t)((int64_t)v + delta);
}

static int charge(struct batch *b, uint64_t quota, int64_t bytes, int64_t inodes, bool limited)
{
	struct quota q;
	int r;

	if (!bytes && !inodes)
		return 0;
	for (unsigned n = 0; quota; quota = q.parent, n++) {
		r = n == CHAIN_MAX ? -EBADMSG : quota_get_in(b, quota, &q);
		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
		q.bytes = plus(q.bytes, bytes);
		q.inodes = plus(q.inodes, inodes);
		r = limited ? check_limits(b, &q, bytes, inodes) : 0;
		if (r < 0)
			return r;
		if (q.inodes == 0)
			quota_remove(b, quota);
		else
			quota_put(b, &q);
	}
	return 0;
}

int quota_charge(struct batch *b, uint64_t quota, int64_t bytes, int64_t inodes)
{
	return charge(b, quota, bytes, inodes, true);
}

int quota_move(struct batch *b, struct inode *i, uint64_t quota)
{
	int r = charge(b, quota, (int64_t)i->bytes, 1, false);

	if (r >= 0)
		r = charge(b, i->quota, -(int64_t)i->bytes, -1, false);
	i->quota = quota;
	return r;
}

int quota_move_all(struct batch *b, struct quota *q, uint64_t parent)
{
	int r = charge(b, parent, (int64_t)q->bytes, (int64_t)q->inodes, false);

	if (r >= 0)
		r = charge(b, q->parent, -(int64_t)q->bytes, -(int64_t)q->inodes, false);
	q->parent = parent;
	return r;
}

/* ---- names */

int quota_around(struct batch *b, const struct inode *i, uint64_t *ret_quota)
{
	struct quota q;
	int r;

	*ret_quota = i->quota;
	if (!i->quota || !quota_is_own(i))
		return 0;
	r = quota_get_in(b, i->ino, &q);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	*ret_quota = q.parent;
	return 0;
}

int quota_check_name(struct batch *b, const struct inode *i, const struct inode *dir)
{
	uint64_t around;
	int r = quota_around(b, i, &around);

	if (r < 0)
		return r;
	return around == dir->quota ? 0 : -EXDEV;
}

int quota_settle_name(struct batch *b, struct inode *i, const struct inode *dir)
{
	int r = quota_check_name(b, i, dir);

	if (r != -EXDEV)
		return r;
	return S_ISDIR(i->mode) ? -EBUSY : quota_move(b, i, dir->quota);
}

/* ---- setting */

int quota_begin_in(struct batch *b, struct quota *q, struct inode *i)
{
	bool own = quota_is_own(i);
	int r;

	if (q->state == QUOTA_RELEASING && !own)
		return 0;
	if (q->state == QUOTA_ADOPTING && own)
		return 0;
	if (q->state == QUOTA_ADOPTING && q->parent != i->quota) {
		r = quota_move_all(b, q, i->quota);
		if (r < 0)
			return r;
	}
	quota_put(b, q);
	r = quota_move(b, i, q->state == QUOTA_ADOPTING ? q->dir : q->parent);
	if (r < 0)
		return r;
	inode_put(b, i);
	r = quota_get_in(b, q->dir, q);
	if (r == -ENOENT)
		q->inodes = 0;
	return r == -ENOENT ? 0 : r;
}

void quota_end_in(struct batch *b, struct quota *q)
{
	q->state = q->state == QUOTA_ADOPTING ? QUOTA_SETTLED : QUOTA_RELEASED;
	if (q->inodes)
		quota_put(b, q);
	else
		quota_remove(b, q->dir);
}

/* 0, -EMLINK. */
static int check_nesting(struct batch *b, uint64_t quota)
{
	struct quota q;
	unsigned n = 0;
	int r;

	for (; quota; quota = q.parent) {
		r = ++n == QUOTA_NESTED_MAX ? -EMLINK : quota_get_in(b, quota, &q);
		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
	}
	return 0;
}

/* The record with its new limit, and the state that follows from it. */
static int set_limit(struct batch *b, const struct inode *i, enum quota_limit which, uint64_t limit,
		     struct quota *ret_q)
{
	struct quota q = { .dir = i->ino, .parent = i->quota, .state = QUOTA_RELEASED };
	uint64_t *old = which == QUOTA_BYTES ? &q.limit_bytes : &q.limit_inodes;
	int r = quota_get_in(b, i->ino, &q);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!*old && !limit)
		return -ENODATA;
	*old = limit;
	if (!q.limit_bytes && !q.limit_inodes)
		q.state = QUOTA_RELEASING;
	else if (q.state == QUOTA_RELEASING || q.state == QUOTA_RELEASED)
		q.state = QUOTA_ADOPTING;
	*ret_q = q;
	return q.state == QUOTA_ADOPTING && !quota_is_own(i) ? check_nesting(b, i->quota) : 0;
}

static int set_in(struct tree_op *op, uint64_t dir, enum quota_limit which, uint64_t limit, bool *ret_walk)
{
	struct inode i;
	struct quota q;
	int r = dir_get_in(op, dir, &i);

	if (r >= 0)
		r = set_limit(op->b, &i, which, limit, &q);
	if (r < 0)
		return r;
	i.ctime = op->now;
	inode_put(op->b, &i);
	*ret_walk = q.state != QUOTA_SETTLED && i.sets[SET_ENTRIES].count > 0;
	if (q.state == QUOTA_SETTLED || *ret_walk) {
		quota_put(op->b, &q);
		return 0;
	}
	r = quota_begin_in(op->b, &q, &i);
	if (r >= 0)
		quota_end_in(op->b, &q);
	return r;
}

int quota_set(struct catalog *c, struct tree_request *rq, uint64_t dir, enum quota_limit which, uint64_t limit,
	      bool *ret_walk)
{
	struct tree_op op;
	int r = limit > QUOTA_LIMIT_MAX ? -EINVAL : dir_check(c, dir);

	if (r >= 0)
		r = op_begin(&op, c, rq, limit == 0);
	return r < 0 ? r : op_end(&op, set_in(&op, dir, which, limit, ret_walk), dir);
}

/* ---- asking */

static uint64_t left(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

int quota_get_room(struct catalog *c, uint64_t quota, struct quota_room *ret_room)
{
	struct quota_room room = { 0 };
	struct quota q;

	for (unsigned n = 0; quota; quota = q.parent, n++) {
		int r = n == CHAIN_MAX ? -EBADMSG : get_committed(c, quota, &q);

		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
		if (q.limit_bytes && (!room.bytes.limit ||
				      left(q.limit_bytes, q.bytes) < left(room.bytes.limit, room.bytes.used)))
			room.bytes.limit = q.limit_bytes, room.bytes.used = q.bytes;
		if (q.limit_inodes && (!room.inodes.limit ||
				       left(q.limit_inodes, q.inodes) < left(room.inodes.limit, room.inodes.used)))
			room.inodes.limit = q.limit_inodes, room.inodes.used = q.inodes;
	}
	*ret_room = room;
	return 0;
}
