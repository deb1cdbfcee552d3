/* SPDX-License-Identifier: MIT */
/* What repair reads of a damaged log: the right bytes, without a gap, up to the damage; and never what does not belong
 * to the checkpoint. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "tests/fakes/walbox.h"
#include "tests/unit/check.h"
#include "wal/wal_format.h"

static int salvage(struct walbox *b)
{
	int r;

	b->config.read_only = b->config.salvage = true;
	r = walbox_open(b);
	b->config.read_only = b->config.salvage = false;
	if (r < 0)
		return r;
	CHECK(!b->wrong);
	CHECK_EQ(b->count, b->report.last_lsn - b->from.lsn);
	walbox_kill(b);
	return 0;
}

/* Three mounts that were killed, a checkpoint in the first. */
static void make(struct walbox *b, uint64_t covered)
{
	walbox_init(b);
	b->config.segment_size = 16u << 10;
	b->config.segments_max = 32;
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(walbox_open(b), 0);
		CHECK_EQ(walbox_append_many(b, 60), 0);
		CHECK_EQ(wal_sync(b->wal, wal_last_lsn(b->wal)), 0);
		if (i == 0)
			walbox_checkpoint(b, covered);
		walbox_kill(b);
	}
	CHECK_EQ(salvage(b), 0);
	CHECK(b->report.last_lsn == 180 && !b->report.damaged);
}

static void flip(const struct walbox *b, const char *name, uint64_t at)
{
	int fd = walbox_file(b, name);
	uint8_t byte;

	CHECK_EQ(io_pread_exact(fd, &byte, 1, at), 0);
	byte ^= 0x10;
	CHECK_EQ(io_pwrite(fd, &byte, 1, at), 0);
	(void) close(fd);
}

static void test_each_place(uint64_t covered)
{
	struct walbox b;
	char names[16][32];
	size_t n;
	unsigned short_ones = 0;

	make(&b, covered);
	n = walbox_segments(&b, names, 16);
	for (size_t i = 0; i < n; i++)
		for (uint64_t at = 0; at < 16u << 10; at += at < 168 ? 3 : 211) {
			flip(&b, names[i], at);
			CHECK_EQ(salvage(&b), 0);
			/* The very last record may go as in a power cut. */
			CHECK(b.report.damaged || b.report.cut || b.report.last_lsn >= 179);
			CHECK(b.report.last_lsn >= covered && b.report.last_lsn <= 180);
			short_ones += b.report.last_lsn < 180;
			flip(&b, names[i], at);
		}
	CHECK(short_ones > 20);
	walbox_done(&b);
}

/* Both copies of a header: the segments before it are there. */
static void test_lost_header(void)
{
	struct walbox b;
	char names[16][32];
	uint64_t longest = 0;
	size_t n;

	make(&b, 20);
	n = walbox_segments(&b, names, 16);
	for (size_t i = 0; i < n; i++) {
		flip(&b, names[i], 80);
		flip(&b, names[i], WAL_HEADER_STRIDE + 80);
		CHECK_EQ(salvage(&b), 0);
		CHECK(b.report.last_lsn >= 20);
		if (b.report.damaged && b.report.last_lsn > longest)
			longest = b.report.last_lsn;
		flip(&b, names[i], 80);
		flip(&b, names[i], WAL_HEADER_STRIDE + 80);
	}
	CHECK(longest >= 120);
	walbox_done(&b);
}

/* Damage to a record that the checkpoint has does not hide those after it. */
static void test_before_the_checkpoint(void)
{
	struct walbox b;

	make(&b, 20);
	flip(&b, "segment-00000000", WAL_RECORDS_START + 30);
	CHECK_EQ(salvage(&b), 0);
	CHECK_EQ(b.report.last_lsn, 180);
	CHECK_EQ(b.count, 160);
	walbox_done(&b);
}

static void test_other_times(void)
{
	struct walbox b, old;

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 6), 0);
	CHECK_EQ(walbox_stop(&b), 0);
	walbox_clone(&b, &old);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 6), 0);
	CHECK_EQ(walbox_stop(&b), 0);
	/* The log of then with the catalog of now, and the reverse. */
	old.from = b.from;
	old.txn = b.txn;
	CHECK_EQ(salvage(&old), -ESTALE);
	old.config.accept_older = true;
	CHECK_EQ(salvage(&old), 0);
	CHECK(old.count == 0 && old.report.damaged);
	b.from = (struct wal_position){ b.from.incarnation, 6 };
	b.txn--;
	CHECK_EQ(salvage(&b), -ESTALE);
	/* Who does not know the checkpoint believes the anchor, and gets all that there is before it. */
	b.config.from_unsure = true;
	b.config.read_only = b.config.salvage = true;
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(b.report.catalog_txn == b.txn + 1 && b.report.last_lsn == 12 && b.report.clean);
	CHECK_EQ(b.count, 12);
	walbox_done(&old);
	walbox_done(&b);
}

static void test_nothing_there(void)
{
	struct walbox b;

	make(&b, 20);
	temp_folder_shell(&b.temp, "rm \"$V\"/segment-*");
	CHECK_EQ(salvage(&b), -ESTALE);
	walbox_done(&b);
}

static int count_record(void *context, uint64_t lsn, bool synced, const void *data, size_t len)
{
	static uint8_t want[WAL_RECORD_MAX];
	unsigned *count = context;

	CHECK_MEM(data, len, want, walbox_bytes(lsn, want));
	CHECK_EQ(lsn, ++*count);
	return 0;
}

/* Clean mounts use the oldest segments again, so that the last ones' records are still there. */
static void test_gather(void)
{
	unsigned count = 0;
	struct wal_replay replay = { .context = &count, .record = count_record };
	struct walbox b;

	walbox_init(&b);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(walbox_append_many(&b, 5), 0);
		CHECK_EQ(walbox_stop(&b), 0);
	}
	CHECK_EQ(wal_gather(b.temp.dirfd, &b.config, &replay), 0);
	CHECK_EQ(count, 15);
	walbox_done(&b);
}

int main(void)
{
	test_gather();
	test_each_place(20);
	test_each_place(60);
	test_lost_header();
	test_before_the_checkpoint();
	test_other_times();
	test_nothing_there();
	return check_result();
}
