/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/io.h"
#include "tiers/s3/folder_impl.h"

#define SLICE (128u << 10)

static int copy_file(int to, const struct bucket_body *b)
{
	_cleanup_free_ uint8_t *slice = malloc(SLICE);
	int r = slice ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < b->len && r >= 0; at += SLICE) {
		size_t len = MIN(b->len - at, (uint64_t)SLICE);

		r = io_pread_exact(b->fd, slice, len, b->offset + at);
		if (r >= 0)
			r = io_pwrite(to, slice, len, at);
	}
	return r;
}

struct temporary {
	int dirfd; /* borrowed */
	int fd;    /* owned */
	char name[sizeof(FOLDER_TEMPORARY) + ID128_TEXT_SIZE];
};

static void temporary_done(struct temporary *t)
{
	if (t->fd < 0)
		return;
	(void) close(t->fd);
	(void) unlinkat(t->dirfd, t->name, 0);
}

/* The whole object under a name of its own, durable. */
static int write_temporary(int dirfd, const struct bucket_body *b, struct temporary *ret_t, struct stat *ret_st)
{
	char id[ID128_TEXT_SIZE];
	int r = 0;

	ret_t->dirfd = dirfd;
	(void) snprintf(ret_t->name, sizeof(ret_t->name), FOLDER_TEMPORARY "%s", id128_format(id128_random(), id));
	ret_t->fd = openat(dirfd, ret_t->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ret_t->fd < 0)
		return -errno;
	if (b->data)
		r = io_pwrite(ret_t->fd, b->data, b->len, 0);
	else
		r = copy_file(ret_t->fd, b);
	if (r >= 0 && (fsync(ret_t->fd) < 0 || fstat(ret_t->fd, ret_st) < 0))
		r = -errno;
	return r;
}

/* Whether what is there is what the writer believes. */
static int check_condition(int dirfd, const char *name, const char *etag)
{
	struct bucket_object o;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && !etag ? 0 : errno == ENOENT ? BUCKET_EUNKNOWN : -errno;
	folder_describe(&st, &o);
	return etag && strcmp(o.etag, etag) == 0 ? 0 : BUCKET_EUNKNOWN;
}

/* Held by conditional writers of all machines, until the descriptor is closed. */
static int take_lock(const struct folder *f)
{
	int fd = openat(f->dirfd, FOLDER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		int error = errno;

		if (error == EINTR)
			continue;
		(void) close(fd);
		return -error;
	}
	return fd;
}

static int publish(struct temporary *t, const char *name)
{
	if (renameat(t->dirfd, t->name, t->dirfd, name) < 0)
		return -errno;
	closep(&t->fd);
	t->fd = -1;
	return fsync(t->dirfd) < 0 ? -errno : 0;
}

int folder_put(struct folder *f, const struct bucket_request *q, struct bucket_object *ret_o)
{
	_cleanup_close_ int lock = -1, dirfd = -1;
	_cleanup_(temporary_done) struct temporary t = { .fd = -1 };
	const char *name;
	struct stat st;
	int r = folder_open_parent(f, q->key, true, &dirfd, &name);

	if (r == -ENOTDIR) /* a part of the key is an object */
		return -EISDIR;
	if (r >= 0)
		r = write_temporary(dirfd, &q->body, &t, &st);
	if (r >= 0 && q->conditional) {
		r = lock = take_lock(f);
		if (r >= 0)
			r = check_condition(dirfd, name, q->etag);
	}
	if (r < 0)
		return r;
	folder_describe(&st, ret_o);
	ret_o->modified_s = 0;
	r = publish(&t, name);
	return r < 0 && q->conditional && t.fd < 0 ? BUCKET_EUNKNOWN : r;
}

int folder_remove(struct folder *f, const char *key)
{
	_cleanup_close_ int dirfd = -1;
	const char *name;
	int r = folder_open_parent(f, key, false, &dirfd, &name);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	if (unlinkat(dirfd, name, 0) < 0)
		return errno == ENOENT || errno == EISDIR ? 0 : -errno;
	return fsync(dirfd) < 0 ? -errno : 0;
}
