/* SPDX-License-Identifier: MIT */
/* libfuse's session over a descriptor that the keeper has mounted.
 *
 * libfuse 3.14 does not know all flags that we want. Its answer to INIT passes through
 * session_writev(), which is the first thing that it writes, and is corrected there. A server that
 * takes over shows libfuse the INIT that its predecessor has answered, and keeps the answer from the
 * kernel, which is long past it; then it asks for what was under way to be sent again. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/fs_impl.h"
#include "fs/ops/ops.h"

/* A request that two servers have died of is not tried on a third. */
#define CRASHES_MAX 2u

__thread struct request current_request;

void *request_space(void)
{
	if (!current_request.space)
		current_request.space = malloc(FS_MAX_WRITE);
	return current_request.space;
}

void request_thread_done(void)
{
	free(current_request.space);
	current_request.space = NULL;
}

static void correct_init(struct fs *fs, struct fuse_init_out *out)
{
	uint64_t wanted = fs->init_flags & (FUSE_HANDLE_KILLPRIV_V2 | FUSE_HAS_RESEND_FLAG);

	out->flags &= ~(uint32_t)(FUSE_HANDLE_KILLPRIV | FUSE_AUTO_INVAL_DATA | FUSE_WRITEBACK_CACHE |
				  FUSE_POSIX_ACL | FUSE_DONT_MASK);
	out->flags |= (uint32_t)wanted;
	if (fs->init_flags & FUSE_INIT_EXT) {
		out->flags |= FUSE_INIT_EXT;
		out->flags2 |= (uint32_t)(wanted >> 32);
	}
}

static ssize_t session_writev(int fd, struct iovec *iov, int count, void *context)
{
	struct fs *fs = context;
	const struct fuse_out_header *header = iov[0].iov_base;

	if (header->unique && fs->swallow_init_reply) {
		fs->swallow_init_reply = false;
		return (ssize_t)header->len;
	}
	if (header->unique && !atomic_load_explicit(&fs->running, memory_order_relaxed) && count == 2 &&
	    iov[1].iov_len >= sizeof(struct fuse_init_out) && header->error == 0) {
		correct_init(fs, iov[1].iov_base);
		atomic_store(&fs->running, true);
	}
	if (header->unique)
		running_end(fs->shared, header->unique & ~FUSE_UNIQUE_RESEND_BIT);
	return writev(fd, iov, count);
}

/* The dispatcher reads the device itself; libfuse wants to see the function all the same. */
static ssize_t session_read(int fd, void *data, size_t len, void *context)
{
	return read(fd, data, len);
}

static const struct fuse_custom_io session_io = { .read = session_read, .writev = session_writev };

int session_new(struct fs *fs)
{
	char name[] = "brainy";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int fd, r;

	fs->session = fuse_session_new(&args, &ops_table, sizeof(ops_table), fs);
	if (!fs->session)
		return -ENOMEM;
	/* The session closes the one it is given. */
	fd = fcntl(fs->config.fuse_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	r = fuse_session_custom_io(fs->session, &session_io, fd);
	if (r < 0)
		(void) close(fd);
	return r;
}

void session_free(struct fs *fs)
{
	if (fs->session)
		fuse_session_destroy(fs->session);
	fs->session = NULL;
}

static void remember_flags(struct fs *fs, const void *request, size_t len)
{
	const struct fuse_in_header *in = request;
	const struct fuse_init_in *init = (const void *)(in + 1);

	if (len < sizeof(*in) + offsetof(struct fuse_init_in, flags2))
		return;
	fs->init_flags = init->flags;
	if (init->flags & FUSE_INIT_EXT && len >= sizeof(*in) + sizeof(*init))
		fs->init_flags |= (uint64_t)init->flags2 << 32;
}

void session_save_init(struct fs *fs, const void *request, size_t len)
{
	remember_flags(fs, request, len);
	if (len > SHARED_INIT_MAX)
		return;
	memcpy(fs->shared->init, request, len);
	fs->shared->header.init_len = (uint32_t)len;
}

int session_resume(struct fs *fs)
{
	struct fuse_out_header resend = { .len = sizeof(resend), .error = FUSE_NOTIFY_RESEND_CODE };
	uint8_t init[SHARED_INIT_MAX];
	size_t len = fs->shared->header.init_len;

	memcpy(init, fs->shared->init, len);
	remember_flags(fs, init, len);
	if (!(fs->init_flags & FUSE_HAS_RESEND_FLAG))
		return -EOPNOTSUPP;
	running_recover(fs->shared);
	fs->swallow_init_reply = true;
	session_process(fs, init, len, false);
	atomic_store(&fs->running, true);
	return write(fs->config.fuse_fd, &resend, sizeof(resend)) < 0 ? -errno : 0;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
	       opcode != FUSE_NOTIFY_REPLY && opcode != FUSE_INIT;
}

static void refuse(struct fs *fs, const struct fuse_in_header *in)
{
	struct fuse_out_header reply = { .len = sizeof(reply), .error = -EIO, .unique = in->unique };

	running_end(fs->shared, in->unique & ~FUSE_UNIQUE_RESEND_BIT);
	(void) !write(fs->config.fuse_fd, &reply, sizeof(reply));
}

void session_process(struct fs *fs, void *request, size_t len, bool may_wait)
{
	struct fuse_in_header *in = request;
	struct fuse_buf buf = { .size = len, .mem = request };
	uint64_t unique = in->unique & ~FUSE_UNIQUE_RESEND_BIT;

	if (is_answered(in->opcode) && running_begin(fs->shared, unique, in->opcode) >= CRASHES_MAX) {
		refuse(fs, in);
		return;
	}
	current_request.header = in;
	current_request.may_wait = may_wait;
	current_request.tmpfile = in->opcode == FUSE_TMPFILE;
	if (current_request.tmpfile)
		in->opcode = FUSE_CREATE;
	fuse_session_process_buf(fs->session, &buf);
	current_request.header = NULL;
}
