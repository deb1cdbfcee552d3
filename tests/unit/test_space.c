/* SPDX-License-Identifier: MIT */
/* The reserve: its size, that it cannot be compressed away, what is lost of it, and that it grows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io.h"
#include "check.h"
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

int main(void)
{
	char folder[] = "/tmp/space-test-XXXXXX";
	_cleanup_close_ int dirfd = -1;

	CHECK(mkdtemp(folder) != NULL);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_size(dirfd);
	test_lost(dirfd);
	(void) unlinkat(dirfd, "reserve", 0);
	(void) rmdir(folder);
	return check_result();
}
