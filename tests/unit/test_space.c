/* SPDX-License-Identifier: MIT */
/* The reserve: its size, that it cannot be compressed away, what is lost of it, and that it grows. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io.h"
#include "check.h"
#include "temp_folder.h"
#include "tiers/space.h"

#define MIB (1ull << 20)
#define BLOCK 4096u

static struct space *open_space(int dirfd, uint64_t fixed, uint64_t stored)
{
	struct space_config config = { .volume_dirfd = dirfd, .reserve_bytes = fixed, .stored_bytes = stored };
	struct space *s = NULL;

	CHECK_EQ(space_open(&config, &s), 0);
	return s;
}

static uint64_t held(struct space *s)
{
	struct space_stats stats;

	space_get_stats(s, &stats);
	return stats.reserve_bytes;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Every block is there, and no two are the same. */
static void check_blocks(int dirfd, uint64_t size)
{
	_cleanup_close_ int fd = openat(dirfd, "reserve", O_RDONLY | O_CLOEXEC);
	size_t n = size / BLOCK;
	_cleanup_free_ uint64_t *hashes = calloc(n, sizeof(*hashes));
	struct stat st;

	CHECK(fd >= 0 && hashes && fstat(fd, &st) == 0);
	CHECK_EQ((uint64_t)st.st_size, size);
	CHECK_EQ((uint64_t)lseek(fd, 0, SEEK_HOLE), size);
	for (size_t i = 0; i < n; i++) {
		uint8_t block[BLOCK];

		CHECK_EQ(io_pread_exact(fd, block, BLOCK, i * BLOCK), 0);
		hashes[i] = hash_bytes(block, BLOCK, 0);
	}
	qsort(hashes, n, sizeof(*hashes), compare_hashes);
	for (size_t i = 1; i < n; i++)
		CHECK(hashes[i] != hashes[i - 1]);
}

static void test_size(int dirfd)
{
	struct space *s = open_space(dirfd, 0, 0);

	CHECK_EQ(held(s), 64 * MIB);
	check_blocks(dirfd, 64 * MIB);
	space_refill(s, 6500 * MIB);
	CHECK_EQ(held(s), 65 * MIB);
	space_refill(s, 0);
	CHECK_EQ(held(s), 65 * MIB);
	s = space_close(s);
	s = open_space(dirfd, 0, 6600 * MIB);
	CHECK_EQ(held(s), 66 * MIB);
	s = space_close(s);
	s = open_space(dirfd, 3 * MIB + 5, 6600 * MIB);
	CHECK_EQ(held(s), 3 * MIB + 5);
	(void) space_close(s);
}

/* What a copy leaves out is written again: a hole in the midst, a cut. */
static void test_lost(int dirfd)
{
	_cleanup_close_ int fd = -1;
	struct space *s = open_space(dirfd, 4 * MIB, 0);

	s = space_close(s);
	fd = openat(dirfd, "reserve", O_RDWR | O_CLOEXEC);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MIB, 64 * BLOCK), 0);
	s = open_space(dirfd, 4 * MIB, 0);
	CHECK_EQ(held(s), 4 * MIB);
	s = space_close(s);
	check_blocks(dirfd, 4 * MIB);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(ftruncate(fd, 4 * MIB), 0);
	s = open_space(dirfd, 4 * MIB, 0);
	s = space_close(s);
	check_blocks(dirfd, 4 * MIB);
}

/* All but the floor is to be had, and nothing of what the reserve gives up. */
static void check_room(struct space *s, uint64_t free)
{
	uint64_t floor = space_floor(s);

	CHECK(floor > 0 && floor < free);
	CHECK_EQ(space_take(s, free - floor, 0, true), 0);
	CHECK_EQ(space_take(s, free - floor + 1, 0, true), -ENOSPC);
	CHECK_EQ(space_take(s, free - floor - 10, 11, true), -ENOSPC);
}

/* On a filesystem where nobody else takes room. */
static void test_room(const char *folder)
{
	_cleanup_close_ int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct space *s = open_space(dirfd, 4 * MIB, 0);
	struct statvfs v;
	uint64_t free;

	CHECK_EQ(fstatvfs(dirfd, &v), 0);
	free = (uint64_t)v.f_bavail * v.f_frsize;
	CHECK_EQ(held(s), 4 * MIB);
	check_room(s, free);
	space_release(s, free + 2 * MIB);
	CHECK_EQ(held(s), 2 * MIB);
	check_room(s, free);
	space_refill(s, 0);
	CHECK_EQ(held(s), 4 * MIB);
	check_room(s, free);
	(void) space_close(s);
}

static bool mount_small(const char *folder)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", folder, "tmpfs", 0, "size=16m") == 0;
}

int main(void)
{
	struct temp_folder temp;

	temp_folder_make(&temp);
	test_size(temp.dirfd);
	test_lost(temp.dirfd);
	if (mount_small(temp.path)) {
		test_room(temp.path);
		(void) umount(temp.path);
	} else {
		fprintf(stderr, "cannot mount a tmpfs: what writes leave free is not tested\n");
	}
	temp_folder_remove(&temp);
	return check_result();
}
