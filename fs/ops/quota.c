/* SPDX-License-Identifier: MIT */
/* user.brainy.quota-bytes and user.brainy.quota-inodes of a directory are limits, which root and the owner of
 * the mount set. The others tell what counts: to these two only, since it says something of files that not
 * everybody may see. (What df(1) says in there, everybody learns.) */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "catalog/quota.h"
#include "fs/ops/ops.h"
#include "fs/reclaimer.h"

static const char *const names[] = { "quota-bytes", "quota-inodes", "quota-used-bytes", "quota-used-inodes",
				     "quota-state" };
enum { LIMIT_BYTES, LIMIT_INODES, USED_BYTES, USED_INODES, STATE };

static size_t index_of(const char *ours)
{
	size_t n = 0;

	while (n < ARRAY_SIZE(names) && strcmp(ours, names[n]) != 0)
		n++;
	return n;
}

bool quota_is_xattr(const char *ours)
{
	return index_of(ours) < ARRAY_SIZE(names);
}

static bool is_master(fuse_req_t req)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	return uid == 0 || uid == ops_fs(req)->config.owner_uid;
}

/* ---- setting */

/* How many times 1024: 0 for none, -1 for another letter. */
static int unit_of(char letter)
{
	static const char units[] = "KMGTP";
	const char *at = letter ? strchr(units, letter) : NULL;

	return at ? (int)(at - units) + 1 : -1;
}

/* Decimal digits, for bytes perhaps with K, M, G, T or P for powers of 1024. */
static int parse_limit(const char *text, size_t len, bool units, uint64_t *ret_limit)
{
	int shift = len > 1 && units ? 10 * unit_of(text[len - 1]) : 0;
	uint64_t limit = 0;

	if (shift > 0)
		len--;
	if (len == 0 || len > 19)
		return -EINVAL;
	for (size_t n = 0; n < len; n++) {
		if (text[n] < '0' || text[n] > '9')
			return -EINVAL;
		limit = limit * 10 + (uint64_t)(text[n] - '0');
	}
	if (limit == 0 || limit > QUOTA_LIMIT_MAX >> MAX(shift, 0))
		return -EINVAL;
	*ret_limit = limit << MAX(shift, 0);
	return 0;
}

static int set_limit(fuse_req_t req, uint64_t ino, size_t which, uint64_t limit)
{
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	bool walk;
	int r = limit && fs->config.need_quotas ? fs->config.need_quotas(fs->config.context) : 0;

	if (r == 0)
		r = quota_set(fs->config.catalog, &rq, ino, which == LIMIT_BYTES ? QUOTA_BYTES : QUOTA_INODES,
			      limit, &walk);
	if (r == 0 && walk)
		reclaimer_walk_quotas(fs->reclaimer);
	return r;
}

void quota_set_xattr(fuse_req_t req, fuse_ino_t ino, const char *ours, const char *value, size_t size)
{
	size_t which = index_of(ours);
	uint64_t limit = 0;
	int r = which > LIMIT_INODES || !is_master(req) ? -EPERM : 0;

	if (r == 0 && value)
		r = parse_limit(value, size, which == LIMIT_BYTES, &limit);
	if (r == 0 && ops_replayed(req))
		return;
	ops_reply_status(req, r < 0 ? r : set_limit(req, ino, which, limit));
}

/* ---- asking */

static int add_number(struct buf *value, uint64_t n)
{
	return buf_addf(value, "%llu", (unsigned long long)n);
}

static int add_limit(struct buf *value, uint64_t limit)
{
	return limit ? add_number(value, limit) : -ENODATA;
}

int quota_get_xattr(fuse_req_t req, uint64_t ino, const char *ours, struct buf *ret_value)
{
	size_t which = index_of(ours);
	struct quota q;
	int r = quota_get(ops_fs(req)->config.catalog, ino, &q);

	if (r < 0)
		return r;
	if (which > LIMIT_INODES && !is_master(req))
		return -ENODATA;
	switch (which) {
	case LIMIT_BYTES:
		return add_limit(ret_value, q.limit_bytes);
	case LIMIT_INODES:
		return add_limit(ret_value, q.limit_inodes);
	case USED_BYTES:
		return add_number(ret_value, q.bytes);
	case USED_INODES:
		return add_number(ret_value, q.inodes);
	default:
		return buf_add_str(ret_value, q.state == QUOTA_ADOPTING ? "counting" : "exact");
	}
}

/* ---- full: what was deleted may still count */

bool quota_made_room(struct fs *fs, int64_t r)
{
	return r == -EDQUOT && reclaimer_help(fs->reclaimer);
}

/* ---- df */

static uint64_t left(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

void quota_limit_statfs(struct fs *fs, uint64_t ino, struct statvfs *v)
{
	struct quota_room room;
	struct inode i;

	if (is_virtual(ino) || attr_get(fs, ino, &i) < 0 || !i.quota ||
	    quota_get_room(fs->config.catalog, i.quota, &room) < 0)
		return;
	if (room.bytes.limit) {
		v->f_blocks = room.bytes.limit / v->f_frsize;
		v->f_bfree = left(room.bytes.limit, room.bytes.used) / v->f_frsize;
		v->f_bavail = MIN(v->f_bavail, v->f_bfree);
	}
	if (room.inodes.limit) {
		v->f_files = room.inodes.limit;
		v->f_ffree = left(room.inodes.limit, room.inodes.used);
		v->f_favail = MIN(v->f_favail, v->f_ffree);
	}
}
