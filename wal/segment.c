/* SPDX-License-Identifier: MIT */
#include "wal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

#define NAME_SIZE 32

static void log_segment_name(uint32_t number, char ret_name[NAME_SIZE])
{
	(void) snprintf(ret_name, NAME_SIZE, "segment-%08u", number);
}

int log_segment_name_parse(const char *name, uint32_t *ret_number)
{
	char again[NAME_SIZE];
	unsigned number;

	if (sscanf(name, "segment-%10u", &number) != 1)
		return -EINVAL;
	log_segment_name(number, again);
	if (strcmp(name, again))
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static struct segment *log_segment_alloc(uint32_t number)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->number = number;
	return s;
}

struct segment *log_segment_free(struct segment *s)
{
	if (!s)
		return NULL;
	log_segment_unmap(s);
	if (s->fd >= 0)
		(void) close(s->fd);
	free(s);
	return NULL;
}

DEFINE_CLEANUP(struct segment *, log_segment_free)

void log_segment_remove(struct segment *s, int dirfd)
{
	char name[NAME_SIZE];

	log_segment_name(s->number, name);
	(void) unlinkat(dirfd, name, 0);
	log_segment_free(s);
}

/* Copy on write would turn every overwrite into an allocation. Only works on an empty file. */
static void set_nocow(int fd)
{
	struct statfs fs;
	int flags;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != BTRFS_SUPER_MAGIC)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags |= FS_NOCOW_FL;
	(void) ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int write_out(int dirfd, const char *temporary, const char *name, uint64_t size, int *ret_fd)
{
	_cleanup_close_ int fd = openat(dirfd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	set_nocow(fd);
	r = io_write_zeros(fd, 0, size);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(dirfd, temporary, dirfd, name) < 0)
		return -errno;
	if (fsync(dirfd) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int log_segment_new(int dirfd, uint32_t number, uint64_t size, struct segment **ret_s)
{
	_cleanup_(log_segment_freep) struct segment *s = log_segment_alloc(number);
	char name[NAME_SIZE], temporary[NAME_SIZE + 4];
	int r;

	if (!s)
		return -ENOMEM;
	log_segment_name(number, name);
	(void) snprintf(temporary, sizeof(temporary), "%s.new", name);
	r = write_out(dirfd, temporary, name, size, &s->fd);
	if (r < 0) {
		(void) unlinkat(dirfd, temporary, 0);
		return r;
	}
	s->size = size;
	*ret_s = steal_ptr(&s);
	return 0;
}

/* A copy by a program that makes sparse files has holes; they would be allocated by the first store. */
static int fill_holes(int fd, uint64_t size)
{
	off_t hole = lseek(fd, 0, SEEK_HOLE), data;
	bool filled = false;

	for (; hole >= 0 && (uint64_t)hole < size; hole = lseek(fd, data, SEEK_HOLE)) {
		int r;

		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0)
			data = (off_t)size;
		r = io_write_zeros(fd, (uint64_t)hole, (uint64_t)(data - hole));
		if (r < 0)
			return r;
		filled = true;
		if ((uint64_t)data >= size)
			break;
	}
	return filled && fsync(fd) < 0 ? -errno : 0;
}

static bool is_blank(const uint8_t *p, size_t len)
{
	while (len > 0 && *p == 0)
		p++, len--;
	return len == 0;
}

static bool newer(const struct wal_header *a, const struct wal_header *b)
{
	return a->generation != b->generation ? a->generation > b->generation : a->sequence > b->sequence;
}

/* The copy that holds the newest header stays until the other one is written: after a power cut the other may be
 * damaged, or of an earlier use. */
static int load_header(struct segment *s, const struct wal_sealer *sealer)
{
	bool blank = false;

	for (unsigned i = 0; i < WAL_HEADER_PLACES; i++) {
		uint8_t bytes[WAL_HEADER_SIZE] = { 0 };
		struct wal_header h;
		int r = (int)io_pread(s->fd, bytes, sizeof(bytes), i * WAL_HEADER_STRIDE);

		if (r < 0)
			return r;
		blank = is_blank(bytes, sizeof(bytes));
		r = blank ? -EBADMSG : wal_header_open(sealer, bytes, &h);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (r == 0 && (s->state != SEGMENT_VALID || newer(&h, &s->head))) {
			s->head = h;
			s->state = SEGMENT_VALID;
			s->first_copy = !i;
		}
	}
	if (s->state != SEGMENT_VALID)
		s->state = blank ? SEGMENT_BLANK : SEGMENT_BAD;
	return 0;
}

int log_segment_open(int dirfd, uint32_t number, bool read_only, const struct wal_sealer *sealer,
		 struct segment **ret_s)
{
	_cleanup_(log_segment_freep) struct segment *s = log_segment_alloc(number);
	char name[NAME_SIZE];
	struct stat st;
	int r;

	if (!s)
		return -ENOMEM;
	log_segment_name(number, name);
	s->fd = openat(dirfd, name, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	s->size = (uint64_t)st.st_size;
	r = read_only ? 0 : fill_holes(s->fd, s->size);
	if (r == 0)
		r = load_header(s, sealer);
	if (r < 0)
		return r;
	*ret_s = steal_ptr(&s);
	return 0;
}

static int write_copy(struct segment *s, unsigned copy, const uint8_t bytes[WAL_HEADER_SIZE])
{
	return io_pwrite(s->fd, bytes, WAL_HEADER_SIZE, copy * WAL_HEADER_STRIDE);
}

int log_segment_begin(struct segment *s, const struct wal_sealer *sealer, void *header_run,
		  const uint8_t run_header[WAL_RUN_HEADER_SIZE], const struct wal_header *h)
{
	uint8_t bytes[WAL_HEADER_SIZE];
	int r = wal_header_seal(sealer, header_run, run_header, h, bytes);

	/* The second copy of the last use may not be on the disk yet. */
	if (r == 0 && !s->clean)
		r = log_segment_sync(s);
	s->clean = false;
	if (r == 0)
		r = write_copy(s, s->first_copy, bytes);
	if (r == 0)
		r = log_segment_sync(s);
	if (r == 0)
		r = write_copy(s, !s->first_copy, bytes);
	if (r < 0)
		return r;
	s->first_copy = 0;
	s->state = SEGMENT_VALID;
	s->head = *h;
	s->used = WAL_RECORDS_START;
	s->last_lsn = h->first_lsn - 1;
	return 0;
}

int log_segment_blank(struct segment *s)
{
	static const uint8_t zeros[WAL_HEADER_SIZE];
	int r = write_copy(s, 0, zeros);

	if (r == 0)
		r = write_copy(s, 1, zeros);
	if (r == 0)
		r = log_segment_sync(s);
	if (r == 0)
		s->state = SEGMENT_BLANK;
	return r;
}

int log_segment_map(struct segment *s)
{
	void *map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	s->map = map;
	/* Stores into pages that are not in memory would each wait for the disk. */
	(void) madvise(map, s->size, MADV_WILLNEED);
	(void) madvise(map, s->size, MADV_DONTDUMP);
	return 0;
}

void log_segment_unmap(struct segment *s)
{
	if (s->map)
		(void) munmap(s->map, s->size);
	s->map = NULL;
}

int log_segment_sync(struct segment *s)
{
	return fdatasync(s->fd) < 0 ? -errno : 0;
}
