/* SPDX-License-Identifier: MIT */
/* Batches, reading, cursors, replies and counters, over replay and checkpoints. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/batch_record.h"
#include "catalog/replies.h"
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
	CHECK_EQ(box_count(&b, "", 0), 2);
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

/* A record of each reply is what earlier programs wrote. */
static int load_single(struct replies *r, uint16_t slot, uint64_t number)
{
	const struct reply_record reply = { .mount = { "mount" }, .unique = number, .ino = 2 * number, .status = -17 };
	uint8_t key[] = { 'R', (uint8_t)(slot >> 8), (uint8_t)slot }, value[8 + REPLY_SIZE];

	store_le64(value, number);
	reply_store(&reply, value + 8);
	return replies_load(r, key, sizeof(key), value, sizeof(value));
}

static void check_found(struct replies *r, uint64_t number, int expected)
{
	struct reply_record reply;
	int e = replies_find(r, (struct id128){ "mount" }, number, &reply);

	CHECK_EQ(e, expected);
	CHECK(e < 0 || (reply.ino == 2 * number && reply.status == -17));
}

/* Puts what `from` stores into `to`. Returns how many records were taken out. */
static unsigned carry_over(struct replies *from, struct replies *to)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct record_op op;
	struct reader in;
	unsigned removed = 0;

	CHECK_EQ(replies_store(from, &record), 0);
	in = reader_over(record.data, record.len);
	while (record_next(&in, &op) == 1) {
		removed += op.kind == RECORD_REMOVE;
		if (op.kind == RECORD_PUT)
			CHECK_EQ(replies_load(to, op.key, op.key_len, op.value, op.value_len), 0);
	}
	return removed;
}

static void test_replies_of_old(void)
{
	struct replies *old = NULL, *next = NULL, *last = NULL;

	CHECK(replies_new(&old) == 0 && replies_new(&next) == 0 && replies_new(&last) == 0);
	CHECK_EQ(load_single(old, 4095, 4095), 0);
	CHECK_EQ(load_single(old, 4, 4100), 0);
	CHECK_EQ(load_single(old, REPLIES_KEPT + 3, 77), 0);
	CHECK_EQ(load_single(old, 5, 4100), -EBADMSG);
	CHECK_EQ(load_single(old, REPLIES_KEPT + REPLIES_HELD, 77), -EBADMSG);
	CHECK_EQ(carry_over(old, next), 3);
	for (unsigned k = 0; k < 2; k++) {
		check_found(k ? last : next, 4095, 0);
		check_found(k ? last : next, 4100, 0);
		check_found(k ? last : next, 77, 0);
		check_found(k ? last : next, 4096, -ENOENT);
		replies_add(next, &(struct reply_record){ .mount = { "mount" }, .unique = 4101, .ino = 8202, .status = -17 });
		CHECK_EQ(load_single(next, 4095, 4095), 0);
		CHECK_EQ(load_single(next, REPLIES_KEPT + 3, 77), 0);
		CHECK_EQ(carry_over(next, last), 2);
	}
	check_found(last, 4101, 0);
	CHECK_EQ(carry_over(next, last), 0);
	replies_free(old);
	replies_free(next);
	replies_free(last);
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

int main(void)
{
	test_batches();
	test_cursor_under_changes();
	test_replies();
	test_replies_of_old();
	test_counters();
	test_read_only();
	return check_result();
}
