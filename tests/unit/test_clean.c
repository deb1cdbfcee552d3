/* SPDX-License-Identifier: MIT */
/* What cleaning does with a segment that a crash left behind. */
#include "base/cleanup.h"
#include "files_box.h"
#include "tiers/account.h"
#include "tiers/clean.h"
#include "tiers/hot/segment_format.h"

#define PIECE (256u << 10)
#define KEPT 3u /* pieces */

static struct files_box box;
static uint8_t piece[PIECE];

static void write_pieces(uint64_t ino, unsigned n)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < n; k++)
		CHECK_EQ(file_write(box.f, &rq, ino, k * (uint64_t)PIECE, piece, PIECE, false, false), PIECE);
}

static void check_kept(uint64_t ino)
{
	static uint8_t got[PIECE];

	for (unsigned k = 0; k < KEPT; k++) {
		CHECK_EQ(file_read(box.f, ino, k * (uint64_t)PIECE, got, PIECE, false), PIECE);
		CHECK(memcmp(got, piece, PIECE) == 0);
	}
}

static uint64_t segment_of(uint64_t ino)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e = { 0 };

	CHECK_EQ(extent_find(box.c, ino, 0, &scratch, &e), 0);
	CHECK_EQ(e.kind, EXTENT_HOT);
	return e.segment;
}

static bool is_there(uint64_t segment)
{
	char path[64], name[SEGMENT_NAME_SIZE];

	(void) snprintf(path, sizeof(path), "hot/%s", segment_name(segment, name));
	return faccessat(box.temp.dirfd, path, F_OK, 0) == 0;
}

static uint64_t segments_bytes(void)
{
	struct files_stats stats;

	files_get_stats(box.f, &stats);
	return stats.hot_stored_bytes;
}

/* A file whose first pieces alone are alive in a segment that nobody appends to any more. */
static uint64_t make_segment_of(unsigned alive)
{
	uint64_t ino = files_box_new_file(&box);
	struct inode i;

	write_pieces(ino, 14);
	write_pieces(files_box_new_file(&box), 14);
	CHECK_EQ(file_truncate(box.f, &(struct tree_request){ 0 }, ino, alive * PIECE, false, &i), 0);
	return ino;
}

static uint64_t make_sparse_segment(void)
{
	return make_segment_of(KEPT);
}

/* Its objects were moved, its account is gone, and the crash came before the file was unlinked. */
static void test_left_behind(void)
{
	uint64_t ino, old;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ino = make_sparse_segment();
	old = segment_of(ino);
	files_box_shell(&box, "cp -r $V/hot $V/hot.before");
	CHECK_EQ(clean_once(box.f), 1);
	CHECK(segment_of(ino) != old);
	CHECK(!is_there(old));
	CHECK_EQ(files_box_stop(&box), 0);
	files_box_shell(&box, "cp -n $V/hot.before/* $V/hot && rm -r $V/hot.before");
	CHECK(is_there(old));
	CHECK_EQ(files_box_open(&box), 0);
	CHECK_EQ(clean_unaccounted(box.f), 0);
	CHECK(!is_there(old));
	check_kept(ino);
	files_box_verify(&box);
	files_box_free(&box);
}

/* Whose account alone was lost stays. */
static void test_in_use(void)
{
	struct batch *b;
	uint64_t ino;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ino = make_sparse_segment();
	CHECK_EQ(catalog_begin(box.c, false, &b), 0);
	account_remove(b, segment_of(ino));
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(clean_unaccounted(box.f), 0);
	CHECK(is_there(segment_of(ino)));
	check_kept(ino);
	files_box_free(&box);
}

/* 10 of 14 pieces are alive. */
static void test_how_sparse(unsigned clean_below, bool cleaned)
{
	uint64_t ino, old;

	files_box_make(&box);
	box.config.clean_below = clean_below;
	CHECK_EQ(files_box_open(&box), 0);
	ino = make_segment_of(10);
	old = segment_of(ino);
	CHECK_EQ(clean_once(box.f), cleaned);
	CHECK_EQ(is_there(old), !cleaned);
	check_kept(ino);
	files_box_verify(&box);
	files_box_free(&box);
}

/* Objects of a few bytes take 8 KiB each: a copy of them would have to be cleaned again, without end. */
static void test_small_objects_are_packed(void)
{
	struct tree_request rq = { 0 };
	uint64_t ino, size;

	files_box_make(&box);
	box.config.inline_below = 1;
	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	for (unsigned k = 0; k < 400; k++)
		CHECK_EQ(file_write(box.f, &rq, ino, k * 100, piece, 100, false, false), 100);
	write_pieces(files_box_new_file(&box), 14);
	size = segments_bytes();
	CHECK_EQ(clean_once(box.f), 1);
	CHECK(segments_bytes() < size - 390 * 8192);
	files_box_verify(&box);
	files_box_free(&box);
}

int main(void)
{
	memset(piece, 0x5a, sizeof(piece));
	test_how_sparse(0, false);
	test_how_sparse(80, true);
	test_small_objects_are_packed();
	test_left_behind();
	test_in_use();
	return check_result();
}
