/* SPDX-License-Identifier: MIT */
/* The bytes of files when there is no memory: a write has happened or not, what was there before stays, folding and
 * cleaning can be done later, and no acknowledged byte is lost by a recovery that could not look. */
#include <linux/falloc.h>

#include "tests/unit/any_is_open.h"
#include "tests/unit/files_box.h"
#include "tests/unit/memory_steps.h"
#include "tiers/clean.h"

#define SMALL 3000u
#define LARGE 200000u

static struct files_box box;
static uint64_t file;                 /* what the steps change */
static uint64_t still;                /* what none changes: the second half of `bytes` */
static uint64_t victim;               /* an orphan */
static uint8_t bytes[2 * LARGE], old[2 * LARGE], got[2 * LARGE];
static size_t size;                   /* of `file`, with `old` in it */

static void fill(uint8_t *place, size_t len, unsigned k)
{
	for (size_t i = 0; i < len; i++)
		place[i] = (uint8_t)(i * 31 + i / 251 + k * 7 + 1);
}

static bool holds(uint64_t ino, const uint8_t *want, size_t len)
{
	ssize_t n = file_read(box.f, ino, 0, got, sizeof(got), false);

	return n == (ssize_t)len && memcmp(got, want, len) == 0;
}

static ssize_t write_at(uint64_t ino, uint64_t at, const void *data, size_t len)
{
	struct tree_request rq = { 0 };

	return file_write(box.f, &rq, ino, at, data, len, false, false);
}

/* The file is what `bytes` says when the try was `done`, and what it was before otherwise. */
static bool settles(size_t new_size, bool done)
{
	bool right = done ? holds(file, bytes, new_size) : holds(file, old, size);

	if (done) {
		memcpy(old, bytes, new_size);
		size = new_size;
	}
	memcpy(bytes, old, LARGE);
	return right;
}

/* ---- changes */

static int write_small(unsigned k)
{
	fill(bytes + 100, SMALL, k);
	return (int)write_at(file, 100, bytes + 100, SMALL);
}

static int write_large(unsigned k)
{
	fill(bytes, LARGE, k);
	return (int)write_at(file, 0, bytes, LARGE);
}

static bool same_size(unsigned k, bool done)
{
	return settles(size, done);
}

static int cut(unsigned k)
{
	struct tree_request rq = { 0 };
	struct inode i;

	return file_truncate(box.f, &rq, file, LARGE / 2 + k, false, &i);
}

static bool is_cut(unsigned k, bool done)
{
	bool right = settles(done ? LARGE / 2 + k : size, done);

	fill(bytes, LARGE, k);
	CHECK_EQ(write_at(file, 0, bytes, LARGE), LARGE);
	(void) settles(LARGE, true);
	return right;
}

static int punch(unsigned k)
{
	struct tree_request rq = { 0 };

	memset(bytes + 5000 + k, 0, 50000);
	return file_allocate(box.f, &rq, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5000 + k, 50000, false);
}

static int copy(unsigned k)
{
	struct tree_request rq = { 0 };

	memcpy(bytes, bytes + LARGE / 2, LARGE / 4);
	return (int)file_copy_range(box.f, &rq, file, LARGE / 2, file, 0, LARGE / 4, false);
}

/* Without memory it may do a part, and say so. */
static bool is_copied(unsigned k, bool done)
{
	return settles(size, done);
}

/* ---- what changes no byte */

static bool both_hold(unsigned k, bool done)
{
	return holds(file, old, size) && holds(still, bytes + LARGE, LARGE);
}

static int read_all(unsigned k)
{
	ssize_t n = file_read(box.f, file, 0, got, sizeof(got), false);

	if (n >= 0)
		CHECK(n == (ssize_t)size && memcmp(got, old, size) == 0);
	return n < 0 ? (int)n : 0;
}

static int seek_hole(unsigned k)
{
	uint64_t at;

	return file_seek(box.f, file, 0, SEEK_HOLE, &at);
}

static void write_pieces(unsigned k)
{
	for (unsigned i = 0; i < 20; i++) {
		fill(bytes + 6000ul * i, 700, k + i);
		CHECK_EQ(write_at(file, 6000ul * i, bytes + 6000ul * i, 700), 700);
	}
	CHECK(settles(size, true));
}

static int fold(unsigned k)
{
	return catalog_checkpoint(box.c);
}

static bool is_folded(unsigned k, bool done)
{
	bool right = both_hold(k, done);

	if (done)
		write_pieces(k);
	return right;
}

static int clean(unsigned k)
{
	return clean_once(box.f);
}

/* Some garbage for the next one. */
static bool is_cleaned(unsigned k, bool done)
{
	for (unsigned i = 0; done && i < 5; i++) {
		CHECK_EQ(write_large(k + i), LARGE);
		(void) settles(size, true);
	}
	return both_hold(k, done);
}

static int sync_all(unsigned k)
{
	return catalog_sync(box.c, catalog_last_lsn(box.c));
}

/* An orphan with bytes. */
static void make_victim(void)
{
	struct tree_request rq = { 0 };
	struct inode i;
	char name[32];

	victim = files_box_new_file(&box);
	(void) snprintf(name, sizeof(name), "file%u", box.made - 1);
	CHECK_EQ(write_at(victim, 0, bytes, LARGE), LARGE);
	CHECK_EQ(write_at(victim, LARGE, bytes, SMALL), SMALL);
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, any_is_open, NULL, &i), 0);
}

static int reclaim(unsigned k)
{
	return file_reclaim(box.f, victim);
}

/* What is left of one that failed is freed by the next attempt. */
static bool is_reclaimed(unsigned k, bool done)
{
	struct inode i;
	bool gone = inode_get(box.c, victim, &i) == -ENOENT;

	if (!done)
		return true;
	make_victim();
	return gone;
}

/* As if killed; what the log names is looked at. */
static int reopen(unsigned k)
{
	int r;

	files_box_kill(&box);
	r = files_box_open(&box);
	return r == -EAGAIN ? -ENOMEM : r; /* a thread could not be made */
}

static bool is_whole(unsigned k, bool done)
{
	if (!done)
		return true;
	CHECK(!box.report.cut);
	if (!both_hold(k, done))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(catalog_checkpoint(box.c), 0);
		(void) write_large(k + i);
		CHECK(settles(size, true));
	}
	return true;
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "write of a few bytes", write_small, same_size },
		{ "write of many bytes", write_large, same_size },
		{ "truncate", cut, is_cut },
		{ "punch", punch, same_size },
		{ "copy_file_range", copy, is_copied },
		{ "read", read_all, both_hold },
		{ "seek", seek_hole, NULL },
		{ "fold and checkpoint", fold, is_folded },
		{ "read what is folded", read_all, both_hold },
		{ "sync", sync_all, both_hold },
		{ "clean", clean, is_cleaned },
		{ "open after a kill", reopen, is_whole },
		{ "reclaim", reclaim, is_reclaimed },
	};

	files_box_make(&box);
	box.catalog.wal.segment_size = 512u << 10;
	box.config.segment_size = 1u << 20;
	CHECK_EQ(files_box_open(&box), 0);
	file = files_box_new_file(&box);
	still = files_box_new_file(&box);
	fill(bytes, 2 * LARGE, 0);
	CHECK_EQ(write_at(file, 0, bytes, LARGE), LARGE);
	CHECK_EQ(write_at(still, 0, bytes + LARGE, LARGE), LARGE);
	CHECK(settles(LARGE, true));
	make_victim();
	memory_run(steps, ARRAY_SIZE(steps));
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(files_box_open(&box), 0);
	CHECK(both_hold(0, true));
	files_box_verify(&box);
	files_box_free(&box);
	return check_result();
}
