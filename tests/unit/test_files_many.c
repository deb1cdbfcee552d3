#include "tests/unit/any_is_open.h"
/* SPDX-License-Identifier: MIT */
#include "tests/unit/any_is_open.h"
/* Files of thousands of extents, where an operation takes several batches; and what the background
#include "tests/unit/any_is_open.h"
 * thread finds after a start: interrupted truncations, inline extents on no list, unused segments. */
#include "tests/unit/any_is_open.h"
#include <linux/falloc.h>
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
#include "base/cleanup.h"
#include "tests/unit/any_is_open.h"
#include "catalog/extent.h"
#include "tests/unit/any_is_open.h"
#include "files_box.h"
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
#define PIECES 2000u
#include "tests/unit/any_is_open.h"
#define STRIDE 8192u
#include "tests/unit/any_is_open.h"
#define PIECE 100u
#include "tests/unit/any_is_open.h"
#define SIZE ((uint64_t)PIECES * STRIDE)
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static struct files_box box;
#include "tests/unit/any_is_open.h"
static uint8_t *want, *got;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static void make_pieces(uint64_t ino)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct tree_request rq = { 0 };
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	memset(want, 0, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_truncate(box.f, &rq, ino, 0, false, &i), 0);
#include "tests/unit/any_is_open.h"
	for (unsigned k = 0; k < PIECES; k++) {
#include "tests/unit/any_is_open.h"
		memset(want + k * STRIDE, (int)(k % 250 + 1), PIECE);
#include "tests/unit/any_is_open.h"
		CHECK_EQ(file_write(box.f, &rq, ino, (uint64_t)k * STRIDE, want + k * STRIDE, PIECE, false, false),
#include "tests/unit/any_is_open.h"
			 PIECE);
#include "tests/unit/any_is_open.h"
	}
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_truncate(box.f, &rq, ino, SIZE, false, &i), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(i.sets[SET_EXTENTS].count, 2 * PIECES);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(i.bytes, PIECES * PIECE);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static void check_contents(uint64_t ino, uint64_t size)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(inode_get(box.c, ino, &i), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(i.size, size);
#include "tests/unit/any_is_open.h"
	memset(got, 0xee, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_read(box.f, ino, 0, got, SIZE, false), (int64_t)size);
#include "tests/unit/any_is_open.h"
	CHECK(memcmp(got, want, size) == 0);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static uint64_t extents(uint64_t ino)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(inode_get(box.c, ino, &i), 0);
#include "tests/unit/any_is_open.h"
	return i.sets[SET_EXTENTS].count;
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static void test_steps(bool folded)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	uint64_t ino, copy;
#include "tests/unit/any_is_open.h"
	struct tree_request rq = { 0 };
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_open(&box), 0);
#include "tests/unit/any_is_open.h"
	ino = files_box_new_file(&box);
#include "tests/unit/any_is_open.h"
	copy = files_box_new_file(&box);
#include "tests/unit/any_is_open.h"
	make_pieces(ino);
#include "tests/unit/any_is_open.h"
	if (folded)
#include "tests/unit/any_is_open.h"
		CHECK_EQ(catalog_checkpoint(box.c), 0);
#include "tests/unit/any_is_open.h"
	check_contents(ino, SIZE);
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, copy, 0, SIZE, false), (int64_t)SIZE);
#include "tests/unit/any_is_open.h"
	check_contents(copy, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, copy, 0, SIZE, false), (int64_t)SIZE);
#include "tests/unit/any_is_open.h"
	check_contents(copy, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(extents(copy), 2 * PIECES);
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_allocate(box.f, &rq, copy, FALLOC_FL_KEEP_SIZE, 0, SIZE + 4096, false), 0);
#include "tests/unit/any_is_open.h"
	check_contents(copy, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(inode_get(box.c, copy, &i), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(i.bytes, SIZE + 4096);
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	memset(want + 5000, 0x77, SIZE - 10000);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_write(box.f, &rq, copy, 5000, want + 5000, SIZE - 10000, false, false), (int64_t)SIZE - 10000);
#include "tests/unit/any_is_open.h"
	check_contents(copy, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK(extents(copy) < 64);
#include "tests/unit/any_is_open.h"
	files_box_verify(&box);
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_allocate(box.f, &rq, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE / 2, false), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_allocate(box.f, &rq, ino, FALLOC_FL_ZERO_RANGE, SIZE / 2, SIZE / 4, false), 0);
#include "tests/unit/any_is_open.h"
	make_pieces(ino);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_truncate(box.f, &rq, ino, 10 * STRIDE, false, &i), 0);
#include "tests/unit/any_is_open.h"
	check_contents(ino, 10 * STRIDE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(extents(ino), 20);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_truncate(box.f, &rq, ino, SIZE, false, &i), 0);
#include "tests/unit/any_is_open.h"
	memset(want + 10 * STRIDE, 0, SIZE - 10 * STRIDE);
#include "tests/unit/any_is_open.h"
	check_contents(ino, SIZE);
#include "tests/unit/any_is_open.h"
	files_box_verify(&box);
#include "tests/unit/any_is_open.h"
	files_box_kill(&box);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static void test_reclaim(void)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct tree_request rq = { 0 };
#include "tests/unit/any_is_open.h"
	uint64_t ino;
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"
	char name[32];
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_open(&box), 0);
#include "tests/unit/any_is_open.h"
	ino = files_box_new_file(&box);
#include "tests/unit/any_is_open.h"
	make_pieces(ino);
#include "tests/unit/any_is_open.h"
	(void) snprintf(name, sizeof(name), "file%u", box.made - 1);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, any_is_open, NULL, &i), 0);
#include "tests/unit/any_is_open.h"
	check_contents(ino, SIZE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_write(box.f, &rq, ino, 0, want, PIECE, false, false), PIECE);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_reclaim(box.f, ino), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(inode_get(box.c, ino, &i), -ENOENT);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(file_reclaim(box.f, ino), 0);
#include "tests/unit/any_is_open.h"
	files_box_verify(&box);
#include "tests/unit/any_is_open.h"
	files_box_kill(&box);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
/* The first batch of a truncation, as if a crash had followed it. */
#include "tests/unit/any_is_open.h"
static void begin_truncation(uint64_t ino, uint64_t size)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct key key = key_u64(key_u8(key_start('Q'), QUEUE_DELETE), ino);
#include "tests/unit/any_is_open.h"
	struct batch *b;
#include "tests/unit/any_is_open.h"
	struct inode i;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(catalog_begin(box.c, true, &b), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(inode_get_in(b, ino, &i), 0);
#include "tests/unit/any_is_open.h"
	i.size = size;
#include "tests/unit/any_is_open.h"
	batch_put(b, key.bytes, key.len, "\1", 1);
#include "tests/unit/any_is_open.h"
	inode_put(b, &i);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(batch_commit(b, NULL), 0);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static uint64_t count_inline(uint64_t ino)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	struct extent_walk *walk;
#include "tests/unit/any_is_open.h"
	struct extent e;
#include "tests/unit/any_is_open.h"
	uint64_t n = 0;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(extent_walk_open(box.c, ino, 0, &walk), 0);
#include "tests/unit/any_is_open.h"
	while (extent_walk_next(walk, &e) > 0)
#include "tests/unit/any_is_open.h"
		n += e.kind == EXTENT_INLINE;
#include "tests/unit/any_is_open.h"
	(void) extent_walk_close(walk);
#include "tests/unit/any_is_open.h"
	return n;
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static bool segment_is_there(const char *name)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	char path[32];
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	(void) snprintf(path, sizeof(path), "hot/%s", name);
#include "tests/unit/any_is_open.h"
	return faccessat(box.temp.dirfd, path, F_OK, 0) == 0;
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
static void test_start(void)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	uint64_t whole, cut;
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_open(&box), 0);
#include "tests/unit/any_is_open.h"
	whole = files_box_new_file(&box);
#include "tests/unit/any_is_open.h"
	cut = files_box_new_file(&box);
#include "tests/unit/any_is_open.h"
	make_pieces(whole);
#include "tests/unit/any_is_open.h"
	make_pieces(cut);
#include "tests/unit/any_is_open.h"
	begin_truncation(cut, 10 * STRIDE + 50);
#include "tests/unit/any_is_open.h"
	check_contents(cut, 10 * STRIDE + 50);
#include "tests/unit/any_is_open.h"
	files_box_verify(&box);
#include "tests/unit/any_is_open.h"
	files_box_kill(&box);
#include "tests/unit/any_is_open.h"
	files_box_shell(&box, "head -c 100000 /dev/zero > $V/hot/0000beef.seg");
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_open(&box), 0);
#include "tests/unit/any_is_open.h"
	CHECK(segment_is_there("0000beef.seg"));
#include "tests/unit/any_is_open.h"
	CHECK_EQ(count_inline(whole), PIECES);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_start(box.f), 0);
#include "tests/unit/any_is_open.h"
	for (unsigned n = 0; n < 1000 && (extents(cut) > 21 || segment_is_there("0000beef.seg")); n++)
#include "tests/unit/any_is_open.h"
		(void) usleep(10000);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(extents(cut), 21);
#include "tests/unit/any_is_open.h"
	CHECK(!segment_is_there("0000beef.seg"));
#include "tests/unit/any_is_open.h"
	/* What would not fill 64 KiB stays inline until the end. */
#include "tests/unit/any_is_open.h"
	for (unsigned n = 0; n < 500 && count_inline(whole) * PIECE >= 65536; n++) {
#include "tests/unit/any_is_open.h"
		(void) usleep(20000);
#include "tests/unit/any_is_open.h"
		CHECK_EQ(files_before_freeze(box.f), 0);
#include "tests/unit/any_is_open.h"
	}
#include "tests/unit/any_is_open.h"
	CHECK(count_inline(whole) * PIECE < 65536);
#include "tests/unit/any_is_open.h"
	check_contents(whole, SIZE);
#include "tests/unit/any_is_open.h"
	files_box_verify(&box);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_stop(&box), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(files_box_open(&box), 0);
#include "tests/unit/any_is_open.h"
	CHECK_EQ(count_inline(whole), 0);
#include "tests/unit/any_is_open.h"
	check_contents(whole, SIZE);
#include "tests/unit/any_is_open.h"
}
#include "tests/unit/any_is_open.h"

#include "tests/unit/any_is_open.h"
int main(void)
#include "tests/unit/any_is_open.h"
{
#include "tests/unit/any_is_open.h"
	want = malloc(SIZE);
#include "tests/unit/any_is_open.h"
	got = malloc(SIZE);
#include "tests/unit/any_is_open.h"
	files_box_make(&box);
#include "tests/unit/any_is_open.h"
	test_steps(false);
#include "tests/unit/any_is_open.h"
	test_steps(true);
#include "tests/unit/any_is_open.h"
	test_reclaim();
#include "tests/unit/any_is_open.h"
	test_start();
#include "tests/unit/any_is_open.h"
	files_box_free(&box);
#include "tests/unit/any_is_open.h"
	free(want);
#include "tests/unit/any_is_open.h"
	free(got);
#include "tests/unit/any_is_open.h"
	return check_result();
#include "tests/unit/any_is_open.h"
}
