/* SPDX-License-Identifier: MIT */
/* A program changes a file while its bytes move, between any two pieces of it: to a pack, from one pack to another, and
 * back. What it wrote is what is there, also after a kill; bytes and accounts agree; and a pack says of a content only
 * bytes of that content. */
#include <linux/falloc.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "files_box.h"
#include "tiers/file_impl.h"
#include "tiers/move/move_rate.h"
#include "tiers/move/packing.h"
#include "tiers/move/promote.h"
#include "tiers/move/sweep.h"
#include "tiers/pack/pack_reader.h"

#define PIECE PACK_FRAME_TARGET
#define SIZE (3 * PIECE)
#define ROOM (5 * PIECE)
#define OTHER_SIZE 5000u

static struct files_box box;
static uint64_t ino, other;
static uint8_t *want, *got; /* of the file, zeros behind `size` */
static uint64_t size;
static uint8_t others[OTHER_SIZE];

static void fill(uint8_t *at, size_t len, uint64_t x)
{
	for (size_t n = 0; n < len; n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		at[n] = (uint8_t)(x >> 57);
	}
}

/* ---- what programs do */

static void put(uint64_t at, size_t len)
{
	struct tree_request rq = { 0 };

	fill(want + at, len, at + len);
	size = MAX(size, at + len);
	for (size_t done = 0; done < len; done += MIN(len - done, (size_t)1 << 20))
		CHECK(file_write(box.f, &rq, ino, at + done, want + at + done, MIN(len - done, (size_t)1 << 20), false, false) > 0);
}

static void cut(uint64_t now)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(file_truncate(box.f, &rq, ino, now, false, &i), 0);
	if (now < size)
		memset(want + now, 0, size - now);
	size = now;
}

static void allocate(int mode, uint64_t at, uint64_t len)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(file_allocate(box.f, &rq, ino, mode, at, len, false), 0);
	memset(want + at, 0, len);
}

static void do_nothing(void) {}
static void do_overwrite(void) { put(0, SIZE); }
static void do_overwrite_little(void) { put(PIECE + PIECE / 2, 100); }
static void do_append(void) { put(size, 3000); }
static void do_truncate(void) { cut(PIECE / 2); }
static void do_empty(void) { cut(0); }
static void do_grow(void) { cut(SIZE + PIECE); }
static void do_punch(void) { allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PIECE - 5000, 10000); }
static void do_zero(void) { allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 100, 2 * PIECE); }

static void do_truncate_and_write(void)
{
	cut(10);
	put(0, SIZE);
}

static void do_copy_from_other(void)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(file_copy_range(box.f, &rq, other, 0, ino, PIECE, OTHER_SIZE, false), OTHER_SIZE);
	memcpy(want + PIECE, others, OTHER_SIZE);
}

static void do_copy_within(void)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(file_copy_range(box.f, &rq, ino, 0, ino, 2 * PIECE, PIECE, false), (int64_t)PIECE);
	memcpy(want + 2 * PIECE, want, PIECE);
}

static void do_link(void)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_link(box.c, &rq, ino, ROOT_INO, "link", &i), 0);
}

static void do_xattr(void)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(tree_setxattr(box.c, &rq, ino, "user.new", "value", 5, 0), 0);
}

/* The name goes to another file; this one is nobody's. */
static void do_rename_over(void)
{
	struct tree_request rq = { 0 };
	struct tree_renamed renamed = { 0 };
	struct tree_make make = { .mode = S_IFREG | 0644 };
	struct inode i;

	CHECK_EQ(tree_make(box.c, &rq, ROOT_INO, "new", &make, &i), 0);
	CHECK_EQ(tree_rename(box.c, &rq, ROOT_INO, "new", ROOT_INO, "file0", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(file_reclaim(box.f, ino), 0);
	size = UINT64_MAX;
}

static void do_unlink(void)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, "file0", NULL, NULL, &i), 0);
	CHECK_EQ(file_reclaim(box.f, ino), 0);
	size = UINT64_MAX;
}

static void do_fold(void)
{
	CHECK_EQ(catalog_checkpoint(box.c), 0);
}

static const struct doing {
	const char *name;
	void (*act)(void);
	bool same_content;
} doings[] = {
	{ "nothing", do_nothing, true }, { "overwrite", do_overwrite }, { "overwrite a little", do_overwrite_little },
	{ "append", do_append }, { "truncate", do_truncate }, { "empty", do_empty }, { "grow", do_grow },
	{ "punch", do_punch }, { "zero", do_zero }, { "truncate and write", do_truncate_and_write },
	{ "copy from another", do_copy_from_other }, { "copy within", do_copy_within }, { "link", do_link, true },
	{ "set an xattr", do_xattr, true }, { "rename over", do_rename_over }, { "unlink", do_unlink },
	{ "fold", do_fold, true },
};

/* ---- moves, in which it is done */

static const struct doing *doing;
static unsigned due; /* after so many pieces */

static uint64_t act_when_due(void *context)
{
	if (due > 0 && --due == 0)
		doing->act();
	return 0;
}

static struct move_rate rate = { .background = true, .requests = act_when_due };

static void pack(bool packed_only)
{
	const struct packing_config config = { .files = box.f, .rate = &rate, .packed_only = packed_only };
	struct packing *p;

	CHECK_EQ(packing_new(&config, &p), 0);
	CHECK_EQ(packing_add(p, ino), 0);
	CHECK_EQ(packing_add(p, other), 0);
	CHECK_EQ(packing_cut(p), 0);
	(void) packing_free(p);
}

static void pack_all(void)
{
	pack(false);
}

static void pack_again(void)
{
	pack(true);
}

static void promote(void)
{
	uint64_t bytes;
	int r = file_promote(box.f, ino, &rate, &bytes);

	CHECK(r == 0 || r == -ESTALE);
}

/* ---- what must hold */

static void check_file(void)
{
	struct inode i;

	if (size == UINT64_MAX) {
		CHECK_EQ(inode_get(box.c, ino, &i), -ENOENT);
	} else {
		memset(got, 0xee, ROOM);
		CHECK_EQ(file_read(box.f, ino, 0, got, ROOM, TIER_WAIT), (int64_t)size);
		CHECK(memcmp(got, want, size) == 0);
	}
	CHECK_EQ(file_read(box.f, other, 0, got, ROOM, TIER_WAIT), OTHER_SIZE);
	CHECK(memcmp(got, others, OTHER_SIZE) == 0);
	files_box_verify(&box);
}

static int note_plain(void *context, const struct pack_record *p)
{
	*(uint64_t *)context = p->plain;
	return 0;
}

/* Only those pieces are in the last pack that were read before the content changed. */
static void check_pack(unsigned after)
{
	uint64_t plain = 0;

	CHECK_EQ(pack_record_foreach(box.c, note_plain, &plain), 0);
	CHECK_EQ(plain, (doing->same_content ? SIZE : (uint64_t)after * PIECE) + OTHER_SIZE);
}

static void make(void)
{
	struct tree_request rq = { 0 };

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	memset(want, 0, ROOM);
	size = 0;
	ino = files_box_new_file(&box);
	other = files_box_new_file(&box);
	put(0, SIZE);
	fill(others, OTHER_SIZE, 7);
	CHECK_EQ(file_write(box.f, &rq, other, 0, others, OTHER_SIZE, false, false), OTHER_SIZE);
}

static void try(void (*move)(void), unsigned after)
{
	const struct sweep s = { .files = box.f };
	struct sweep_result swept = { 0 };

	due = after;
	move();
	due = 0;
	if (move != promote)
		check_pack(after);
	check_file();
	CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
	CHECK_EQ(sweep_dead(&s, &swept), 0);
	check_file();
	files_box_kill(&box);
	CHECK_EQ(files_box_open(&box), 0);
	check_file();
}

static void test_moves(unsigned after)
{
	const int before = check_failures;

	make();
	try(pack_all, after);
	files_box_free(&box);
	make();
	pack_all();
	try(pack_again, after);
	files_box_free(&box);
	make();
	pack_all();
	try(promote, after);
	files_box_free(&box);
	if (check_failures > before)
		fprintf(stderr, "%s after %u pieces\n", doing->name, after);
}

int main(void)
{
	want = malloc(ROOM);
	got = malloc(ROOM);
	for (size_t k = 0; k < ARRAY_SIZE(doings); k++)
		for (unsigned after = 1; after <= 3; after++) {
			doing = &doings[k];
			test_moves(after);
		}
	free(want);
	free(got);
	return check_result();
}
