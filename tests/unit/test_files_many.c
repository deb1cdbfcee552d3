/* SPDX-License-Identifier: MIT */
/* Files of thousands of extents, where an operation takes several batches; and what the background
 * thread finds after a start: interrupted truncations, inline extents on no list, unused segments. */
#include <linux/falloc.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/extent.h"
#include "files_box.h"
#include "tests/unit/any_is_open.h"

#define PIECES 2000u
#define STRIDE 8192u
#define PIECE 100u
#define SIZE ((uint64_t)PIECES * STRIDE)

static struct files_box box;
static uint8_t *want, *got;

static void make_pieces(uint64_t ino)
{
	struct tree_request rq = { 0 };
	struct inode i;

	memset(want, 0, SIZE);
	CHECK_EQ(file_truncate(box.f, &rq, ino, 0, false, &i), 0);
	for (unsigned k = 0; k < PIECES; k++) {
		memset(want + k * STRIDE, (int)(k % 250 + 1), PIECE);
		CHECK_EQ(file_write(box.f, &rq, ino, (uint64_t)k * STRIDE, want + k * STRIDE, PIECE, false, false),
			 PIECE);
	}
	CHECK_EQ(file_truncate(box.f, &rq, ino, SIZE, false, &i), 0);
	CHECK_EQ(i.sets[SET_EXTENTS].count, 2 * PIECES);
	CHECK_EQ(i.bytes, PIECES * PIECE);
}

static void check_contents(uint64_t ino, uint64_t size)
{
	struct inode i;

	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	CHECK_EQ(i.size, size);
	memset(got, 0xee, SIZE);
	CHECK_EQ(file_read(box.f, ino, 0, got, SIZE, false), (int64_t)size);
	CHECK(memcmp(got, want, size) == 0);
}

static uint64_t extents(uint64_t ino)
{
	struct inode i;

	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	return i.sets[SET_EXTENTS].count;
}

static void test_steps(bool folded)
{
	uint64_t ino, copy;
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	copy = files_box_new_file(&box);
	make_pieces(ino);
	if (folded)
		CHECK_EQ(catalog_checkpoint(box.c), 0);
	check_contents(ino, SIZE);

	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, copy, 0, SIZE, false), (int64_t)SIZE);
	check_contents(copy, SIZE);
	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, copy, 0, SIZE, false), (int64_t)SIZE);
	check_contents(copy, SIZE);
	CHECK_EQ(extents(copy), 2 * PIECES);

	CHECK_EQ(file_allocate(box.f, &rq, copy, FALLOC_FL_KEEP_SIZE, 0, SIZE + 4096, false), 0);
	check_contents(copy, SIZE);
	CHECK_EQ(inode_get(box.c, copy, &i), 0);
	CHECK_EQ(i.bytes, SIZE + 4096);

	memset(want + 5000, 0x77, SIZE - 10000);
	CHECK_EQ(file_write(box.f, &rq, copy, 5000, want + 5000, SIZE - 10000, false, false), (int64_t)SIZE - 10000);
	check_contents(copy, SIZE);
	CHECK(extents(copy) < 64);
	files_box_verify(&box);

	CHECK_EQ(file_allocate(box.f, &rq, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE / 2, false), 0);
	CHECK_EQ(file_allocate(box.f, &rq, ino, FALLOC_FL_ZERO_RANGE, SIZE / 2, SIZE / 4, false), 0);
	make_pieces(ino);
	CHECK_EQ(file_truncate(box.f, &rq, ino, 10 * STRIDE, false, &i), 0);
	check_contents(ino, 10 * STRIDE);
	CHECK_EQ(extents(ino), 20);
	CHECK_EQ(file_truncate(box.f, &rq, ino, SIZE, false, &i), 0);
	memset(want + 10 * STRIDE, 0, SIZE - 10 * STRIDE);
	check_contents(ino, SIZE);
	files_box_verify(&box);
	files_box_kill(&box);
}

static uint64_t free_bytes(void)
{
	struct files_stats stats;

	files_get_stats(box.f, &stats);
	return stats.free_bytes;
}

/* What waits to be folded is what is there, not the hole between. */
static void test_sparse_copy(void)
{
	const uint64_t end = UINT64_C(3) << 30;
	struct tree_request rq = { 0 };
	uint64_t ino, copy, before;

	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	copy = files_box_new_file(&box);
	before = free_bytes();
	CHECK_EQ(file_write(box.f, &rq, ino, 0, want, PIECE, false, false), PIECE);
	CHECK_EQ(file_write(box.f, &rq, ino, end, want, PIECE, false, false), PIECE);
	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, copy, 0, end + PIECE, false), (int64_t)(end + PIECE));
	CHECK(free_bytes() + (1u << 30) > before);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	CHECK_EQ(extents(copy), 3);
	files_box_verify(&box);
	files_box_kill(&box);
}

/* Words in an order that merges nothing, which are gone when they come to be folded: that costs less than writing them. */
static void test_fold_of_removed(void)
{
	const uint64_t words = 16384, stride = 40503;
	struct tree_request rq = { 0 };
	struct inode i;
	uint64_t ino, start, written, folded;

	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t k = 0; k < words; k++)
		CHECK_EQ(file_write(box.f, &rq, ino, k * stride % words * 16, want, 8, false, false), 8);
	CHECK_EQ(file_truncate(box.f, &rq, ino, 0, false, &i), 0);
	written = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
	start += written;
	CHECK_EQ(files_before_freeze(box.f), 0);
	folded = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
	fprintf(stderr, "%.1f ms to write, %.1f to fold\n", (double)written / 1e6, (double)folded / 1e6);
	CHECK(folded < written);
	files_box_kill(&box);
}

static void test_reclaim(void)
{
	struct tree_request rq = { 0 };
	uint64_t ino;
	struct inode i;
	char name[32];

	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	make_pieces(ino);
	(void) snprintf(name, sizeof(name), "file%u", box.made - 1);
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, any_is_open, NULL, &i), 0);
	check_contents(ino, SIZE);
	CHECK_EQ(file_write(box.f, &rq, ino, 0, want, PIECE, false, false), PIECE);
	CHECK_EQ(file_reclaim(box.f, ino), 0);
	CHECK_EQ(inode_get(box.c, ino, &i), -ENOENT);
	CHECK_EQ(file_reclaim(box.f, ino), 0);
	files_box_verify(&box);
	files_box_kill(&box);
}

/* The first batch of a truncation, as if a crash had followed it. */
static void begin_truncation(uint64_t ino, uint64_t size)
{
	struct key key = key_u64(key_u8(key_start('Q'), QUEUE_DELETE), ino);
	struct batch *b;
	struct inode i;

	CHECK_EQ(catalog_begin(box.c, true, &b), 0);
	CHECK_EQ(inode_get_in(b, ino, &i), 0);
	i.size = size;
	batch_put(b, key.bytes, key.len, "\1", 1);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static uint64_t count_inline(uint64_t ino)
{
	struct extent_walk *walk;
	struct extent e;
	uint64_t n = 0;

	CHECK_EQ(extent_walk_open(box.c, ino, 0, &walk), 0);
	while (extent_walk_next(walk, &e) > 0)
		n += e.kind == EXTENT_INLINE;
	(void) extent_walk_close(walk);
	return n;
}

static bool segment_is_there(const char *name)
{
	char path[32];

	(void) snprintf(path, sizeof(path), "hot/%s", name);
	return faccessat(box.temp.dirfd, path, F_OK, 0) == 0;
}

static void test_start(void)
{
	uint64_t whole, cut;

	CHECK_EQ(files_box_open(&box), 0);
	whole = files_box_new_file(&box);
	cut = files_box_new_file(&box);
	make_pieces(whole);
	make_pieces(cut);
	begin_truncation(cut, 10 * STRIDE + 50);
	check_contents(cut, 10 * STRIDE + 50);
	files_box_verify(&box);
	files_box_kill(&box);
	files_box_shell(&box, "head -c 100000 /dev/zero > $V/hot/0000beef.seg");

	CHECK_EQ(files_box_open(&box), 0);
	CHECK(segment_is_there("0000beef.seg"));
	CHECK_EQ(count_inline(whole), PIECES);
	CHECK_EQ(files_start(box.f), 0);
	for (unsigned n = 0; n < 1000 && (extents(cut) > 21 || segment_is_there("0000beef.seg")); n++)
		(void) usleep(10000);
	CHECK_EQ(extents(cut), 21);
	CHECK(!segment_is_there("0000beef.seg"));
	/* What would not fill 64 KiB stays inline until the end. */
	for (unsigned n = 0; n < 500 && count_inline(whole) * PIECE >= 65536; n++) {
		(void) usleep(20000);
		CHECK_EQ(files_before_freeze(box.f), 0);
	}
	CHECK(count_inline(whole) * PIECE < 65536);
	check_contents(whole, SIZE);
	files_box_verify(&box);
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(files_box_open(&box), 0);
	/* On a busy machine the scan had perhaps not come to the last ones: the next start looks again. */
	for (unsigned n = 0; n < 20 && count_inline(whole) > 0; n++) {
		CHECK_EQ(files_start(box.f), 0);
		(void) usleep(100000);
		CHECK_EQ(files_box_stop(&box), 0);
		CHECK_EQ(files_box_open(&box), 0);
	}
	CHECK_EQ(count_inline(whole), 0);
	check_contents(whole, SIZE);
}

int main(void)
{
	want = malloc(SIZE);
	got = malloc(SIZE);
	files_box_make(&box);
	test_steps(false);
	test_steps(true);
	test_sparse_copy();
	test_fold_of_removed();
	test_reclaim();
	test_start();
	files_box_free(&box);
	free(want);
	free(got);
	return check_result();
}
