/* SPDX-License-Identifier: MIT */
/* The log as its callers see it. What happens to damaged bytes is in test_wal_damage.c, failing disks in
 * test_wal_failure.c, threads in test_wal_threads.c. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fakes/walbox.h"
#include "tests/unit/check.h"

static bool no_mmap;

static void box_init(struct walbox *b)
{
	walbox_init(b);
	b->config.no_mmap = no_mmap;
}

static void test_empty(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(!b.report.clean && !b.report.cut);
	CHECK_EQ(b.report.last_lsn, 0);
	CHECK_EQ(walbox_stop(&b), 0);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(b.report.clean);
	walbox_done(&b);
}

static void test_killed(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 1000), 0);
	CHECK_EQ(wal_last_lsn(b.wal), 1000);
	walbox_kill(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(!b.wrong && !b.report.clean && !b.report.cut);
	CHECK_EQ(b.report.replayed, 1000);
	CHECK_EQ(b.last, 1000);
	CHECK_EQ(b.synced_count, 0);
	CHECK_EQ(walbox_append(&b), 1001);
	walbox_done(&b);
}

static void test_chained_incarnations(void)
{
	struct walbox b;

	box_init(&b);
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK(!b.wrong);
		CHECK_EQ(b.count, 50 * i);
		/* `synced` is in the records that came after the sync. */
		CHECK_EQ(b.synced_count, i > 0 ? 50 * i - 10 : 0);
		CHECK_EQ(walbox_append_many(&b, 40), 0);
		CHECK_EQ(wal_sync(b.wal, 50 * i + 40), 0);
		CHECK_EQ(wal_synced_lsn(b.wal), 50 * i + 40);
		CHECK_EQ(walbox_append_many(&b, 10), 0);
		walbox_kill(&b);
	}
	walbox_done(&b);
}

static void test_empty_incarnations(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 9), 0);
	walbox_kill(&b);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.count, i > 3 ? 4 : 9);
		if (i == 3) /* a checkpoint of what another incarnation wrote */
			walbox_checkpoint(&b, 5);
		walbox_kill(&b);
	}
	b.from.incarnation = (struct id128){ { 1 } };
	CHECK_EQ(walbox_open(&b), -EBADMSG);
	b.from.lsn = 9;
	CHECK_EQ(walbox_open(&b), -EBADMSG);
	walbox_done(&b);
}

static void test_checkpoint_in_each_incarnation(void)
{
	struct walbox b;

	box_init(&b);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.report.last_lsn, 20 * i);
		CHECK_EQ(b.count, b.report.last_lsn - b.from.lsn);
		if (i % 3 == 0)
			walbox_checkpoint(&b, wal_last_lsn(b.wal));
		CHECK_EQ(walbox_append_many(&b, 20), 0);
		if (i % 4 == 1)
			walbox_checkpoint(&b, wal_last_lsn(b.wal) - i);
		walbox_kill(&b);
	}
	walbox_done(&b);
}

static void test_recycling(void)
{
	struct walbox b;
	unsigned most = 0;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t older = b.from.lsn;

		CHECK_EQ(walbox_append_many(&b, 97), 0);
		walbox_checkpoint(&b, wal_last_lsn(b.wal) - 5);
		wal_release(b.wal, older);
		if (i % 50 == 49) {
			walbox_kill(&b);
			CHECK_EQ(walbox_open(&b), 0);
			CHECK(!b.wrong);
			CHECK_EQ(b.count, 5);
		}
		most = wal_segment_count(b.wal) > most ? wal_segment_count(b.wal) : most;
	}
	CHECK(most <= 8);
	walbox_done(&b);
}

static void test_anchor(void)
{
	struct walbox b;
	uint64_t last = 0;

	box_init(&b);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.report.last_lsn, last);
		CHECK_EQ(b.report.clean, i > 0);
		CHECK_EQ(b.count, 0);
		CHECK_EQ(walbox_append_many(&b, 400 * i), 0);
		if (i > 0)
			CHECK_EQ(wal_anchor(b.wal, b.txn), -EBUSY);
		last = wal_last_lsn(b.wal);
		CHECK_EQ(walbox_stop(&b), 0);
	}
	b.txn++;
	CHECK_EQ(walbox_open(&b), -ESTALE);
	b.txn--, b.from.lsn--;
	CHECK_EQ(walbox_open(&b), -ESTALE);
	b.from.lsn++;
	CHECK_EQ(walbox_open(&b), 0);
	walbox_done(&b);
}

static void test_anchored_is_over(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(wal_anchor(b.wal, b.txn), 0);
	CHECK_EQ(walbox_append(&b), -EROFS);
	CHECK_EQ(wal_anchor(b.wal, b.txn), -EROFS);
	walbox_done(&b);
}

static void test_read_only(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 100), 0);
	walbox_kill(&b);
	b.config.read_only = true;
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.count, 100);
		CHECK_EQ(wal_last_lsn(b.wal), 100);
		CHECK_EQ(walbox_append(&b), -EROFS);
		CHECK_EQ(wal_anchor(b.wal, b.txn), -EROFS);
		walbox_kill(&b);
	}
	walbox_done(&b);
}

static void test_sizes(void)
{
	struct walbox b;
	uint8_t *big = calloc(1, WAL_RECORD_MAX + 1);
	struct iovec piece = { big, WAL_RECORD_MAX + 1 };
	uint64_t lsn;

	box_init(&b);
	b.config.segment_size = 4096 + 5;
	CHECK_EQ(walbox_open(&b), -EINVAL);
	b.config.segment_size = 2u << 20;
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(wal_append(b.wal, &piece, 1, &lsn), -EFBIG);
	random_bytes(big, WAL_RECORD_MAX);
	piece.iov_len = WAL_RECORD_MAX;
	CHECK_EQ(wal_append(b.wal, &piece, 1, &lsn), 0);
	CHECK(wal_used_bytes(b.wal) > WAL_RECORD_MAX);
	CHECK_EQ(wal_append(b.wal, &piece, 0, &lsn), 0);
	CHECK_EQ(lsn, 2);
	walbox_kill(&b);
	b.config.segment_size = 64u << 10; /* another size from now on */
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(b.count, 2);
	CHECK_EQ(wal_append(b.wal, &piece, 1, &lsn), -EFBIG);
	CHECK_EQ(walbox_append(&b), 3);
	walbox_checkpoint(&b, 3);
	wal_release(b.wal, 3);
	CHECK_EQ(wal_used_bytes(b.wal), 0);
	CHECK_EQ(wal_segment_count(b.wal), 3);
	walbox_done(&b);
	free(big);
}

static void test_compression(void)
{
	struct walbox b;
	static uint8_t text[32768];
	struct iovec piece = { text, sizeof(text) };
	uint64_t lsn;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	memset(text, 'x', sizeof(text));
	CHECK_EQ(wal_append(b.wal, &piece, 1, &lsn), 0);
	CHECK(wal_used_bytes(b.wal) < 200);
	random_bytes(text, sizeof(text));
	CHECK_EQ(wal_append(b.wal, &piece, 1, &lsn), 0);
	CHECK(wal_used_bytes(b.wal) > sizeof(text));
	walbox_done(&b);
}

static void test_segments_max(void)
{
	struct walbox b;
	int64_t r;

	box_init(&b);
	b.config.segments_max = 3;
	CHECK_EQ(walbox_open(&b), 0);
	while ((r = walbox_append(&b)) > 0)
		;
	CHECK_EQ(r, -ENOSPC);
	CHECK_EQ(walbox_append(&b), -ENOSPC);
	CHECK_EQ(wal_segment_count(b.wal), 3);
	r = (int64_t)wal_last_lsn(b.wal);
	walbox_checkpoint(&b, (uint64_t)r);
	wal_release(b.wal, (uint64_t)r);
	CHECK_EQ(walbox_append(&b), r + 1);
	walbox_kill(&b);
	/* A full log can still be opened. */
	CHECK_EQ(walbox_open(&b), 0);
	while (walbox_append(&b) > 0)
		;
	walbox_kill(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(!b.wrong);
	walbox_done(&b);
}

/* The callback finds that data did not reach the disk: what follows is gone for good, in this incarnation and
 * in those after it, and stale segments beyond the cut do not come back. */
/* Who waits for a server that takes over does not wait for spare segments; nothing is lost without them. */
static void test_warm(void)
{
	struct walbox b;

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(wal_segment_count(b.wal), 3);
	CHECK_EQ(walbox_append(&b), 1);
	b.config.warm = true;
	for (unsigned lives = 2; lives < 6; lives++) {
		walbox_kill(&b);
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.count, lives - 1);
		CHECK_EQ(wal_segment_count(b.wal), lives > 3 ? lives : 3);
		CHECK_EQ(walbox_append(&b), lives);
	}
	wal_make_spares(b.wal);
	CHECK_EQ(wal_segment_count(b.wal), 7);
	walbox_done(&b);
}

static void test_cut_by_callback(void)
{
	struct walbox b;

	box_init(&b);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(walbox_append_many(&b, 500), 0);
		walbox_kill(&b);
	}
	b.cut_before = 701;
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(b.report.cut);
	CHECK_EQ(b.report.last_lsn, 700);
	b.cut_before = 0;
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(walbox_append_many(&b, 200), 0);
		walbox_kill(&b);
		CHECK_EQ(walbox_open(&b), 0);
		CHECK(!b.wrong);
		CHECK_EQ(b.last, 700 + 200 * (i + 1));
		CHECK_EQ(b.count, b.last);
	}
	walbox_done(&b);
}

static void test_no_clean_copy_comes_back(void)
{
	struct walbox b, old;
	char names[64][32];

	box_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	CHECK_EQ(walbox_stop(&b), 0);
	walbox_clone(&b, &old);

	/* Crash between the new header and the removal of the anchor: nothing was appended. */
	CHECK_EQ(walbox_open(&b), 0);
	walbox_kill(&b);
	walbox_copy_file(&old, &b, "anchor");
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(b.report.clean);

	/* The anchor comes back, though records follow it. */
	CHECK_EQ(walbox_append(&b), 11);
	CHECK_EQ(wal_sync(b.wal, 11), 0);
	walbox_kill(&b);
	walbox_copy_file(&old, &b, "anchor");
	CHECK_EQ(walbox_open(&b), -ESTALE);
	CHECK_EQ(unlinkat(b.temp.dirfd, "anchor", 0), 0);

	/* The segments come back, as they were before those records. */
	CHECK(walbox_segments(&old, names, 64) == walbox_segments(&b, names, 64));
	for (size_t i = walbox_segments(&old, names, 64); i-- > 0;)
		walbox_copy_file(&old, &b, names[i]);
	CHECK_EQ(walbox_open(&b), -ESTALE);

	/* Everything is gone. */
	for (size_t i = walbox_segments(&b, names, 64); i-- > 0;)
		CHECK_EQ(unlinkat(b.temp.dirfd, names[i], 0), 0);
	CHECK_EQ(walbox_open(&b), -ESTALE);
	walbox_done(&b);
	walbox_done(&old);
}

int main(void)
{
	for (unsigned i = 0; i < 2; i++) {
		no_mmap = i == 1;
		test_empty();
		test_killed();
		test_chained_incarnations();
		test_empty_incarnations();
		test_checkpoint_in_each_incarnation();
		test_recycling();
		test_anchor();
		test_anchored_is_over();
		test_read_only();
		test_sizes();
		test_compression();
		test_segments_max();
		test_warm();
		test_cut_by_callback();
		test_no_clean_copy_comes_back();
	}
	return check_result();
}
