/* SPDX-License-Identifier: MIT */
/* Batches, reading, cursors, replies and counters, over replay and checkpoints. */
#include <errno.h>
#include <pthread.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

static void test_batches(void)
{
	struct box b;
	struct batch *batch;
	struct buf got = BUF_INIT;
	struct key k1 = box_key('I', 1), k2 = box_key('I', 2);
	uint64_t lsn;

	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(box_put(&b, k1, "one"), 0);
	CHECK(box_has(&b, k1, "one"));
	CHECK(box_has(&b, k2, NULL));

	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	batch_put(batch, k2.bytes, k2.len, "two", 3);
	batch_remove(batch, k1.bytes, k1.len);
	CHECK_EQ(batch_get(batch, k2.bytes, k2.len, &got), 0);
	CHECK_MEM(got.data, got.len, "two", 3);
	CHECK_EQ(batch_get(batch, k1.bytes, k1.len, NULL), -ENOENT);
	CHECK(box_has(&b, k1, "one"));
	CHECK(box_has(&b, k2, NULL));
	lsn = batch_lsn(batch);
	CHECK_EQ(batch_commit(batch, &lsn), 0);
	CHECK_EQ(lsn, catalog_last_lsn(b.c));
	CHECK(box_has(&b, k1, NULL));
	CHECK(box_has(&b, k2, "two"));

	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	batch_put(batch, k1.bytes, k1.len, "never", 5);
	batch_abort(batch);
	CHECK(box_has(&b, k1, NULL));

	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	batch_put(batch, "\0x", 2, "own", 3);
	CHECK_EQ(batch_commit(batch, NULL), -EINVAL);

	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(b.report.replayed, 2);
	CHECK(box_has(&b, k1, NULL));
	CHECK(box_has(&b, k2, "two"));
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK(box_has(&b, k1, NULL));
	CHECK(box_has(&b, k2, "two"));
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(b.report.replayed, 0);
	CHECK(box_has(&b, k2, "two"));
	CHECK_EQ(box_stop(&b), 0);
	CHECK_EQ(box_open(&b), 0);
	CHECK(b.report.clean);
	CHECK(box_has(&b, k2, "two"));
	buf_done(&got);
	box_free(&b);
}

static unsigned count(struct box *b, const void *prefix, size_t prefix_len)
{
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len;
	unsigned n = 0;

	CHECK_EQ(cursor_open(b->c, prefix, prefix_len, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) == 1)
		n++;
	cursor_close(cur);
	return n;
}

/* Half of the records in the store, half above it; each one is removed when it is met. */
static void test_cursor_under_changes(void)
{
	struct box b;
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len;
	unsigned n = 0;

	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	for (unsigned i = 0; i < 200; i += 2)
		CHECK_EQ(box_put(&b, box_key('Q', i), "x"), 0);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	for (unsigned i = 1; i < 200; i += 2)
		CHECK_EQ(box_put(&b, box_key('Q', i), "y"), 0);
	CHECK_EQ(box_put(&b, box_key('R', 0), "not of this prefix"), 0);
	CHECK_EQ(cursor_open(b.c, "Q", 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) == 1) {
		struct key k = { .len = key_len };

		CHECK_EQ(load_be64((const uint8_t *)key + 1), n);
		CHECK(value_len == 1 && *(const char *)value == (n % 2 ? 'y' : 'x'));
		memcpy(k.bytes, key, key_len);
		CHECK_EQ(box_remove(&b, k), 0);
		if (n == 100) /* before and behind the cursor, and the next one away */
			CHECK(box_put(&b, box_key('Q', 5), "z") == 0 && box_put(&b, box_key('Q', 500), "x") == 0 &&
			      box_remove(&b, box_key('Q', 101)) == 0);
		n += n == 100 ? 2 : n == 199 ? 301 : 1;
		if (n == 150)
			CHECK_EQ(catalog_checkpoint(b.c), 0);
	}
	CHECK_EQ(n, 501);
	cursor_seek(cur, box_key('Q', 4).bytes, 9);
	CHECK_EQ(cursor_next(cur, &key, &key_len, &value, &value_len), 1);
	CHECK_EQ(load_be64((const uint8_t *)key + 1), 5);
	CHECK_EQ(cursor_next(cur, &key, &key_len, &value, &value_len), 0);
	cursor_close(cur);
	CHECK_EQ(count(&b, "", 0), 2);
	box_free(&b);
}

static int put_reply(struct box *b, uint64_t unique)
{
	struct reply_record reply = { .mount = { "mount" }, .unique = unique, .ino = 2 * unique, .status = -17 };
	struct batch *batch;
	int r = catalog_begin(b->c, false, &batch);

	if (r < 0)
		return r;
	batch_reply(batch, &reply);
	return batch_commit(batch, NULL);
}

static void check_replies(struct box *b, uint64_t first, uint64_t last)
{
	struct reply_record reply;
	struct id128 mount = { "mount" }, other = { "other" };

	for (uint64_t u = first; u <= last; u++)
		CHECK(catalog_find_reply(b->c, mount, u, &reply) == 0 && reply.unique == u && reply.ino == 2 * u &&
		      reply.status == -17);
	CHECK_EQ(catalog_find_reply(b->c, mount, first - 1, &reply), -ENOENT);
	CHECK_EQ(catalog_find_reply(b->c, mount, last + 1, &reply), -ENOENT);
	CHECK_EQ(catalog_find_reply(b->c, other, last, &reply), -ENOENT);
}

static void test_replies(void)
{
	struct box b;
	uint64_t u = 0;

	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	while (u < 3000)
		CHECK_EQ(put_reply(&b, ++u), 0);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	while (u < 6000)
		CHECK_EQ(put_reply(&b, ++u), 0);
	check_replies(&b, 6000 - 4095, 6000);
	CHECK_EQ(box_reopen(&b), 0);
	check_replies(&b, 6000 - 4095, 6000);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(put_reply(&b, ++u), 0);
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(b.report.replayed, 1);
	check_replies(&b, 6001 - 4095, 6001);
	CHECK_EQ(box_stop(&b), 0);
	CHECK_EQ(box_open(&b), 0);
	check_replies(&b, 6001 - 4095, 6001);
	box_free(&b);
}

static void draw(struct box *b, uint64_t *last, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t number = 0;

		CHECK_EQ(catalog_next_number(b->c, COUNTER_INODE, &number), 0);
		CHECK(number > *last);
		*last = number;
	}
}

static void test_counters(void)
{
	struct box b;
	struct batch *batch;
	uint64_t last = ROOT_INO, number;

	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	draw(&b, &last, 1);
	CHECK_EQ(last, ROOT_INO + 1);
	draw(&b, &last, 3000);
	CHECK_EQ(box_reopen(&b), 0);
	draw(&b, &last, 10);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	draw(&b, &last, 2000);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	CHECK_EQ(box_reopen(&b), 0);
	draw(&b, &last, 1);
	CHECK_EQ(box_stop(&b), 0);
	CHECK_EQ(box_open(&b), 0);
	CHECK(catalog_next_number(b.c, COUNTER_INODE, &number) == 0 && number == last + 1);

	/* What an aborted batch had drawn has not been used. */
	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	CHECK(catalog_next_number(b.c, COUNTER_TAG, &number) == 0 && number == 1);
	batch_abort(batch);
	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	CHECK(catalog_next_number(b.c, COUNTER_TAG, &number) == 0 && number == 1);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	CHECK(catalog_next_number(b.c, COUNTER_TAG, &number) == 0 && number == 2);
	CHECK(catalog_next_number(b.c, COUNTER_SEGMENT, &number) == 0 && number == 1);
	box_free(&b);
}

/* ---- callbacks */

struct heard {
	struct box *b;
	uint64_t last_lsn;
	unsigned batches, events, folds, asked;
	uint64_t refuse; /* data of this extent is not there */
	int sync_result;
};

static void on_committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct heard *h = context;

	CHECK(lsn > h->last_lsn);
	h->last_lsn = lsn;
	h->batches++;
	for (size_t i = 0; i < n; i++)
		h->events += events[i].ino == 7 && events[i].what == (EVENT_NAME | EVENT_ATTR);
}

static int on_before_freeze(void *context)
{
	struct heard *h = context;

	h->folds++;
	return box_put(h->b, box_key('S', h->folds), "folded");
}

static bool on_data_present(void *context, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct heard *h = context;

	h->asked++;
	return load_be64((const uint8_t *)key + 1) != h->refuse;
}

static int on_sync_data(void *context, uint64_t lsn)
{
	return ((struct heard *)context)->sync_result;
}

static void listen(struct box *b, struct heard *h)
{
	*h = (struct heard){ .b = b };
	b->config.context = b->config.wal.sync_data_context = h;
	b->config.committed = on_committed;
	b->config.before_freeze = on_before_freeze;
	b->config.data_present = on_data_present;
	b->config.wal.sync_data = on_sync_data;
}

static void test_callbacks(void)
{
	struct box b;
	struct heard h;
	struct batch *batch;

	box_make(&b);
	listen(&b, &h);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(catalog_begin(b.c, false, &batch), 0);
	batch_put(batch, "I1", 2, "x", 1);
	batch_note(batch, 7, EVENT_NAME);
	batch_note(batch, 7, EVENT_ATTR);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	CHECK_EQ(h.batches, 1);
	CHECK_EQ(h.events, 1);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(h.folds, 1);
	CHECK(box_has(&b, box_key('S', 1), "folded"));
	box_free(&b);
}

static void test_unsynced_data(void)
{
	struct box b;
	struct heard h;

	box_make(&b);
	listen(&b, &h);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(box_put(&b, box_key('E', 1), "durable"), 0);
	CHECK_EQ(catalog_sync(b.c, catalog_last_lsn(b.c)), 0);
	for (unsigned i = 2; i < 6; i++)
		CHECK_EQ(box_put(&b, box_key('E', i), "perhaps"), 0);
	h.refuse = 4;
	h.last_lsn = 0; /* what is cut has not been written: its numbers come again */
	CHECK_EQ(box_reopen(&b), 0);
	CHECK(h.asked == 3 || h.asked == 4); /* the log may not know that the first one is durable */
	CHECK(box_has(&b, box_key('E', 1), "durable"));
	CHECK(box_has(&b, box_key('E', 3), "perhaps"));
	CHECK(box_has(&b, box_key('E', 4), NULL));
	CHECK(box_has(&b, box_key('E', 5), NULL));
	CHECK_EQ(box_put(&b, box_key('E', 9), "after"), 0);
	CHECK_EQ(box_reopen(&b), 0);
	CHECK(box_has(&b, box_key('E', 9), "after"));
	CHECK(box_has(&b, box_key('E', 5), NULL));

	/* A living keeper hands over: nothing can be missing. */
	h.asked = 0;
	h.refuse = 9;
	b.config.warm = true;
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(h.asked, 0);
	CHECK(box_has(&b, box_key('E', 9), "after"));
	box_free(&b);
}

static void test_failed_sync(void)
{
	struct box b;
	struct heard h;
	struct batch *batch;
	struct catalog_stats stats;

	box_make(&b);
	listen(&b, &h);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(box_put(&b, box_key('I', 1), "x"), 0);
	h.sync_result = -EIO;
	CHECK_EQ(catalog_sync(b.c, catalog_last_lsn(b.c)), -EIO);
	h.sync_result = 0;
	CHECK_EQ(catalog_sync(b.c, catalog_last_lsn(b.c)), -EIO);
	CHECK_EQ(catalog_begin(b.c, true, &batch), -EIO);
	CHECK_EQ(catalog_checkpoint(b.c), -EIO);
	CHECK(catalog_stop_clean(b.c) < 0);
	CHECK(box_has(&b, box_key('I', 1), "x"));
	catalog_get_stats(b.c, &stats);
	CHECK(stats.failed < 0);
	CHECK_EQ(box_reopen(&b), 0);
	CHECK(box_has(&b, box_key('I', 1), "x"));
	box_free(&b);
}

static void test_read_only(void)
{
	struct box b;
	struct batch *batch;

	box_make(&b);
	b.config.read_only = true;
	CHECK_EQ(box_open(&b), -EBADMSG);
	CHECK(b.why);
	b.config.read_only = false;
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(box_put(&b, box_key('I', 1), "stored"), 0);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(box_put(&b, box_key('I', 2), "logged"), 0);
	box_close(&b);
	box_shell(&b, "cp -a $V $V-kept");
	b.config.read_only = true;
	CHECK_EQ(box_open(&b), 0);
	CHECK(box_has(&b, box_key('I', 1), "stored"));
	CHECK(box_has(&b, box_key('I', 2), "logged"));
	CHECK_EQ(catalog_begin(b.c, true, &batch), -EROFS);
	CHECK_EQ(catalog_checkpoint(b.c), -EROFS);
	CHECK_EQ(catalog_start(b.c), 0);
	CHECK_EQ(box_stop(&b), 0);
	box_shell(&b, "diff -r $V $V-kept && rm -rf $V-kept");
	box_free(&b);
}

/* ---- room */

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

static void test_full_overlay(void)
{
	struct box b;
	struct heard h;
	struct catalog_stats stats;

	box_make(&b);
	listen(&b, &h);
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
	CHECK(h.folds > 0);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(count(&b, "I", 1), 5000);
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
	CHECK_EQ(count(&b, "I", 1), n);
	b.config.map_size = 0;
	CHECK_EQ(box_reopen(&b), 0);
	CHECK_EQ(count(&b, "I", 1), n);
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
	CHECK_EQ(count(&b, "I", 1), 350);
	box_free(&b);
}

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

/* ---- what must be refused */

/* Opens what the command makes of the volume, and puts the volume back. 1: opened, with everything. */
static int opens_after(struct box *b, const char *command)
{
	int r;

	box_shell(b, "rm -rf $V-now && cp -a $V $V-now");
	box_shell(b, command);
	r = box_open(b);
	CHECK(r == 0 ? count(b, "Q", 1) == 2400 : b->why && (r == -EBADMSG || r == -ESTALE));
	box_close(b);
	box_shell(b, "rm -rf $V/catalog $V/wal && cp -a $V-now/. $V");
	return r == 0;
}

#define OLD_CATALOG "rm -rf $V/catalog && cp -a $V-old/catalog $V"
#define OLD_LOG     "rm -rf $V/wal && cp -a $V-old/wal $V"

static void check_refusals(struct box *b)
{
	CHECK(!opens_after(b, OLD_CATALOG));
	CHECK(!opens_after(b, OLD_LOG));
	CHECK(!opens_after(b, "rm $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "truncate -s 0 $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "truncate -s 5000 $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "yes garbage | head -c 65536 > $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "dd if=/dev/zero of=$V/catalog/data.mdb bs=4096 count=2 conv=notrunc 2>/dev/null"));
	CHECK(!opens_after(b, "rm -r $V/wal/*"));
	CHECK(!opens_after(b, "rm -r $V/wal"));
	CHECK(!opens_after(b, "rm -r $V/catalog"));
	CHECK(opens_after(b, "rm $V/catalog/lock.mdb"));
	CHECK(opens_after(b, "yes garbage | head -c 8192 > $V/catalog/lock.mdb"));
	CHECK(opens_after(b, "true"));
}

static char filler[900];

static void write_many(struct box *b, unsigned from, unsigned n)
{
	memset(filler, 'v', sizeof(filler) - 1);
	for (unsigned i = from; i < from + n; i++)
		CHECK_EQ(box_put(b, box_key('Q', i), filler), 0);
}

/* More than a segment of the log, so that the oldest ones are recycled. */
static void write_generation(struct box *b, unsigned from)
{
	write_many(b, from, 300);
	CHECK_EQ(catalog_checkpoint(b->c), 0);
}

/* `clean`: how the mounts ended. */
static void test_refusals(bool clean)
{
	struct box b;

	box_make(&b);
	for (unsigned mount = 0; mount < 4; mount++) {
		CHECK_EQ(box_open(&b), 0);
		write_generation(&b, mount * 1000);
		write_generation(&b, mount * 1000 + 300);
		if (clean)
			CHECK_EQ(box_stop(&b), 0);
		else
			box_close(&b);
		if (mount == 1)
			box_shell(&b, "cp -a $V $V-old");
	}
	check_refusals(&b);
	box_shell(&b, "rm -rf $V-old $V-now");
	box_free(&b);
}

/* ---- the checkpoint before the last one */

#define METAS 8192 /* the two pages of which a commit overwrites the older one, last of all */

static void copy_metas(struct box *b, uint8_t metas[METAS], bool back)
{
	_cleanup_close_ int fd = openat(b->temp.dirfd, "catalog/data.mdb", O_RDWR | O_CLOEXEC);

	CHECK_EQ(back ? pwrite(fd, metas, METAS, 0) : pread(fd, metas, METAS, 0), METAS);
}

/* A commit whose last page is torn leaves the state before it: the log still reaches back to that, also
 * after segments that could be spared have been used again. */
static void test_torn_commit(void)
{
	struct box b;
	uint8_t metas[METAS];

	box_make(&b);
	b.config.wal.segments_max = 32;
	CHECK_EQ(box_open(&b), 0);
	write_generation(&b, 0);
	write_generation(&b, 300);
	copy_metas(&b, metas, false);
	write_many(&b, 600, 900);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	write_many(&b, 1500, 1500);
	box_close(&b);
	copy_metas(&b, metas, true);
	CHECK_EQ(box_open(&b), 0);
	CHECK(b.c && b.report.replayed == 2400);
	for (unsigned i = 0; b.c && i < 3000; i++)
		CHECK(box_has(&b, box_key('Q', i), filler));
	box_free(&b);
}

int main(void)
{
	test_batches();
	test_cursor_under_changes();
	test_replies();
	test_counters();
	test_callbacks();
	test_unsynced_data();
	test_failed_sync();
	test_read_only();
	test_full_log();
	test_full_overlay();
	test_full_disk();
	test_fold_and_writer();
	test_idle();
	test_refusals(true);
	test_refusals(false);
	test_torn_commit();
	return check_result();
}
