/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fs/fetched.h"
#include "fs/ops/ops.h"
#include "fs/pushed.h"
#include "fs/syncs.h"
#include "fs/virtual/virtual.h"
#include "fs/workers.h"

struct read_job {
	struct job job;
	fuse_req_t req;
	uint64_t ino;
	size_t size;
	uint64_t offset;
	uint64_t unique;
};

/* Returns -EAGAIN, without a reply, when it would have to wait for more. */
static int read_now(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset, enum tier_wait wait)
{
	void *space = request_space();
	ssize_t n = -ENOMEM;

	if (space)
		n = size > FS_MAX_WRITE
			    ? -EINVAL
			    : file_read(ops_fs(req)->config.files, ino, offset, space, size, wait);
	if (n == -EAGAIN)
		return -EAGAIN;
	if (n == -EIO && wait == TIER_WAIT && atomic_load(&ops_fs(req)->ending))
		fuse_reply_none(req);
	else if (n < 0)
		ops_reply_status(req, (int)n);
	else
		(void) fuse_reply_buf(req, space, (size_t)n);
	return 0;
}

static void read_cold(struct job *base)
{
	struct read_job *job = (struct read_job *)base;

	(void) read_now(job->req, job->ino, job->size, job->offset, TIER_WAIT);
	free(job);
}

/* What must come from the bucket has threads of its own: nobody waits behind it for what is here. */
static void read_later(struct job *base)
{
	struct read_job *job = (struct read_job *)base;

	if (read_now(job->req, job->ino, job->size, job->offset, TIER_LOCAL) == 0) {
		free(job);
		return;
	}
	/* It may wait for long, which is no hang. */
	running_set_active(ops_fs(job->req)->shared, job->unique, false);
	job->job.run = read_cold;
	workers_add(ops_fs(job->req)->recall, &job->job);
}

static void note_fetch(struct fs *fs, uint64_t ino, uint64_t offset)
{
	fetched_note(fs->fetched, ino);
	if (offset == 0)
		pushed_note_read(fs->pushed, ino);
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct read_job *job;

	if (is_virtual(ino)) {
		virtual_read(req, ino, size, (uint64_t)offset, fi);
		return;
	}
	if (!(fi->flags & O_DIRECT))
		note_fetch(ops_fs(req), ino, (uint64_t)offset);
	if (read_now(req, ino, size, (uint64_t)offset, current_request.may_wait ? TIER_WAIT : TIER_AT_ONCE) ==
	    0)
		return;
	job = malloc(sizeof(*job));
	if (!job) {
		ops_reply_status(req, -ENOMEM);
		return;
	}
	*job = (struct read_job){ { .run = read_later }, req, ino, size, (uint64_t)offset, request_unique() };
	workers_add(ops_fs(req)->io, &job->job);
}

void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	if (is_virtual(ino))
		ops_reply_status(req, 0);
	else
		syncs_add(ops_fs(req)->syncs, req, 0);
}

/* The kernel does not say whether the caller may keep suid here, nor when it copies: only root may. */
void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len,
		   struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	int r;

	if (is_virtual(ino)) {
		ops_reply_status(req, -EACCES);
		return;
	}
	if (ops_replayed(req))
		return;
	(void) handles_wrote(fs->handles, fi->fh, false);
	ops_ask_group(req, &rq, ino);
	do
		r = file_allocate(fs->config.files, &rq, ino, mode, (uint64_t)offset, (uint64_t)len,
				  rq.uid != 0);
	while (quota_made_room(fs, r));
	ops_tell_killed(req, &rq, ino);
	ops_reply_status(req, r);
}

void ops_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	uint64_t found = 0;
	int r = is_virtual(ino) ? -EINVAL
				: file_seek(ops_fs(req)->config.files, ino, (uint64_t)offset, whence, &found);

	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_lseek(req, (off_t)found);
}

void ops_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_fi,
			 fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_fi, size_t len, int flags)
{
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	ssize_t n;

	if (is_virtual(from) || is_virtual(to)) {
		ops_reply_status(req, -EOPNOTSUPP); /* the kernel then copies by reading and writing */
		return;
	}
	if (ops_replayed(req))
		return;
	(void) handles_wrote(fs->handles, to_fi->fh, false);
	ops_ask_group(req, &rq, to);
	do
		n = file_copy_range(fs->config.files, &rq, from, (uint64_t)from_offset, to,
				    (uint64_t)to_offset, len, rq.uid != 0);
	while (quota_made_room(fs, n));
	ops_tell_killed(req, &rq, to);
	if (n < 0)
		ops_reply_status(req, (int)n);
	else
		(void) fuse_reply_write(req, (size_t)n);
}
