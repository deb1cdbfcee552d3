/* SPDX-License-Identifier: MIT */
#include "tiers/s3/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/thread.h"
#include "tiers/s3/folder_impl.h"

bool folder_name_fits(const char *name, size_t len)
{
	if (len == 0 || len > 255 || (len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return false;
	return strncmp(name, FOLDER_TEMPORARY, strlen(FOLDER_TEMPORARY)) != 0 &&
	       strncmp(name, FOLDER_LOCK, strlen(FOLDER_LOCK)) != 0;
}

/* Opens the folder `len` bytes of `name` in `dirfd`. One that is made is durable before anything is put in it. */
static int step_into(int dirfd, const char *name, size_t len, bool make)
{
	char copy[256];
	int fd;

	memcpy(copy, name, len);
	copy[len] = '\0';
	if (make) {
		if (mkdirat(dirfd, copy, 0700) == 0) {
			if (fsync(dirfd) < 0)
				return -errno;
		} else if (errno != EEXIST) {
			return -errno;
		}
	}
	fd = openat(dirfd, copy, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool key_fits(const char *key)
{
	const char *slash;

	for (; (slash = strchr(key, '/')); key = slash + 1)
		if (!folder_name_fits(key, (size_t)(slash - key)))
			return false;
	return folder_name_fits(key, strlen(key));
}

int folder_open_parent(const struct folder *f, const char *key, bool make, int *ret_dirfd, const char **ret_name)
{
	_cleanup_close_ int at = -1;
	const char *slash;

	if (!key_fits(key))
		return -EINVAL;
	at = fcntl(f->dirfd, F_DUPFD_CLOEXEC, 0);
	if (at < 0)
		return -errno;
	for (; (slash = strchr(key, '/')); key = slash + 1) {
		int next = step_into(at, key, (size_t)(slash - key), make);

		if (next < 0)
			return next;
		(void) close(at);
		at = next;
	}
	*ret_dirfd = steal_fd(&at);
	*ret_name = key;
	return 0;
}

void folder_describe(const struct stat *st, struct bucket_object *ret_o)
{
	*ret_o = (struct bucket_object){ .size = (uint64_t)st->st_size, .modified_s = st->st_mtim.tv_sec };
	(void) snprintf(ret_o->etag, sizeof(ret_o->etag), "%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%09lx", (uint64_t)st->st_ino,
			(uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
}

/* -ESTALE is also what NFS says of a file that it has lost; of a conditional write that is as unknown. */
static enum bucket_fault fault_of(int error, bool conditional)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return BUCKET_ABSENT;
	case BUCKET_EUNKNOWN:
		return conditional ? BUCKET_UNKNOWN : BUCKET_UNREACHABLE;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return BUCKET_FULL;
	case -ECANCELED:
		return BUCKET_STOPPED;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return BUCKET_DENIED;
	case -ENOTCONN:
	case -EHOSTDOWN:
	case -EHOSTUNREACH:
		return BUCKET_UNREACHABLE;
	case -ETIMEDOUT:
		return BUCKET_TIMEOUT;
	default:
		return BUCKET_LOCAL;
	}
}

int folder_fail(const struct folder *f, struct bucket_error *ret_e, int error, bool conditional, const char *what)
{
	enum bucket_fault fault = fault_of(error, conditional);

	if (fault == BUCKET_UNKNOWN)
		return bucket_fail(ret_e, fault, 0, "the condition of a write in %.200s does not hold", f->path);
	return bucket_fail(ret_e, fault, error, "%s in the folder %.200s: %s", what, f->path, strerrordesc_np(-error));
}

void folder_count(struct folder *f, enum bucket_cause cause, enum bucket_op op, uint64_t up, uint64_t down)
{
	struct bucket_usage *u = &f->stats.by[cause];
	LOCKED(&f->stats_lock);

	u->requests[op]++;
	u->bytes_up += up;
	u->bytes_down += down;
}

static int open_object(const struct folder *f, const char *key, int *ret_fd, struct stat *ret_st)
{
	_cleanup_close_ int dirfd = -1, fd = -1;
	const char *name;
	int r = folder_open_parent(f, key, false, &dirfd, &name);

	if (r < 0)
		return r;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return errno == ELOOP ? -ENOENT : -errno;
	if (!S_ISREG(ret_st->st_mode))
		return -ENOENT;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int get(struct folder *f, const struct bucket_request *q, struct bucket_result *result)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t n;
	int r = open_object(f, q->key, &fd, &st);

	if (r < 0)
		return r;
	n = io_pread(fd, q->data, q->len, q->from);
	if (n < 0)
		return (int)n;
	result->len = (size_t)n;
	return 0;
}

static int head(struct folder *f, const struct bucket_request *q, struct bucket_result *result)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = open_object(f, q->key, &fd, &st);

	if (r >= 0)
		folder_describe(&st, &result->object);
	return r;
}

static int remove_all(struct folder *f, const struct bucket_request *q)
{
	int r = 0;

	for (size_t i = 0; i < q->n_keys && r >= 0; i++)
		r = folder_remove(f, q->keys[i]);
	return r;
}

static int carry_out(struct folder *f, const struct bucket_request *q, struct bucket_result *result)
{
	switch (q->op) {
	case BUCKET_PUT:
		return folder_put(f, q, &result->object);
	case BUCKET_GET:
		return get(f, q, result);
	case BUCKET_HEAD:
		return head(f, q, result);
	default:
		return remove_all(f, q);
	}
}

static int folder_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	static const char *const whats[BUCKET_OPS] = { "writing an object", "reading an object", "looking at an object", "",
						       "removing an object" };
	struct folder *f = (struct folder *)b;
	struct bucket_result result = { 0 };
	struct bucket_error why;
	int r = folder_wait(f, q);

	if (r >= 0)
		r = carry_out(f, q, &result);

	if (r == -EINVAL || r == -ENOMEM)
		return r;
	folder_count(f, q->cause, q->op, q->op == BUCKET_PUT ? q->body.len : 0, result.len);
	if (r < 0) {
		result.error = folder_fail(f, &why, r, q->conditional, whats[q->op]);
		result.why = &why;
	}
	(void) pthread_mutex_lock(&f->stats_lock);
	f->stats.failed += r < 0 && why.fault != BUCKET_ABSENT && why.fault != BUCKET_UNKNOWN;
	f->stats.last = r < 0 && why.fault != BUCKET_ABSENT && why.fault != BUCKET_UNKNOWN ? why : (struct bucket_error){ 0 };
	(void) pthread_mutex_unlock(&f->stats_lock);
	done(context, &result);
	return 0;
}

static int put_large(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
		     struct bucket_object *ret_object)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_request q = { .op = BUCKET_PUT, .cause = call.cause, .key = key, .body = *body };
	struct folder *f = (struct folder *)b;
	struct bucket_object o;
	int r = folder_wait(f, &q);

	if (r >= 0)
		r = folder_put(f, &q, &o);

	folder_count(f, call.cause, BUCKET_PUT, r < 0 ? 0 : body->len, 0);
	if (r < 0)
		return folder_fail(f, call.ret_error, r, false, "writing an object");
	if (ret_object)
		*ret_object = o;
	return 0;
}

static void get_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	struct folder *f = (struct folder *)b;
	LOCKED(&f->stats_lock);

	*ret_stats = f->stats;
}

static void folder_free(struct bucket *b)
{
	struct folder *f = (struct folder *)b;

	closep(&f->dirfd);
	free(f->path);
	(void) pthread_cond_destroy(&f->wake);
	(void) pthread_mutex_destroy(&f->stats_lock);
	free(f);
}

static const struct bucket_ops folder_ops = {
	.start = folder_start,
	.put_large = put_large,
	.list = folder_list,
	.sweep = folder_sweep,
	.set_pace = folder_set_pace,
	.cancel = folder_cancel,
	.stats = get_stats,
	.free = folder_free,
};

int folder_open(const char *path, struct bucket **ret_b, struct bucket_error *ret_why)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return bucket_fail(ret_why, BUCKET_LOCAL, -ENOMEM, "out of memory");
	f->bucket.ops = &folder_ops;
	(void) pthread_mutex_init(&f->stats_lock, NULL);
	cond_init(&f->wake);
	f->path = strdup(path);
	f->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!f->path || f->dirfd < 0) {
		int r = !f->path ? bucket_fail(ret_why, BUCKET_LOCAL, -ENOMEM, "out of memory") :
				   bucket_fail(ret_why, BUCKET_NONE, 0, "the folder %.200s cannot be opened (%s): is it mounted?", path,
					       strerrordesc_np(errno));

		folder_free(&f->bucket);
		return r;
	}
	*ret_b = &f->bucket;
	return 0;
}
