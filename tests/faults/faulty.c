/* SPDX-License-Identifier: MIT */
/* LD_PRELOAD below a mount: a disk, and a clock, that misbehave as the file named by FAULTY says at that moment.
 *
 *   short   each pwrite(2) does only a part, but for those of LMDB, which takes that for an error
 *   write   pwrite(2) answers EIO
 *   sync    fsync(2) and fdatasync(2) answer EIO
 *   clock N the time of day is N seconds off
 *   absent  pages that a mapping of BUFFER bytes has not got from the beginning never come: who needs one
 *           waits until it is killed. Root only */
#undef _FILE_OFFSET_BITS /* both names of pwrite are defined here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BUFFER ((1u << 20) + 8192u) /* FS_BUFFER_SIZE */

int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset);

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);

static void read_fault(char ret_text[32])
{
	const char *path = getenv("FAULTY");
	int error = errno, fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : read(fd, ret_text, 31);

	ret_text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
	errno = error;
}

static int says(const char *fault)
{
	char text[32];

	read_fault(text);
	return strncmp(text, fault, strlen(fault)) == 0;
}

static int is_catalog(int fd)
{
	char link[64], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	return strstr(path, "/catalog/") != NULL;
}

static int sync_or_fail(long call, int fd)
{
	if (!says("sync"))
		return (int)syscall(call, fd);
	errno = EIO;
	return -1;
}

int fsync(int fd)
{
	return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_or_fail(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (says("write")) {
		errno = EIO;
		return -1;
	}
	if (len > 1 && says("short") && !is_catalog(fd))
		len = 1 + len / 3;
	return syscall(SYS_pwrite64, fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	return pwrite(fd, data, len, offset);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	char text[32];
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		read_fault(text);
		if (strncmp(text, "clock ", 6) == 0)
			ret->tv_sec += atol(text + 6);
	}
	return r;
}

/* The descriptor stays open: with it the pages would come. */
static void keep_absent(void *at, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register pages = { .range = { (uintptr_t)at, len },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &pages) < 0)
		fprintf(stderr, "faulty: userfaultfd: %s\n", strerror(errno));
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	void *p = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);

	if (p != MAP_FAILED && len == BUFFER && says("absent"))
		keep_absent(p, len);
	return p;
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	return mmap(at, len, protection, flags, fd, offset);
}
