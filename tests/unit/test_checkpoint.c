/* SPDX-License-Identifier: MIT */
/* When checkpoints happen, and whom they hold up. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

static void sleep_ms(unsigned ms)
{
	(void) nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

/* ---- a slow disk */

static struct box box;
static sem_t syncing, go_on;
static atomic_bool slow;

static int slow_sync(void *context, uint64_t lsn)
{
	if (!atomic_exchange(&slow, false))
		return 0;
	(void) sem_post(&syncing);
	(void) sem_wait(&go_on);
	return 0;
}

static void *checkpoint(void *context)
{
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	return NULL;
}

static void *write_one(void *written)
{
	CHECK_EQ(box_put(&box, box_key('Q', 2), "during"), 0);
	atomic_store((atomic_bool *)written, true);
	return NULL;
}

static bool comes_true(atomic_bool *flag)
{
	for (unsigned n = 0; n < 300 && !atomic_load(flag); n++)
		sleep_ms(10);
	return atomic_load(flag);
}

/* One checkpoint is at the disk, others are asked for: writers wait for none of them. */
static void test_overlapping(void)
{
	pthread_t checkpoints[3], writer;
	atomic_bool written = false;

	box_make(&box);
	box.config.wal.sync_data = slow_sync;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(box_put(&box, box_key('Q', 1), "before"), 0);
	(void) sem_init(&syncing, 0, 0);
	(void) sem_init(&go_on, 0, 0);
	atomic_store(&slow, true);
	CHECK_EQ(pthread_create(&checkpoints[0], NULL, checkpoint, NULL), 0);
	(void) sem_wait(&syncing);
	for (unsigned k = 1; k < ARRAY_SIZE(checkpoints); k++)
		CHECK_EQ(pthread_create(&checkpoints[k], NULL, checkpoint, NULL), 0);
	sleep_ms(100); /* they come to where they wait */
	CHECK_EQ(pthread_create(&writer, NULL, write_one, &written), 0);
	CHECK(comes_true(&written));
	(void) sem_post(&go_on);
	for (unsigned k = 0; k < ARRAY_SIZE(checkpoints); k++)
		CHECK_EQ(pthread_join(checkpoints[k], NULL), 0);
	CHECK_EQ(pthread_join(writer, NULL), 0);
	CHECK_EQ(box_reopen(&box), 0);
	CHECK(box_has(&box, box_key('Q', 1), "before"));
	CHECK(box_has(&box, box_key('Q', 2), "during"));
	box_free(&box);
}

/* ---- nothing to do */

static atomic_uint rounds;

static int count_round(void *context)
{
	atomic_fetch_add(&rounds, 1);
	return 0;
}

/* A batch of notes changes nothing: the thread looks once and goes back to sleep. */
static void test_notes_only(void)
{
	struct batch *b;

	box_make(&box);
	box.config.before_freeze = count_round;
	box.config.checkpoint_ms = 10;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(catalog_start(box.c), 0);
	CHECK_EQ(box_put(&box, box_key('Q', 1), "value"), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	sleep_ms(100);
	atomic_store(&rounds, 0);
	CHECK_EQ(catalog_begin(box.c, false, &b), 0);
	batch_note(b, 1, EVENT_NAME);
	CHECK_EQ(batch_commit(b, NULL), 0);
	sleep_ms(500);
	CHECK(atomic_load(&rounds) <= 1);
	box_free(&box);
}

/* What was written is stored, and then nothing any more. */
static void test_idle(void)
{
	struct box b;
	struct stat before, after;
	struct catalog_stats stats = { 0 };

	box_make(&b);
	b.config.checkpoint_ms = 10;
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(catalog_start(b.c), 0);
	CHECK_EQ(box_put(&b, box_key('I', 1), "x"), 0);
	for (unsigned i = 0; i < 1000 && stats.checkpoints == 0; i++) {
		(void) usleep(10 * 1000);
		catalog_get_stats(b.c, &stats);
	}
	CHECK_EQ(stats.overlay_records, 0);
	CHECK_EQ(fstatat(b.temp.dirfd, "catalog/data.mdb", &before, 0), 0);
	(void) usleep(100 * 1000);
	CHECK_EQ(fstatat(b.temp.dirfd, "catalog/data.mdb", &after, 0), 0);
	CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(b.report.replayed, 0);
	box_free(&b);
}

int main(void)
{
	test_overlapping();
	test_notes_only();
	test_idle();
	return check_result();
}
