/* SPDX-License-Identifier: MIT */
/* What data segments say of themselves: every extent that the catalog has lies in one that they speak of, with the same
 * inode and place; what is damaged is passed over, and the rest is told all the same. */
#include "base/cleanup.h"
#include "tests/unit/files_box.h"

#define FILES 60u
#define LARGE 200000u
#define TOLD_MAX 1000u

static struct files_box box;
static uint64_t inos[FILES];

static struct told {
	uint64_t ino;
	struct extent e;
} told[TOLD_MAX];
static size_t n_told;

static int tell(void *context, uint64_t ino, const struct extent *e)
{
	CHECK(n_told < TOLD_MAX && e->kind == EXTENT_HOT && e->len > 0 && e->skip + e->len <= e->object_len);
	if (n_told < TOLD_MAX)
		told[n_told++] = (struct told){ ino, *e };
	return 0;
}

static void ask(void)
{
	n_told = 0;
	CHECK_EQ(files_foreach_described(box.f, tell, NULL), 0);
}

/* Of the same object, and with each byte where the extent has it. */
static bool covers(const struct told *t, uint64_t ino, const struct extent *e)
{
	return t->ino == ino && id128_equal(t->e.run.id, e->run.id) && t->e.segment == e->segment &&
	       t->e.place == e->place && t->e.object_len == e->object_len &&
	       t->e.offset - t->e.skip == e->offset - e->skip && t->e.offset <= e->offset &&
	       extent_end(&t->e) >= extent_end(e);
}

static bool is_told(uint64_t ino, const struct extent *e)
{
	for (size_t k = 0; k < n_told; k++)
		if (covers(&told[k], ino, e))
			return true;
	return false;
}

/* Counts the extents in segments, of those that are told or of the others. */
static unsigned count(bool wanted)
{
	struct extent_walk *walk;
	struct extent e;
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++) {
		CHECK_EQ(extent_walk_open(box.c, inos[k], 0, &walk), 0);
		while (extent_walk_next(walk, &e) > 0)
			n += e.kind == EXTENT_HOT && is_told(inos[k], &e) == wanted;
		(void) extent_walk_close(walk);
	}
	return n;
}

/* Small files, which are folded into objects together, and large ones; then some of each are cut and written over. */
static void make_files(void)
{
	static uint8_t bytes[LARGE];
	struct tree_request rq = { 0 };
	struct inode i;

	for (unsigned k = 0; k < FILES; k++) {
		size_t len = k % 10 == 0 ? LARGE : 100 + k;

		memset(bytes, (int)k, len);
		inos[k] = files_box_new_file(&box);
		CHECK_EQ(file_write(box.f, &rq, inos[k], 0, bytes, len, false, false), (int64_t)len);
	}
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(files_box_open(&box), 0);
	for (unsigned k = 0; k < FILES; k += 5)
		CHECK_EQ(file_truncate(box.f, &rq, inos[k], 60 + k, false, &i), 0);
	CHECK_EQ(file_write(box.f, &rq, inos[10], 50000, bytes, 100000, false, false), 100000);
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(files_box_open(&box), 0);
}

static int stop_at_third(void *context, uint64_t ino, const struct extent *e)
{
	return ++*(unsigned *)context == 3 ? -EINTR : 0;
}

/* The descriptions of all objects of more than one block stand behind their tags: one byte of the first is altered. */
static void damage_first(void)
{
	struct extent e = told[0].e;
	char command[256];

	(void) snprintf(command, sizeof(command),
			"printf X | dd of=$V/hot/%08llx.seg bs=1 seek=%llu conv=notrunc 2>/dev/null",
			(unsigned long long)e.segment,
			(unsigned long long)e.place + 40 + 16 * ((e.object_len + 4095) / 4096) + 3);
	files_box_shell(&box, command);
}

int main(void)
{
	unsigned calls = 0, all, lost;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ask();
	CHECK_EQ(n_told, 0);
	make_files();
	ask();
	all = count(true);
	CHECK(all >= FILES);
	CHECK_EQ(count(false), 0);
	CHECK(n_told >= all); /* what was cut or written over is told, too */
	CHECK_EQ(files_foreach_described(box.f, stop_at_third, &calls), -EINTR);
	CHECK_EQ(calls, 3);

	damage_first();
	ask();
	lost = count(false);
	CHECK(lost > 0 && lost < all && count(true) == all - lost);
	CHECK(n_told > 0);
	files_box_free(&box);
	return check_result();
}
