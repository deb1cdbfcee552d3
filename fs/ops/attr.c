/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "fs/departed.h"
#include "fs/ops/ops.h"
#include "fs/virtual/virtual.h"

#define BLOCK 4096u
/* What df -i shows as free: numbers are never reused and never run out, room for records does. */
#define BYTES_PER_INODE 1024u

int attr_get(struct fs *fs, uint64_t ino, struct inode *ret_i)
{
	int r = inode_get(fs->config.catalog, ino, ret_i);

	return r == -ENOENT ? departed_get(fs->departed, ino, ret_i) : r;
}

void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct inode i;
	int r;

	if (is_virtual(ino)) {
		virtual_getattr(req, ino);
		return;
	}
	r = attr_get(ops_fs(req), ino, &i);
	if (r == 0)
		ops_show(ops_fs(req), ino);
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_attr(req, &i);
}

static unsigned tree_bits(int what)
{
	return (what & FUSE_SET_ATTR_MODE ? TREE_SET_MODE : 0) |
	       (what & FUSE_SET_ATTR_UID ? TREE_SET_UID : 0) | (what & FUSE_SET_ATTR_GID ? TREE_SET_GID : 0) |
	       (what & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW) ? TREE_SET_ATIME : 0) |
	       (what & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW) ? TREE_SET_MTIME : 0) |
	       (what & FUSE_SET_ATTR_CTIME ? TREE_SET_CTIME : 0);
}

static void fill_now(struct stat *st, int what)
{
	if (what & FUSE_SET_ATTR_ATIME_NOW)
		(void) clock_gettime(CLOCK_REALTIME, &st->st_atim);
	if (what & FUSE_SET_ATTR_MTIME_NOW)
		(void) clock_gettime(CLOCK_REALTIME, &st->st_mtim);
}

static int set_size(fuse_req_t req, struct tree_request *rq, uint64_t ino, const struct stat *st, int what,
		    const struct fuse_file_info *fi, struct inode *ret_i)
{
	struct fs *fs = ops_fs(req);
	bool kills = what & FUSE_SET_ATTR_KILL_SUID;
	int r;

	if (fi)
		(void) handles_wrote(fs->handles, fi->fh, false);
	if (kills)
		ops_ask_group(req, rq, ino);
	r = file_truncate(fs->config.files, rq, ino, (uint64_t)st->st_size, kills, ret_i);
	if (r == 0 && !fi && fs->config.index)
		index_file_closed(fs->config.index, ino);
	return r;
}

void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req), silent = rq;
	bool size = what & FUSE_SET_ATTR_SIZE, others = tree_bits(what) != 0;
	struct inode i;
	int r = 0;

	if (is_virtual(ino)) {
		virtual_setattr(req, ino, st, what, fi);
		return;
	}
	if (ops_replayed(req))
		return;
	silent.reply.unique = 0; /* the last batch remembers the answer */
	fill_now(st, what);
	/* A time that a program sets stays, also when it opened the file to set it. */
	if (what & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
		handles_forget_use(fs->handles, ino);
	if (size)
		r = set_size(req, others ? &silent : &rq, ino, st, what, fi, &i);
	if (r == 0 && (others || !size))
		r = tree_setattr(fs->config.catalog, &rq, ino, st, tree_bits(what), &i);
	if (r < 0)
		ops_reply_status(req, ops_stale(r));
	else
		ops_reply_attr(req, &i);
}

void ops_readlink(fuse_req_t req, fuse_ino_t ino)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	int r;

	if (is_virtual(ino)) {
		virtual_readlink(req, ino);
		return;
	}
	r = tree_readlink(ops_fs(req)->config.catalog, ino, &target);
	if (r == 0 && !buf_cstr(&target))
		r = -ENOMEM;
	if (r < 0)
		ops_reply_status(req, ops_stale(r));
	else
		(void) fuse_reply_readlink(req, (const char *)target.data);
}

void ops_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = ops_fs(req);
	struct statvfs v = { .f_bsize = BLOCK, .f_frsize = BLOCK, .f_namemax = TREE_NAME_MAX };
	struct files_stats bytes;
	struct tree_stats count;

	files_get_stats(fs->config.files, &bytes);
	(void) tree_get_stats(fs->config.catalog, &count);
	v.f_bavail = bytes.free_bytes / BLOCK;
	v.f_bfree = v.f_bavail + bytes.withheld_bytes / BLOCK;
	v.f_blocks = bytes.total_bytes / BLOCK;
	v.f_ffree = v.f_favail = bytes.free_bytes / BYTES_PER_INODE + 1;
	v.f_files = v.f_ffree + count.files + count.directories + count.others;
	quota_limit_statfs(fs, ino, &v);
	(void) fuse_reply_statfs(req, &v);
}
