/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "crypto/fingerprint.h"
#include "daemon/copy/copier_impl.h"

/* What a file is made of, piece by piece; holes stay. */
struct job {
	struct copier *c;
	int from, to;
	int twin;           /* has the same bytes, where copy_file_range(2) can take them; -1: none */
	const struct stat *st;
	bool is_whole;      /* all of it is in c->bytes */
	uint64_t done;      /* bytes, for who looks on */
};

static int read_some(struct copier *c, int fd, void *data, size_t len, uint64_t offset)
{
	ssize_t n = io_pread(fd, data, len, offset);

	if (n < 0)
		return copy_blame(c, COPY_SOURCE, "reading", (int)n);
	/* It became shorter: it is being written to. */
	return (size_t)n < len ? copy_blame(c, COPY_SOURCE, "reading", -EBUSY) : 0;
}

static int write_all(struct copier *c, int fd, const uint8_t *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno != EINTR)
			return copy_blame(c, COPY_DESTINATION, "writing", -errno);
		if (n < 0)
			continue;
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int copy_piece(struct job *j, uint64_t offset, size_t len)
{
	const uint8_t *data = j->c->bytes + (j->is_whole ? offset : 0);
	int r = j->is_whole ? 0 : read_some(j->c, j->from, j->c->bytes, len, offset);

	return r < 0 ? r : write_all(j->c, j->to, data, len, offset);
}

/* Falls back to copying when the filesystem cannot do it. */
static ssize_t share_piece(struct job *j, uint64_t offset, size_t len)
{
	off_t in = (off_t)offset, out = (off_t)offset;
	ssize_t n = copy_file_range(j->twin, &in, j->to, &out, len, 0);

	if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
		return copy_blame(j->c, COPY_DESTINATION, "writing", -errno);
	return MAX(n, (ssize_t)0);
}

static int copy_range(struct job *j, uint64_t at, uint64_t end)
{
	int r = 0;

	while (r == 0 && at < end) {
		/* The server takes long ranges apart; what looks on and stops is here. */
		size_t part = (size_t)MIN(end - at, j->twin >= 0 ? 64ull * COPY_CHUNK : (uint64_t)COPY_CHUNK);
		ssize_t n = j->twin >= 0 ? share_piece(j, at, part) : 0;

		if (n < 0)
			return (int)n;
		if (n == 0) {
			j->twin = -1;
			part = MIN(part, (size_t)COPY_CHUNK);
			r = copy_piece(j, at, part);
			n = (ssize_t)part;
		}
		at += (uint64_t)n;
		j->done += (uint64_t)n;
		if (r == 0 && at < end) {
			copy_step(j->c, j->done);
			r = copy_check_stop(j->c);
		}
	}
	return r;
}

static bool has_holes(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
}

/* Where the source cannot tell holes from data, all of it is data. */
static int copy_with_holes(struct job *j)
{
	off_t end = j->st->st_size, at = 0;
	int r = ftruncate(j->to, end) < 0 ? copy_blame(j->c, COPY_DESTINATION, "writing", -errno) : 0;

	while (r == 0 && at < end) {
		off_t data = lseek(j->from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return 0;
		data = data < 0 ? at : data;
		hole = lseek(j->from, data, SEEK_HOLE);
		hole = hole <= data ? end : hole;
		if (data < end)
			r = copy_range(j, (uint64_t)data, (uint64_t)MIN(hole, end));
		at = hole;
	}
	return r;
}

/* ---- others with the same bytes */

static int print_file(struct copier *c, int fd, uint8_t *room, uint64_t size, struct id128 *ret_print)
{
	struct fingerprint f;
	int r = 0;

	fingerprint_init(&f);
	for (uint64_t at = 0; r == 0 && at < size;) {
		size_t part = (size_t)MIN(size - at, (uint64_t)COPY_CHUNK);

		r = read_some(c, fd, room, part, at);
		fingerprint_add(&f, room, part);
		at += part;
		if (r == 0)
			r = copy_check_stop(c);
	}
	*ret_print = fingerprint_end(&f);
	return r;
}

/* Reading it would cost requests to a bucket. */
static bool is_far(int fd)
{
	char tier[16];
	ssize_t n = fgetxattr(fd, "user.brainy.tier-now", tier, sizeof(tier));

	return n == 4 && memcmp(tier, "cold", 4) == 0;
}

/* A file at the destination, if it is still there with that size, and here; -1 otherwise. Leaves no trace. */
static int open_known(struct copier *c, const char *path, uint64_t size)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(c->to, path, flags | O_NOATIME);
	struct stat st;

	if (fd < 0 && errno == EPERM)
		fd = openat(c->to, path, flags);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size && !is_far(fd))
		return fd;
	(void) close(fd);
	return -1;
}

/* Hashes all of that size that were not. */
static int print_unknown(struct copier *c, uint64_t size)
{
	char *next;
	int r = 0;

	while (r == 0 && (next = twins_take_unknown(&c->twins, size)) != NULL) {
		_cleanup_free_ char *path = next;
		_cleanup_close_ int fd = open_known(c, path, size);
		struct id128 print;

		if (fd < 0 || print_file(c, fd, c->others, size, &print) < 0)
			r = copy_check_stop(c);
		else if (twins_add(&c->twins, size, &print, path) < 0)
			r = copy_blame(c, COPY_SOURCE, "copying", -ENOMEM);
	}
	return r;
}

int copy_data_equal(struct copier *c, int a, int b, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		size_t part = (size_t)MIN(size - at, (uint64_t)COPY_CHUNK / 2);
		int r = copy_check_stop(c);

		if (r < 0)
			return r;
		if (io_pread_exact(a, c->others, part, at) < 0 ||
		    io_pread_exact(b, c->others + COPY_CHUNK / 2, part, at) < 0 ||
		    memcmp(c->others, c->others + COPY_CHUNK / 2, part) != 0)
			return 0;
		at += part;
	}
	return 1;
}

static int find_twin(struct job *j, const struct id128 *print)
{
	uint64_t size = (uint64_t)j->st->st_size;
	const char *path = twins_find(&j->c->twins, size, print);
	_cleanup_close_ int fd = path ? open_known(j->c, path, size) : -1;
	int r = fd >= 0 ? copy_data_equal(j->c, j->from, fd, size) : 0;

	if (r > 0)
		j->twin = steal_fd(&fd);
	return r;
}

/* Small files are hashed at once, since they are in memory, larger ones when there is one to compare them
 * with. 1: *ret_print is the file's. */
static int look_for_twin(struct job *j, struct id128 *ret_print)
{
	struct copier *c = j->c;
	uint64_t size = (uint64_t)j->st->st_size;
	int r;

	if (!c->o.share || size < COPY_SHARE_MIN || (!j->is_whole && !twins_has(&c->twins, size)))
		return 0;
	r = print_unknown(c, size);
	if (r == 0 && j->is_whole)
		*ret_print = fingerprint_of(c->bytes, size);
	else if (r == 0)
		r = print_file(c, j->from, c->bytes, size, ret_print);
	if (r == 0)
		r = find_twin(j, ret_print);
	return r < 0 ? r : 1;
}

int copy_data_known(struct copier *c, const struct stat *st)
{
	int r;

	if (!c->o.share || st->st_size < COPY_SHARE_MIN)
		return 0;
	r = twins_add_unknown(&c->twins, (uint64_t)st->st_size, copy_path(c));
	return r < 0 ? copy_blame(c, COPY_SOURCE, "copying", r) : 0;
}

/* It is found by the next ones. */
static int remember(struct job *j, bool hashed, const struct id128 *print)
{
	int r;

	if (!hashed)
		return copy_data_known(j->c, j->st);
	r = twins_add(&j->c->twins, (uint64_t)j->st->st_size, print, copy_path(j->c));
	return r < 0 ? copy_blame(j->c, COPY_SOURCE, "copying", r) : 0;
}

int copy_data(struct copier *c, int from_fd, int to_fd, const struct stat *st, bool *ret_shared)
{
	struct job j = { .c = c, .from = from_fd, .to = to_fd, .twin = -1, .st = st,
			 .is_whole = st->st_size <= (off_t)COPY_CHUNK };
	_cleanup_close_ int twin = -1;
	struct id128 print;
	int r = j.is_whole ? read_some(c, from_fd, c->bytes, (size_t)st->st_size, 0) : 0, hashed;

	if (r < 0)
		return r;
	hashed = look_for_twin(&j, &print);
	if (hashed < 0)
		return hashed;
	twin = j.twin;
	/* Within a filesystem the source itself can be shared. */
	if (twin < 0 && c->o.share && st->st_dev == c->to_st.st_dev && st->st_size >= COPY_SHARE_MIN)
		j.twin = from_fd;
	r = has_holes(st) ? copy_with_holes(&j) : copy_range(&j, 0, (uint64_t)st->st_size);
	if (r < 0)
		return r;
	*ret_shared = j.twin >= 0 && st->st_size > 0;
	return remember(&j, hashed > 0, &print);
}
