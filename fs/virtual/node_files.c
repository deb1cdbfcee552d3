/* SPDX-License-Identifier: MIT */
/* Open virtual files: answers, streams, the events, and the settings of saved searches. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/pushed.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_find.h"

/* Gives the kernel the bytes of a file that nobody has open: whoever reads it gets them from there, also when
 * another server has taken over, which knows nothing of it. */
static void hand_out(struct fs *fs, uint64_t ino)
{
	void *space = request_space();
	ssize_t n = space ? answers_read(fs->virtual->answers, ino, 0, space, FS_MAX_WRITE) : 0;

	if (n > 0)
		pushed_store(fs, ino, space, (size_t)n);
}

static int open_answer(struct fs *fs, uint64_t ino, struct fuse_file_info *fi)
{
	bool first;
	int r;

	if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC)
		return -EACCES; /* for root too */
	r = answers_open(fs->virtual->answers, ino);
	if (r < 0)
		return r;
	first = r;
	r = ops_open_handle(fs, ino, HANDLE_ANSWER, fi);
	if (r < 0)
		answers_close(fs->virtual->answers, ino);
	else if (first)
		hand_out(fs, ino);
	return r;
}

static int open_stream(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct caller opener;
	int r = caller_of(req, &opener);

	if (r < 0)
		return r;
	r = ops_open_handle(fs, ino, HANDLE_STREAM, fi);
	if (r == 0)
		r = streams_open(fs->virtual->streams, fi->fh, &opener);
	else
		caller_done(&opener);
	fi->direct_io = 1;
	fi->nonseekable = 1;
	return r;
}

void virtual_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	int r;

	if (view_is_control(ino)) {
		view_control_open(req, ino, fi);
		return;
	}
	r = virtual_check_user(req, ino);
	if (r == 0 && virtual_is_events(ino)) {
		events_open(req, ino, fi);
		return;
	}
	if (r == 0)
		r = virtual_is_stream(ino) ? open_stream(req, ino, fi) : open_answer(ops_fs(req), ino, fi);
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_open(req, fi);
}

void virtual_release(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct handle was;
	bool last;

	if (view_is_control(ino))
		view_control_close(fs, ino, fi->fh);
	if (handles_remove(fs->handles, fi->fh, &was, &last) == 0) {
		if (virtual_is_stream(ino))
			streams_close(fs->virtual->streams, fi->fh);
		else if (!view_is_control(ino) && !virtual_is_events(ino))
			answers_close(fs->virtual->answers, ino);
	}
	ops_reply_status(req, 0);
}

void virtual_read(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset, struct fuse_file_info *fi)
{
	struct virtual *v = ops_fs(req)->virtual;
	void *space = request_space();
	ssize_t n = -ENOMEM;

	if (view_is_control(ino)) {
		view_control_read(req, ino, size, offset);
		return;
	}
	if (virtual_is_events(ino)) {
		events_read(req, size, offset);
		return;
	}
	size = MIN(size, (size_t)FS_MAX_WRITE);
	if (space)
		n = virtual_is_stream(ino) ? streams_read(v->streams, fi->fh, space, size)
				   : answers_read(v->answers, ino, offset, space, size);
	if (n < 0)
		ops_reply_status(req, (int)n);
	else
		(void) fuse_reply_buf(req, space, (size_t)n);
}

void virtual_write(fuse_req_t req, uint64_t ino, const char *data, size_t size, struct fuse_file_info *fi)
{
	_cleanup_free_ char *line = NULL;
	int r;

	if (view_is_control(ino)) {
		view_control_write(req, ino, data, size, fi->fh);
		return;
	}
	r = -EACCES;
	if (virtual_is_stream(ino))
		r = streams_write(ops_fs(req)->virtual->streams, fi->fh, data, size, &line);

	if (r == -EINVAL && virtual_kind_of(ino) == VIRTUAL_ASK)
		errors_set(ops_fs(req)->virtual->errors, fuse_req_ctx(req)->uid,
			   strdup("a byte 0 stands for no character"));
	if (r < 0)
		ops_reply_status(req, r);
	else if (r == 0)
		(void) fuse_reply_write(req, size);
	else if (virtual_kind_of(ino) == VIRTUAL_ASK)
		ask_line(req, virtual_number_of(ino), line, fi->fh, size);
	else
		texts_command(req, line, fi->fh, size);
}
