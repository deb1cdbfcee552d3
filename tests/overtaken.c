/* SPDX-License-Identifier: MIT */
/* overtaken FILE SECONDS - asynchronous direct writes while others read the file through the page cache: after each
 * write, a read gives what was written. Exit status 1 when it does not, 77 when there is no asynchronous I/O here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define LEN (640u * 1024)
#define READERS 2u

static const char *path;
static atomic_bool done;

static int read_through_cache(void *to)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && pread(fd, to, LEN, 0) == (ssize_t)LEN ? 0 : -EIO;
}

static void *read_always(void *unused)
{
	void *space = malloc(LEN);

	while (space && !atomic_load(&done))
		(void) read_through_cache(space);
	free(space);
	return NULL;
}

static int write_direct(aio_context_t context, int fd, void *data)
{
	struct iocb write = { .aio_fildes = (uint32_t)fd, .aio_lio_opcode = IOCB_CMD_PWRITE,
			      .aio_buf = (uintptr_t)data, .aio_nbytes = LEN };
	struct iocb *list[] = { &write };
	struct io_event event;

	if (syscall(SYS_io_submit, context, 1L, list) != 1 ||
	    syscall(SYS_io_getevents, context, 1L, 1L, &event, NULL) != 1)
		return -errno;
	return event.res == LEN ? 0 : -EIO;
}

static int compare(const char *wanted, char *space)
{
	if (read_through_cache(space) < 0)
		return -EIO;
	for (size_t i = 0; i < LEN; i++)
		if (space[i] != wanted[i]) {
			printf("byte %zu is old after a direct write\n", i);
			return -EBADMSG;
		}
	return 0;
}

static int write_and_compare(aio_context_t context, int fd, uint64_t until_ms)
{
	_cleanup_free_ char *space = malloc(LEN);
	void *data = NULL;
	unsigned n = 0;
	int r = posix_memalign(&data, 4096, LEN) || !space ? -ENOMEM : 0;

	for (; r == 0 && clock_mono_ms() < until_ms; n++) {
		memset(data, (int)(n & 0x7f) + 1, LEN);
		r = write_direct(context, fd, data);
		if (r == 0)
			r = compare(data, space);
	}
	printf("%u writes\n", n);
	free(data);
	return r;
}

int main(int argc, char **argv)
{
	pthread_t readers[READERS];
	aio_context_t context = 0;
	int fd, r;

	if (argc != 3)
		return 2;
	path = argv[1];
	if (syscall(SYS_io_setup, 4L, &context) < 0)
		return 77;
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, LEN) < 0)
		return perror(path), 1;
	for (unsigned i = 0; i < READERS; i++)
		if (pthread_create(&readers[i], NULL, read_always, NULL) != 0)
			return 1;
	r = write_and_compare(context, fd, clock_mono_ms() + 1000 * (uint64_t)atoi(argv[2]));
	atomic_store(&done, true);
	for (unsigned i = 0; i < READERS; i++)
		(void) pthread_join(readers[i], NULL);
	(void) close(fd);
	return r < 0;
}
