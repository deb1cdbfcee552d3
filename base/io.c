/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define WRITE_MAX (128u << 10)

ssize_t io_pread(int fd, void *data, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_pread_exact(int fd, void *data, size_t len, uint64_t offset)
{
	ssize_t n = io_pread(fd, data, len, offset);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -ENODATA;
}

int io_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)data + done, MIN(len - done, (size_t)WRITE_MAX),
				   (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int io_write(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int io_write_zeros(int fd, uint64_t offset, uint64_t len)
{
	static const char zeros[WRITE_MAX];

	while (len > 0) {
		size_t n = MIN(len, (uint64_t)sizeof(zeros));
		int r = io_pwrite(fd, zeros, n, offset);

		if (r < 0)
			return r;
		offset += n;
		len -= n;
	}
	return 0;
}

int io_read_all(int fd, size_t max, struct buf *ret_data)
{
	for (;;) {
		ssize_t n;
		int r = buf_reserve(ret_data, 4096);

		if (r < 0)
			return r;
		n = read(fd, ret_data->data + ret_data->len, ret_data->cap - ret_data->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		ret_data->len += (size_t)n;
		if (ret_data->len > max)
			return -EFBIG;
	}
}

int io_read_file_at(int dirfd, const char *name, size_t max, struct buf *ret_data)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return io_read_all(fd, max, ret_data);
}

int io_read_process_name(int pid, struct buf *ret_name)
{
	char path[32];
	int r;

	(void) snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	r = io_read_file_at(AT_FDCWD, path, 64, ret_name);
	if (r < 0)
		return r;
	if (!buf_cstr(ret_name))
		return -ENOMEM;
	buf_cstr(ret_name)[strcspn(buf_cstr(ret_name), "\n")] = '\0';
	return 0;
}

int io_replace_file_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char temporary[256];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", name) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = io_write(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlinkat(dirfd, temporary, 0);
		return r;
	}
	return fsync(dirfd) < 0 ? -errno : 0;
}
