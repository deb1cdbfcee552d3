/* SPDX-License-Identifier: MIT */
/* The log as its callers see it. Damage is in test_wal_damage.c, threads in test_wal_threads.c. */
#include <errno.h>

#include "tests/unit/check.h"
#include "tests/fakes/walbox.h"

static void test_empty(void)
{
	struct walbox b;

	walbox_init(&b);
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

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 1000), 0);
	CHECK_EQ(wal_last_lsn(b.wal), 1000);
	walbox_kill(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(!b.wrong && !b.report.clean);
	CHECK_EQ(b.report.replayed, 1000);
	CHECK_EQ(b.last, 1000);
	CHECK_EQ(b.synced_count, 0);
	CHECK_EQ(walbox_append(&b), 1001);
	walbox_done(&b);
}

static void test_chain(void)
{
	struct walbox b;

	walbox_init(&b);
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK(!b.wrong);
		CHECK_EQ(b.count, 50 * i);
		CHECK_EQ(walbox_append_many(&b, 50), 0);
		CHECK_EQ(wal_sync(b.wal, 50 * i + 25), 0);
		walbox_kill(&b);
	}
	walbox_done(&b);
}

static void test_recycling(void)
{
	struct walbox b;
	unsigned most = 0;

	walbox_init(&b);
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

int main(void)
{
	test_empty();
	test_killed();
	test_chain();
	test_recycling();
	return check_result();
}
