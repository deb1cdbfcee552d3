/* SPDX-License-Identifier: MIT */
/* The store written anew: every record is kept, beside writers, scans and checkpoints; a stop at any step leaves the old
 * file or the new one; a full disk leaves the old one. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/compaction.h"
#include "tests/unit/catalog_box.h"
#include "tests/unit/problems.h"

#define DATA "catalog/data.mdb"
#define NEW "catalog/new"
#define RECORDS 20000u
#define TEXT "about as much as the catalog says of an extent of a small file"

static struct box box;

static uint64_t data_bytes(void)
{
	struct stat st;

	CHECK_EQ(fstatat(box.temp.dirfd, DATA, &st, 0), 0);
	return (uint64_t)st.st_size;
}

static bool is_there(const char *name)
{
	return faccessat(box.temp.dirfd, name, F_OK, 0) == 0;
}

/* In an order that fills no page. */
static uint64_t number_of(unsigned k)
{
	return (uint64_t)k * 7919 % RECORDS;
}

static int change_many(unsigned from, unsigned to, const char *value)
{
	struct batch *b;
	int r = catalog_begin(box.c, false, &b);

	if (r < 0)
		return r;
	for (unsigned k = from; k < to; k++) {
		struct key key = box_key('T', number_of(k));

		if (value)
			batch_put(b, key.bytes, key.len, value, strlen(value));
		else
			batch_remove(b, key.bytes, key.len);
	}
	return batch_commit(b, NULL);
}

static void fill(unsigned records)
{
	for (unsigned k = 0; k < records; k += 500) {
		CHECK_EQ(change_many(k, k + 500, TEXT), 0);
		if (k % 5000 == 0)
			CHECK_EQ(catalog_checkpoint(box.c), 0);
	}
	CHECK_EQ(catalog_checkpoint(box.c), 0);
}

static void start(void)
{
	box_make(&box);
	box.config.checkpoint_ms = 3600000;
	CHECK_EQ(box_open(&box), 0);
}

static bool has(unsigned k, const char *value)
{
	return box_has(&box, box_key('T', number_of(k)), value);
}

/* All records from `from` on, in the store as it is and as it is opened again. */
static void check_records(unsigned from, unsigned to)
{
	CHECK_EQ(box_count(&box, "T", 1), to - from);
	for (unsigned k = from; k < to; k += 97)
		CHECK(has(k, TEXT));
	CHECK(from == 0 || has(from - 1, NULL));
	CHECK(catalog_verify(box.c, problem_fails, NULL) > 0);
}

static void check_again(unsigned from, unsigned to)
{
	check_records(from, to);
	CHECK_EQ(box_reopen(&box), 0);
	check_records(from, to);
	CHECK_EQ(box_stop(&box), 0);
	CHECK_EQ(box_open(&box), 0);
	check_records(from, to);
	CHECK(!is_there(NEW));
}

/* ---- what it is for */

static void test_smaller(void)
{
	struct catalog_compaction got;
	uint64_t bytes;

	start();
	fill(RECORDS);
	for (unsigned k = 0; k < RECORDS / 2; k += 500)
		CHECK_EQ(change_many(k, k + 500, NULL), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	bytes = data_bytes();
	CHECK_EQ(catalog_compact(box.c, &got), 0);
	CHECK_EQ(got.before, bytes);
	CHECK_EQ(got.after, data_bytes());
	/* Key, seal, and what LMDB says of a record: no more than a tenth for pages. */
	CHECK(got.after < RECORDS / 2 * (9 + 44 + strlen(TEXT) + 10) * 11 / 10 + 65536);
	CHECK_EQ(change_many(0, 500, TEXT), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	CHECK_EQ(change_many(0, 500, NULL), 0);
	check_again(RECORDS / 2, RECORDS);
	box_free(&box);
}

/* Once more, with nothing changed, is nothing to do. */
static void test_twice(void)
{
	struct catalog_compaction got;
	struct stat first, second;

	start();
	fill(1000);
	CHECK_EQ(catalog_compact(box.c, &got), 0);
	CHECK_EQ(fstatat(box.temp.dirfd, DATA, &first, 0), 0);
	CHECK_EQ(catalog_compact(box.c, &got), 0);
	CHECK_EQ(fstatat(box.temp.dirfd, DATA, &second, 0), 0);
	CHECK_EQ(first.st_ino, second.st_ino);
	CHECK_EQ(change_many(1000, 1500, TEXT), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	CHECK_EQ(catalog_compact(box.c, &got), 0);
	CHECK_EQ(fstatat(box.temp.dirfd, DATA, &second, 0), 0);
	CHECK(first.st_ino != second.st_ino);
	check_again(0, 1500);
	box_free(&box);
}

/* ---- others meanwhile */

static struct cursor *walk; /* begun before the file is exchanged */
static unsigned walked;

static void step_walk(unsigned n)
{
	const void *key, *value;
	size_t key_len, value_len;

	while (n-- > 0 && cursor_next(walk, &key, &key_len, &value, &value_len) == 1)
		walked++;
}

struct change {
	unsigned from;
	const char *value;
};

static void *change_500(void *context)
{
	const struct change *change = context;

	CHECK_EQ(change_many(change->from, change->from + 500, change->value), 0);
	return NULL;
}

/* By another thread: writers do not wait, at no step. */
static void change_beside(unsigned from, const char *value)
{
	struct change change = { from, value };
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, change_500, &change), 0);
	(void) pthread_join(thread, NULL);
}

/* A program that changes files at each step, and a checkpoint of that wherever there can be one. */
static void disturb(enum compaction_step step)
{
	unsigned from = 10000 + 500 * step;

	change_beside(from, TEXT);
	change_beside(500 * step, NULL);
	CHECK(has(from, TEXT));
	CHECK(has(500 * step, NULL));
	if (step < COMPACTION_WRITTEN)
		CHECK_EQ(catalog_checkpoint(box.c), 0);
}

static void test_disturbed(void)
{
	struct catalog_compaction got;

	start();
	fill(10000);
	CHECK_EQ(cursor_open(box.c, "T", 1, &walk), 0);
	step_walk(100);
	compaction_reached = disturb;
	CHECK_EQ(catalog_compact(box.c, &got), 0);
	compaction_reached = NULL;
	step_walk(RECORDS);
	CHECK(walked >= 10000 - 100);
	cursor_close(walk);
	check_again(500 * COMPACTION_STEPS, 10000 + 500 * COMPACTION_STEPS);
	box_free(&box);
}

static _Atomic bool ended;
static _Atomic unsigned slowest_ms;

/* Puts and takes back, and knows what there must be. */
static void *write_on(void *context)
{
	unsigned at = 10000;

	while (!atomic_load(&ended)) {
		uint64_t start_ms = clock_mono_ms();
		unsigned ms;

		CHECK_EQ(change_many(at, at + 50, TEXT), 0);
		CHECK(has(at, TEXT));
		CHECK_EQ(change_many(at, at + 50, NULL), 0);
		CHECK(has(at + 49, NULL));
		ms = (unsigned)(clock_mono_ms() - start_ms);
		atomic_store(&slowest_ms, MAX(ms, atomic_load(&slowest_ms)));
		at = 10000 + (at + 50) % 5000;
	}
	return NULL;
}

static void *read_on(void *context)
{
	while (!atomic_load(&ended))
		CHECK(box_count(&box, "T", 1) >= 9000);
	return NULL;
}

static void test_threads(void)
{
	struct catalog_compaction got;
	pthread_t threads[3];

	box_make(&box);
	box.config.checkpoint_ms = 5;
	CHECK_EQ(box_open(&box), 0);
	fill(10000);
	CHECK_EQ(catalog_start(box.c), 0);
	for (unsigned k = 0; k < 3; k++)
		CHECK_EQ(pthread_create(&threads[k], NULL, k == 0 ? write_on : read_on, NULL), 0);
	for (unsigned k = 0; k < 5; k++) {
		CHECK_EQ(catalog_checkpoint(box.c), 0);
		CHECK_EQ(catalog_compact(box.c, &got), 0);
		(void) usleep(20000);
	}
	atomic_store(&ended, true);
	for (unsigned k = 0; k < 3; k++)
		(void) pthread_join(threads[k], NULL);
	if (getenv("COMPACTION_VERBOSE"))
		fprintf(stderr, "slowest change: %u ms\n", atomic_load(&slowest_ms));
	check_records(0, 10000);
	CHECK_EQ(box_stop(&box), 0);
	CHECK_EQ(box_open(&box), 0);
	check_again(0, 10000);
	box_free(&box);
}

#define LARGE 4000u
#define MANY 8000u

/* So many large records from `from` on, in one batch. */
static int change_large(unsigned from, unsigned n, const char *value)
{
	struct batch *b;
	int r = catalog_begin(box.c, false, &b);

	for (unsigned k = from; r >= 0 && k < from + n; k++) {
		struct key key = box_key('M', k);

		if (value)
			batch_put(b, key.bytes, key.len, value, LARGE);
		else
			batch_remove(b, key.bytes, key.len);
	}
	return r < 0 ? r : batch_commit(b, NULL);
}

static bool wait_until_below(uint64_t bytes)
{
	for (unsigned k = 0; k < 1000 && data_bytes() >= bytes; k++) {
		CHECK_EQ(box_put(&box, box_key('N', k), "a change, so that there is a checkpoint"), 0);
		(void) usleep(10000);
	}
	return data_bytes() < bytes;
}

/* By itself, once more than half is free. */
static void test_background(void)
{
	static char large[LARGE];
	uint64_t most;

	box_make(&box);
	box.config.checkpoint_ms = 50;
	box.config.wal = (struct wal_config){ .sealer = catalog_wal_sealer(box.keys) };
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(catalog_start(box.c), 0);
	for (unsigned k = 0; k < MANY; k += 200)
		CHECK_EQ(change_large(k, 200, large), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	most = data_bytes();
	CHECK_EQ(change_large(1, MANY - 1, NULL), 0);
	CHECK(wait_until_below(most / 4));
	CHECK_EQ(box_count(&box, "M", 1), 1);
	CHECK(box_has(&box, box_key('N', 0), "a change, so that there is a checkpoint"));
	CHECK_EQ(box_stop(&box), 0);
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(box_count(&box, "M", 1), 1);
	box_free(&box);
}

/* A clean stop, which nobody asked for more. */
static void test_at_stop(void)
{
	uint64_t bytes;

	start();
	fill(RECORDS);
	for (unsigned k = 0; k < RECORDS / 2; k += 500)
		CHECK_EQ(change_many(k, k + 500, NULL), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	bytes = data_bytes();
	CHECK_EQ(box_stop(&box), 0);
	CHECK(data_bytes() < bytes / 2);
	CHECK_EQ(box_open(&box), 0);
	CHECK(!box.report.cut && box.report.replayed == 0);
	check_again(RECORDS / 2, RECORDS);
	box_free(&box);
}

/* ---- a stop at each step */

static enum compaction_step fatal;

static void die(enum compaction_step step)
{
	if (step == fatal)
		(void) raise(SIGKILL);
}

static void change_and_die(enum compaction_step step)
{
	change_beside(2000 + 500 * step, TEXT);
	if (step < COMPACTION_WRITTEN)
		CHECK_EQ(catalog_checkpoint(box.c), 0);
	die(step);
}

/* The child compacts, and is killed at a step. */
static void run_child(void (*hook)(enum compaction_step step))
{
	struct catalog_compaction got;
	pid_t child = fork();
	int status;

	if (child == 0) {
		compaction_reached = hook;
		if (box_open(&box) < 0)
			_exit(2);
		(void) catalog_compact(box.c, &got);
		_exit(1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed(void)
{
	for (fatal = COMPACTION_BEGUN; fatal < COMPACTION_STEPS; fatal++) {
		start();
		fill(2000);
		CHECK_EQ(box_stop(&box), 0);
		run_child(die);
		CHECK_EQ(is_there(NEW "/data.mdb"), fatal < COMPACTION_RENAMED);
		CHECK_EQ(box_open(&box), 0);
		check_again(0, 2000);
		CHECK_EQ(box_stop(&box), 0);
		run_child(change_and_die);
		CHECK_EQ(box_open(&box), 0);
		check_again(0, 2500 + 500 * fatal);
		box_free(&box);
	}
}

/* ---- what cannot be done */

static void test_refused(void)
{
	struct catalog_compaction got;

	start();
	fill(1000);
	CHECK_EQ(box_stop(&box), 0);
	box.config.read_only = true;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(catalog_compact(box.c, &got), -EROFS);
	box_close(&box);
	box.config.read_only = false;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(catalog_stop_clean(box.c), 0);
	CHECK_EQ(catalog_compact(box.c, &got), -ECANCELED);
	CHECK_EQ(box_reopen(&box), 0);
	check_again(0, 1000);
	box_free(&box);
}

/* A record that went behind the back of the facts: the copy would hide that. */
static void test_damaged(void)
{
	struct catalog_compaction got;
	uint64_t bytes;

	start();
	fill(1000);
	CHECK_EQ(box_stop(&box), 0);
	box_shell(&box, "mdb_dump -n $V/" DATA " >$V/text && n=$(grep -n '^ 54' $V/text | head -n 1 | cut -d: -f1) && "
			"sed -i \"$n,$((n + 1))d\" $V/text && rm $V/" DATA " && mdb_load -n -f $V/text $V/" DATA);
	if (!is_there(DATA)) {
		fprintf(stderr, "no mdb_load: damage is not tried\n");
		box_free(&box);
		return;
	}
	bytes = data_bytes();
	if (box_open(&box) >= 0) {
		CHECK_EQ(catalog_compact(box.c, &got), -EBADMSG);
		CHECK(!is_there(NEW));
		CHECK_EQ(data_bytes(), bytes);
	}
	box_free(&box);
}

/* A file system of 24 MiB. Needs root. */
static void test_full(void)
{
	struct catalog_compaction got;
	char path[128];
	int dirfd;

	start();
	(void) snprintf(path, sizeof(path), "%s/small", box.temp.path);
	CHECK_EQ(mkdir(path, 0700), 0);
	if (mount("none", path, "tmpfs", 0, "size=24m") < 0) {
		fprintf(stderr, "no mount: a full disk is not tried\n");
		box_free(&box);
		return;
	}
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box_close(&box);
	box.config.volume_dirfd = dirfd;
	CHECK_EQ(box_open(&box), 0);
	fill(5000);
	CHECK_EQ(catalog_compact(box.c, &got), -ENOSPC);
	CHECK_EQ(got.before, got.after);
	CHECK(got.needed > got.before / 2);
	CHECK_EQ(faccessat(dirfd, NEW, F_OK, 0), -1);
	check_again(0, 5000);
	box_close(&box);
	(void) close(dirfd);
	CHECK_EQ(umount(path), 0);
	box_free(&box);
}

int main(void)
{
	test_smaller();
	test_twice();
	test_disturbed();
	test_threads();
	test_background();
	test_at_stop();
	test_killed();
	test_refused();
	test_damaged();
	test_full();
	return check_result();
}
