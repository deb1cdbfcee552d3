/* SPDX-License-Identifier: MIT */
/* Open files. RELEASE is the close event: nobody waits for it, but it stands in the kernel's queue before
 * whatever the program that closed asks for next, as long as fewer than max_background requests are under
 * way, and the dispatcher takes them in that order. So who asks after a close finds what was closed. FLUSH,
 * which close(2) would wait for, is turned off: by the replies to OPEN, and by ENOSYS where a kernel asks all
 * the same. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/last_use.h"
#include "fs/ops/ops.h"
#include "fs/pushed.h"
#include "fs/reclaimer.h"
#include "fs/virtual/view.h"

static void closed(struct fs *fs, uint64_t ino)
{
	if (fs->config.index)
		index_file_closed(fs->config.index, ino);
}

static int truncate_at_open(fuse_req_t req, uint64_t ino, uint32_t open_flags)
{
	struct tree_request rq = ops_request(req);
	struct fs *fs = ops_fs(req);
	struct inode i;
	int r;

	ops_ask_group(req, &rq, ino);
	r = file_truncate(fs->config.files, &rq, ino, 0, open_flags & FUSE_OPEN_KILL_SUIDGID, &i);
	ops_tell_killed(req, &rq, ino);
	return r;
}

static bool wants_bytes(const struct fuse_file_info *fi)
{
	return (fi->flags & (O_ACCMODE | O_DIRECT)) == O_RDONLY && !current_request.may_wait;
}

/* The handle comes first: whoever takes the last name away later sees it. An inode that had none left then,
 * and that nobody else has open, is being freed, unless that is to wait. */
static int open_existing(struct fs *fs, uint64_t ino, struct fuse_file_info *fi)
{
	bool others = handles_is_open(fs->handles, ino);
	struct inode i;
	int r = ops_open_handle(fs, ino, HANDLE_FILE, fi);

	if (r < 0 || request_is_resent())
		return r;
	r = inode_get(fs->config.catalog, ino, &i);
	if (r == -ENOENT ||
	    (r == 0 && i.flags & INODE_ORPHAN && !others && !reclaimer_lets_open(fs->reclaimer, ino))) {
		ops_forget_handle(fs, fi->fh);
		return -ESTALE;
	}
	if (r == 0 && !(fi->flags & O_NOATIME))
		file_note_use(fs->config.files, &i);
	/* Damage shows when it is read. */
	if (r == 0 && !others && wants_bytes(fi))
		pushed_at_open(fs, &i);
	return 0;
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct fuse_open_in *in = request_arguments();
	struct fs *fs = ops_fs(req);
	int r = 0;

	if (is_virtual(ino)) {
		virtual_open(req, ino, fi);
		return;
	}
	if (ops_replayed(req))
		return;
	/* Until the handle says that it is written to, nobody should take it for a file with nothing in it. */
	if (fi->flags & O_TRUNC) {
		atomic_store(&fs->emptying, ino);
		r = truncate_at_open(req, ino, in->open_flags);
	}
	if (fs->config.ignores && fs->config.ignores(fs->config.context, (int)fuse_req_ctx(req)->pid))
		fi->flags |= O_NOATIME;
	if (r == 0)
		r = open_existing(fs, ino, fi);
	if (r == 0 && fi->flags & O_TRUNC)
		(void) handles_wrote(fs->handles, fi->fh, false);
	atomic_store(&fs->emptying, 0);
	if (r < 0) {
		ops_reply_status(req, ops_stale(r));
		return;
	}
	ops_reply_open(req, fi);
}

/* Two programs may create the same name; the second one opens the file of the first. */
static int make_or_find(struct fs *fs, struct tree_request *rq, uint64_t dir, const char *name,
			const struct tree_make *what, int flags, struct inode *ret_i)
{
	int r = names_make(fs, rq, dir, name, what, ret_i);

	if (r == -EEXIST && !(flags & O_EXCL) && !what->unnamed)
		r = tree_lookup(fs->config.catalog, dir, name, ret_i);
	return r;
}

void ops_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	const struct tree_make what = { .mode = (mode & 07777) | S_IFREG, .umask = ops_umask(req),
					.unnamed = current_request.tmpfile };
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	struct inode i;
	int r;

	if (view_create(req, dir, name, mode, fi))
		return;
	r = names_check_new(dir, name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = make_or_find(fs, &rq, dir, name, &what, fi->flags, &i);
	if (r == 0)
		r = ops_open_handle(fs, i.ino, HANDLE_FILE, fi);
	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	/* Also an empty new file is a file that was written. */
	(void) handles_wrote(fs->handles, fi->fh, false);
	ops_reply_create(req, &i, fi);
}

static void released(struct fs *fs, const struct handle *was, bool last)
{
	bool count = !(was->flags & HANDLE_NOATIME);
	struct inode i;

	if (was->flags & HANDLE_WROTE) {
		pushed_forget(fs->pushed, was->ino);
		closed(fs, was->ino);
	}
	if ((!count && !last) || inode_get(fs->config.catalog, was->ino, &i) < 0)
		return;
	if (i.flags & INODE_ORPHAN && last)
		reclaimer_add(fs->reclaimer, i.ino);
	else if (count && !(i.flags & INODE_ORPHAN))
		last_use_note(fs, &i);
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct handle was;
	bool last;

	if (is_virtual(ino)) {
		virtual_release(req, ino, fi);
		return;
	}
	/* A release that is sent again finds its slot free. */
	if (handles_remove(fs->handles, fi->fh, &was, &last) == 0)
		released(fs, &was, last);
	ops_reply_status(req, 0);
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int r = ops_open_handle(ops_fs(req), ino, HANDLE_DIRECTORY, fi);

	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	fi->cache_readdir = !is_virtual(ino);
	ops_reply_open(req, fi);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle was;
	bool last;

	(void) handles_remove(ops_fs(req)->handles, fi->fh, &was, &last);
	ops_reply_status(req, 0);
}
