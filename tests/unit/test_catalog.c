/* SPDX-License-Identifier: MIT */
/* Batches, reading, cursors, replies and counters, over replay and checkpoints. */
#include <errno.h>

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

int main(void)
{
	test_batches();
	return check_result();
}
