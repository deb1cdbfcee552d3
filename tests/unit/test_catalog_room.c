/* SPDX-License-Identifier: MIT */
/* No room: in the log, in the overlay, on the disk. */
#include <errno.h>
#include <pthread.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

static void test_full_log(void)
{
	struct box b;
	static char value[4000];

	box_make(&b);
	b.config.wal.segments_max = 3;
	memset(value, 'v', sizeof(value) - 1);
	CHECK_EQ(box_open(&b), 0);
	for (unsigned i = 0; i < 2000; i++) {
		random_bytes(value, 16); /* so that the log cannot compress it to nothing */
		for (unsigned k = 0; k < 16; k++)
			value[k] |= 1;
		CHECK_EQ(box_put(&b, box_key('I', i % 50), value), 0);
	}
	CHECK(box_has(&b, box_key('I', 1999 % 50), value));
	CHECK_EQ(box_reopen(&b), 0);
	CHECK(box_has(&b, box_key('I', 1999 % 50), value));
	CHECK_EQ(box_stop(&b), 0);
	box_free(&b);
}

static int count_fold(void *context)
{
	++*(unsigned *)context;
	return 0;
}

static void test_full_overlay(void)
{
	struct box b;
	unsigned folds = 0;
	struct catalog_stats stats;

	box_make(&b);
	b.config.context = &folds;
	b.config.before_freeze = count_fold;
	b.config.overlay_records = 300;
	b.config.checkpoint_ms = 60000;
	for (unsigned pass = 0; pass < 2; pass++) {
		CHECK_EQ(box_open(&b), 0);
		if (pass)
			CHECK_EQ(catalog_start(b.c), 0);
		for (unsigned i = 0; i < 5000; i++)
			CHECK_EQ(box_put(&b, box_key('I', i), "much"), 0);
		catalog_get_stats(b.c, &stats);
		CHECK(stats.checkpoints >= 10);
		CHECK(stats.overlay_records < 1000);
		box_close(&b);
	}
	CHECK(folds > 0);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(box_count(&b, "I", 1), 5000);
	box_free(&b);
}

/* A map that is too small stands for a full disk. */
static void test_full_disk(void)
{
	struct box b;
	struct catalog_stats stats;
	static char value[2000];
	unsigned n = 0;
	int r;

	box_make(&b);
	memset(value, 'v', sizeof(value) - 1);
	b.config.map_size = 1 << 20;
	b.config.overlay_bytes = 300 << 10;
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(catalog_start(b.c), 0);
	while ((r = box_put(&b, box_key('I', n), value)) == 0 && n < 10000)
		n++;
	CHECK_EQ(r, -ENOSPC);
	catalog_get_stats(b.c, &stats);
	CHECK(stats.no_space && !stats.failed);
	CHECK_EQ(box_put(&b, box_key('I', n), value), -ENOSPC);
	CHECK_EQ(box_count(&b, "I", 1), n);
	b.config.map_size = 0;
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(box_count(&b, "I", 1), n);
	CHECK_EQ(box_put(&b, box_key('I', n), value), 0);
	CHECK_EQ(box_stop(&b), 0);
	box_free(&b);
}

/* Folding waits for a lock that the writer holds who waits for room. */
static pthread_mutex_t held_by_writer = PTHREAD_MUTEX_INITIALIZER;

static int fold_under_lock(void *context)
{
	(void) pthread_mutex_lock(&held_by_writer);
	(void) pthread_mutex_unlock(&held_by_writer);
	return 0;
}

static void test_fold_and_writer(void)
{
	struct box b;

	box_make(&b);
	b.config.overlay_records = 100;
	b.config.before_freeze = fold_under_lock;
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(catalog_start(b.c), 0);
	(void) pthread_mutex_lock(&held_by_writer);
	for (unsigned i = 0; i < 350; i++)
		CHECK_EQ(box_put(&b, box_key('I', i), "x"), 0);
	(void) pthread_mutex_unlock(&held_by_writer);
	CHECK_EQ(box_count(&b, "I", 1), 350);
	box_free(&b);
}

int main(void)
{
	test_full_log();
	test_full_overlay();
	test_full_disk();
	test_fold_and_writer();
	return check_result();
}
