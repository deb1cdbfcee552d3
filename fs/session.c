/* SPDX-License-Identifier: MIT */
/* libfuse's session over a descriptor that the keeper has mounted.
 *
 * libfuse 3.14 does not know all flags that we want. Its answer to INIT passes through
 * session_writev(), which is the first thing that it writes, and is corrected there. A server that
 * takes over shows libfuse the INIT that its predecessor has answered, and keeps the answer from the
 * kernel, which is long past it; then it asks for what was under way to be sent again. What the kernel
 * goes by stays what the first server has answered: a later program (an upgrade) that would answer more
 * does without, and one that would answer less cannot take over.
 *
 * FUSE_ALLOW_IDMAP is not among them: whoever answers it gets ids with requests that make inodes only, and
 * what others may see (virtual/caller.h) could no longer be told. */
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
	uint64_t wanted = fs->init_flags & (FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT |
					    FUSE_HAS_RESEND_FLAG | FUSE_DIRECT_IO_ALLOW_MMAP_FLAG);

	out->flags &= ~(uint32_t)(FUSE_HANDLE_KILLPRIV | FUSE_AUTO_INVAL_DATA | FUSE_WRITEBACK_CACHE);
	out->flags |= (uint32_t)wanted;
	if (fs->init_flags & FUSE_INIT_EXT) {
		out->flags |= FUSE_INIT_EXT;
		out->flags2 |= (uint32_t)(wanted >> 32);
	}
}

static uint64_t granted(const struct fuse_init_out *out)
{
	return out->flags | (out->flags & FUSE_INIT_EXT ? (uint64_t)out->flags2 << 32 : 0);
}

static bool is_init_reply(struct fs *fs, const struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov[0].iov_base;

	return !atomic_load_explicit(&fs->running, memory_order_relaxed) && header->unique && count == 2 &&
	       header->error == 0 && iov[1].iov_len >= sizeof(struct fuse_init_out);
}

/* A server that dies before the kernel has this answer is followed by one that sees INIT again. */
static ssize_t answer_init(struct fs *fs, int fd, struct iovec *iov, int count)
{
	struct shared_header *header = &fs->shared->header;
	struct fuse_init_out *out = iov[1].iov_base;
	ssize_t n;

	correct_init(fs, out);
	if (header->init_len == 0) {
		header->granted = granted(out);
		header->max_write = out->max_write;
		n = writev(fd, iov, count);
		if (n >= 0)
			header->init_len = fs->init_len;
	} else {
		n = header->granted & ~granted(out) || header->max_write > out->max_write
			    ? -1 : (ssize_t)((struct fuse_out_header *)iov[0].iov_base)->len;
		errno = EPROTO;
	}
	return n;
}

static ssize_t session_writev(int fd, struct iovec *iov, int count, void *context)
{
	struct fs *fs = context;
	const struct fuse_out_header *header = iov[0].iov_base;

	if (is_init_reply(fs, iov, count)) {
		ssize_t n = answer_init(fs, fd, iov, count);

		atomic_store(&fs->running, n >= 0);
		return n;
	}
	if (header->unique) {
		running_end(fs->shared, header->unique & ~FUSE_UNIQUE_RESEND_BIT);
		(void) __atomic_add_fetch(&fs->shared->header.answered, 1, __ATOMIC_RELAXED);
	}
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
	fuse_opt_free_args(&args);
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

void session_begin(struct fs *fs, void *request, size_t len)
{
	remember_flags(fs, request, len);
	if (len <= SHARED_INIT_MAX) {
		memcpy(fs->shared->init, request, len);
		fs->init_len = (uint32_t)len;
	}
	session_process(fs, request, len, false);
}

static int repeat_init(struct fs *fs)
{
	uint8_t init[SHARED_INIT_MAX];
	size_t len = fs->shared->header.init_len;

	memcpy(init, fs->shared->init, len);
	remember_flags(fs, init, len);
	if (!(fs->init_flags & FUSE_HAS_RESEND_FLAG))
		return -EOPNOTSUPP;
	session_process(fs, init, len, false);
	return atomic_load(&fs->running) ? 0 : -EPROTO;
}

int session_resume(struct fs *fs)
{
	struct fuse_out_header resend = { .len = sizeof(resend), .error = FUSE_NOTIFY_RESEND_CODE };
	int r = fs->shared->header.init_len ? repeat_init(fs) : 0;

	if (r < 0)
		return r;
	running_recover(fs->shared, fs->config.crashed);
	return write(fs->config.fuse_fd, &resend, sizeof(resend)) < 0 ? -errno : 0;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
	       opcode != FUSE_NOTIFY_REPLY && opcode != FUSE_INIT;
}

void session_reply(struct fs *fs, const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	struct fuse_out_header reply = { .len = (uint32_t)(sizeof(reply) + len),
					 .error = error,
					 .unique = in->unique };
	struct iovec pieces[] = { { &reply, sizeof(reply) }, { (void *)data, len } };

	running_end(fs->shared, in->unique & ~FUSE_UNIQUE_RESEND_BIT);
	(void) !writev(fs->config.fuse_fd, pieces, len ? 2 : 1);
}

/* Brings a SETXATTR of the longer form, which libfuse does not know, into the shorter one. Returns the
 * length. */
static size_t shorten_setxattr(struct fuse_in_header *in, size_t len)
{
	struct fuse_setxattr_in *arguments = (void *)(in + 1);
	uint8_t *short_end = (uint8_t *)arguments + FUSE_COMPAT_SETXATTR_IN_SIZE;
	const size_t more = sizeof(*arguments) - FUSE_COMPAT_SETXATTR_IN_SIZE;

	if (len < sizeof(*in) + sizeof(*arguments))
		return len;
	current_request.kill_sgid = arguments->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	memmove(short_end, arguments + 1, len - sizeof(*in) - sizeof(*arguments));
	in->len -= (uint32_t)more;
	return len - more;
}

/* What was executed and remembered is answered, whatever it was in the middle of when servers died. */
static bool may_be_lethal(struct fs *fs, const struct fuse_in_header *in, uint64_t unique)
{
	struct reply_record record;

	return is_answered(in->opcode) && running_begin(fs->shared, unique, in->opcode) >= CRASHES_MAX &&
	       catalog_find_reply(fs->config.catalog, fs->config.mount, unique, &record) < 0;
}

void session_process(struct fs *fs, void *request, size_t len, bool may_wait)
{
	struct fuse_in_header *in = request;
	struct fuse_buf buf = { .mem = request };
	uint64_t unique = in->unique & ~FUSE_UNIQUE_RESEND_BIT;

	if (in->unique & FUSE_UNIQUE_RESEND_BIT)
		(void) __atomic_add_fetch(&fs->shared->header.resent, 1, __ATOMIC_RELAXED);
	if (may_be_lethal(fs, in, unique)) {
		session_reply(fs, in, -EIO, NULL, 0);
		return;
	}
	current_request.header = in;
	current_request.may_wait = may_wait;
	current_request.tmpfile = in->opcode == FUSE_TMPFILE;
	if (current_request.tmpfile)
		in->opcode = FUSE_CREATE;
	current_request.kill_sgid = false;
	if (in->opcode == FUSE_SETXATTR && fs->shared->header.granted & FUSE_SETXATTR_EXT)
		len = shorten_setxattr(in, len);
	buf.size = len;
	if (in->opcode == FUSE_STATX_CODE)
		statx_answer(fs, in, len);
	else
		fuse_session_process_buf(fs->session, &buf);
	current_request.header = NULL;
}
