/* SPDX-License-Identifier: MIT */
/* The dispatcher: one thread reads /dev/fuse and answers where it stands what cannot block, because
 * a wake-up on another core costs more than most requests do. Handed over are: large reads and writes
 * when others wait behind them, what may take long by nature, copies of large files, and changes while
 * the catalog makes its writers wait. Reads that would wait for the disk, queries and fsyncs are handed
 * over by their operations. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/awake.h"
#include "fs/fs_impl.h"
#include "fs/syncs.h"
#include "fs/virtual/link_sight.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view.h"
#include "fs/workers.h"

/* Reads and writes from here on go to a worker when more requests wait. */
#define LARGE (256u << 10)
/* Requests read between the first fsync of a group and its sync. */
#define GATHER_MAX 64u
/* Whole requests that wait for a worker; their buffers are kept for the next ones. */
#define BUFFERS_MAX 8u

struct loop {
	struct fs *fs;           /* borrowed */
	uint8_t *buffer;         /* owned; of the next request */
	pthread_mutex_t lock;    /* rank 60 */
	uint8_t *spare[BUFFERS_MAX]; /* owned; guarded by lock */
	unsigned spares, out;    /* guarded by lock */
	struct awake awake;
};

struct io_job {
	struct job job;
	struct loop *loop;
	uint8_t *buffer; /* owned by the loop; NULL: the request stands in `copy` */
	size_t len;
	uint8_t copy[];
};

/* With all its pages: where the kernel has to find one first while it writes a request there, and we are
 * killed, the program gets EIO and no other server gets the request. */
static uint8_t *buffer_new(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *p = mmap(NULL, FS_BUFFER_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void buffer_free(uint8_t *buffer)
{
	if (buffer)
		(void) munmap(buffer, FS_BUFFER_SIZE);
}

/* Another buffer for the dispatcher, or NULL when enough are out. */
static uint8_t *buffer_take(struct loop *l)
{
	LOCKED(&l->lock);
	uint8_t *buffer;

	if (l->out == BUFFERS_MAX)
		return NULL;
	buffer = l->spares ? l->spare[--l->spares] : buffer_new();
	l->out += buffer != NULL;
	return buffer;
}

static void buffer_give(struct loop *l, uint8_t *buffer)
{
	LOCKED(&l->lock);

	l->spare[l->spares++] = buffer;
	l->out--;
}

static void run_job(struct job *base)
{
	struct io_job *job = (struct io_job *)base;

	uint8_t *request = job->buffer ? job->buffer : job->copy;

	live_will_change(job->loop->fs->virtual->live, (const struct fuse_in_header *)(const void *)request, true);
	session_process(job->loop->fs, request, job->len, true);
	if (job->buffer)
		buffer_give(job->loop, job->buffer);
	free(job);
}

/* Small requests are copied; with large ones the buffer changes hands. */
static struct io_job *job_new(struct loop *l, size_t len)
{
	bool copied = len < LARGE / 4;
	uint8_t *other = copied ? NULL : buffer_take(l);
	struct io_job *job = copied || other ? malloc(sizeof(*job) + (copied ? len : 0)) : NULL;

	if (!job) {
		if (other)
			buffer_give(l, other);
		return NULL;
	}
	*job = (struct io_job){ .job.run = run_job, .loop = l, .len = len };
	if (copied) {
		memcpy(job->copy, l->buffer, len);
	} else {
		job->buffer = l->buffer;
		l->buffer = other;
	}
	return job;
}

static bool hand_over(struct loop *l, size_t len)
{
	struct io_job *job = job_new(l, len);

	if (job)
		workers_add(l->fs->io, &job->job);
	return job != NULL;
}

/* Waits for a request, `timeout_ms` at most (-1: without end). 1: there is one. 0: the time is over. -1: the mount
 * has ended, or a signal came. */
static int wait_for_request(const struct fs *fs, int timeout_ms)
{
	struct pollfd p = { .fd = fs->config.fuse_fd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	return n == 1 && !(p.revents & POLLIN) ? -1 : n;
}

bool loop_more(struct fs *fs)
{
	return wait_for_request(fs, 0) == 1;
}

static bool is_change(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_WRITE:
	case FUSE_SETATTR:
	case FUSE_SYMLINK:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_LINK:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
	case FUSE_CREATE:
	case FUSE_TMPFILE:
	case FUSE_COPY_FILE_RANGE:
		return true;
	default:
		return false;
	}
}

static bool is_large(const struct fs *fs, uint64_t ino)
{
	struct inode i;

	return inode_get(fs->config.catalog, ino, &i) < 0 || i.size >= LARGE;
}

/* Attributes that show each user what that user may know (link_sight.h). */
static bool is_sight(const struct loop *l, const struct fuse_in_header *in)
{
	static const char ours[] = "user.brainy.";
	const char *name = (const char *)(in + 1) + sizeof(struct fuse_getxattr_in);

	if (!link_sight_matters(l->fs, in->uid))
		return false;
	if (in->opcode == FUSE_GETXATTR)
		return in->len > sizeof(*in) + sizeof(struct fuse_getxattr_in) + sizeof(ours) &&
		       memcmp(name, ours, sizeof(ours) - 1) == 0;
	return in->opcode == FUSE_LISTXATTR || in->opcode == FUSE_SETXATTR || in->opcode == FUSE_REMOVEXATTR;
}

static bool wants_worker(struct loop *l, const struct fuse_in_header *in)
{
	const struct fuse_read_in *read_in = (const void *)(in + 1);

	if (live_delays(l->fs->virtual->live, in))
		return true;
	if (view_is(in->nodeid) && in->opcode == FUSE_RELEASE) /* before what its program asks for next */
		return catalog_is_busy(l->fs->config.catalog);
	if (view_is(in->nodeid) && in->opcode != FUSE_FORGET)
		return true;
	if (is_sight(l, in))
		return true;
	if (in->opcode == FUSE_FALLOCATE || (in->opcode == FUSE_COPY_FILE_RANGE && is_large(l->fs, in->nodeid)))
		return true;
	if (in->opcode == FUSE_READDIR || in->opcode == FUSE_READDIRPLUS)
		return tree_dir_is_slow(l->fs->config.catalog, in->nodeid);
	if (in->opcode == FUSE_READ && read_in->size >= LARGE)
		return loop_more(l->fs);
	if (in->opcode == FUSE_WRITE && in->len >= LARGE && loop_more(l->fs))
		return true;
	return is_change(in->opcode) && catalog_is_busy(l->fs->config.catalog);
}

static void start_session(struct loop *l, size_t len)
{
	session_begin(l->fs, l->buffer, len);
	if (atomic_load(&l->fs->running) && l->fs->config.ready)
		l->fs->config.ready(l->fs->config.context);
}

static void dispatch(struct loop *l, size_t len)
{
	const struct fuse_in_header *in = (const void *)l->buffer;

	if (is_change(in->opcode) || in->opcode == FUSE_RELEASE)
		live_poke(l->fs->virtual->live);
	if (in->opcode == FUSE_INIT)
		start_session(l, len);
	else if (!wants_worker(l, in) || !hand_over(l, len)) {
		live_will_change(l->fs->virtual->live, in, false);
		session_process(l->fs, l->buffer, len, false);
	}
}

/* One request into l->buffer: its length, 0 to try again, or -ENODEV when the mount has ended. */
static ssize_t receive(struct loop *l)
{
	ssize_t n = read(l->fs->config.fuse_fd, l->buffer, FS_BUFFER_SIZE);

	if (n >= (ssize_t)sizeof(struct fuse_in_header))
		return n;
	if (n >= 0)
		return -EIO;
	switch (errno) {
	case EAGAIN:
		(void) wait_for_request(l->fs, -1);
		return 0;
	case EINTR:
	case ENOENT: /* the request was interrupted before it was read */
		return 0;
	default:
		return -errno;
	}
}

static int serve(struct loop *l)
{
	struct fs *fs = l->fs;
	unsigned gathered = 0;
	ssize_t n = 0;

	while (n >= 0 && !atomic_load(&fs->stopping) && !fuse_session_exited(fs->session)) {
		n = receive(l);
		if (n > 0) {
			awake_note(&l->awake);
			__atomic_store_n(&fs->shared->header.received, fs->shared->header.received + 1, __ATOMIC_RELAXED);
			dispatch(l, (size_t)n);
		}
		if (syncs_waiting(fs->syncs) == 0)
			continue;
		if (n > 0 && ++gathered < GATHER_MAX && loop_more(fs))
			continue;
		syncs_commit(fs->syncs);
		gathered = 0;
	}
	return n < 0 && n != -ENODEV && n != -ECONNABORTED ? (int)n : 0;
}

int loop_run(struct fs *fs)
{
	struct loop l = { .fs = fs, .buffer = buffer_new() };
	int r;

	if (!l.buffer)
		return -ENOMEM;
	(void) pthread_mutex_init(&l.lock, NULL);
	awake_init(&l.awake);
	r = serve(&l);
	fuse_session_exit(fs->session);
	awake_done(&l.awake);
	fs->io = workers_stop(fs->io);
	buffer_free(l.buffer);
	while (l.spares)
		buffer_free(l.spare[--l.spares]);
	(void) pthread_mutex_destroy(&l.lock);
	request_thread_done();
	return r;
}
