/* SPDX-License-Identifier: MIT */
/* overtaken FILE SECONDS - writes past the page cache while others read the file through it and ask for its size, asynchronous direct ones, then
 * ones through a descriptor that cannot read, within the file and at its end, then appends: after each, a read gives what
 * was written. Exit status 1 when it does not, 77 when there is no asynchronous I/O here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define LEN (640u * 1024)
#define OTHERS 6u
/* What makes the file longer ends within a page, as the file does before it. */
#define PIECE 777u
#define LONGEST (LEN / 2)

static const char *path;
static atomic_bool done;

/* One who writes, and the place of the next write. */
struct writer {
	const char *name;
	int (*write)(struct writer *w, const void *data);
	size_t offset, len;
	int fd;
	aio_context_t context;
};

static ssize_t read_through_cache(void *to)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : pread(fd, to, LEN, 0);
}

/* Every second one reads. */
static void *look_always(void *number)
{
	bool reads = *(const unsigned *)number % 2;
	void *space = malloc(LEN);
	struct stat st;

	while (space && !atomic_load(&done))
		if (reads)
			(void) read_through_cache(space);
		else
			(void) stat(path, &st);
	free(space);
	return NULL;
}

static int write_asynchronous(struct writer *w, const void *data)
{
	struct iocb write = { .aio_fildes = (uint32_t)w->fd, .aio_lio_opcode = IOCB_CMD_PWRITE,
			      .aio_buf = (uintptr_t)data, .aio_nbytes = w->len };
	struct iocb *list[] = { &write };
	struct io_event event;

	if (syscall(SYS_io_submit, w->context, 1L, list) != 1 ||
	    syscall(SYS_io_getevents, w->context, 1L, 1L, &event, NULL) != 1)
		return -errno;
	return event.res == (long)w->len ? 0 : -EIO;
}

static int write_alone(struct writer *w, const void *data)
{
	return pwrite(w->fd, data, w->len, (off_t)w->offset) == (ssize_t)w->len ? 0 : -EIO;
}

/* Where the file ends, which begins anew when it is long. */
static int find_end(struct writer *w)
{
	if (w->offset + 2 * w->len <= LONGEST) {
		w->offset += w->len;
		return 0;
	}
	w->offset = 0;
	return ftruncate(w->fd, 0) < 0 ? -errno : 0;
}

static int write_at_end(struct writer *w, const void *data)
{
	int r = find_end(w);

	return r < 0 ? r : write_alone(w, data);
}

static int append(struct writer *w, const void *data)
{
	int r = find_end(w);

	if (r < 0)
		return r;
	return write(w->fd, data, w->len) == (ssize_t)w->len ? 0 : -EIO;
}

static int compare(const struct writer *w, const char *wanted, char *space)
{
	ssize_t n = read_through_cache(space);

	if (n != (ssize_t)(w->offset + w->len) || memcmp(space + w->offset, wanted, w->len) != 0) {
		printf("%s: old bytes, or %zd of them, after %zu at %zu\n", w->name, n, w->len, w->offset);
		return -EBADMSG;
	}
	return 0;
}

static int write_and_compare(struct writer *w, uint64_t until_ms)
{
	_cleanup_free_ char *space = malloc(LEN);
	void *data = NULL;
	unsigned n = 0;
	int r = posix_memalign(&data, 4096, LEN) || !space ? -ENOMEM : 0;

	for (; r == 0 && clock_mono_ms() < until_ms; n++) {
		memset(data, (int)(n & 0x7f) + 1, w->len);
		r = w->write(w, data);
		if (r == 0)
			r = compare(w, data, space);
	}
	printf("%s: %u writes\n", w->name, n);
	free(data);
	return r;
}

static int run(struct writer *w, int flags, unsigned seconds)
{
	pthread_t others[OTHERS];
	unsigned numbers[OTHERS];
	int r;

	w->fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return perror(path), -errno;
	atomic_store(&done, false);
	for (unsigned i = 0; i < OTHERS; i++) {
		numbers[i] = i;
		if (pthread_create(&others[i], NULL, look_always, &numbers[i]) != 0)
			return -EAGAIN;
	}
	r = write_and_compare(w, clock_mono_ms() + 1000 * (uint64_t)seconds);
	atomic_store(&done, true);
	for (unsigned i = 0; i < OTHERS; i++)
		(void) pthread_join(others[i], NULL);
	(void) close(w->fd);
	return r;
}

int main(int argc, char **argv)
{
	struct writer asynchronous = { .name = "asynchronous", .write = write_asynchronous, .len = LEN };
	struct writer alone = { .name = "alone", .write = write_alone, .len = LEN };
	struct writer grows = { .name = "at the end", .write = write_at_end, .offset = LONGEST, .len = PIECE };
	struct writer appends = { .name = "appended", .write = append, .offset = LONGEST, .len = PIECE };
	unsigned seconds;

	if (argc != 3)
		return 2;
	path = argv[1];
	seconds = (unsigned)atoi(argv[2]);
	if (syscall(SYS_io_setup, 4L, &asynchronous.context) < 0)
		return 77;
	return run(&asynchronous, O_RDWR | O_DIRECT, seconds) < 0 || run(&alone, O_WRONLY, seconds) < 0 ||
	       run(&grows, O_WRONLY, seconds) < 0 || run(&appends, O_WRONLY | O_APPEND, seconds) < 0;
}
