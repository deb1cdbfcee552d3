/* SPDX-License-Identifier: MIT */
/* The log when there is no memory: it opens or says so, and no record is lost or half there. */
#include <stdlib.h>

#include "tests/fakes/walbox.h"
#include "tests/unit/memory_steps.h"

#define SOME 20u
#define SEGMENT_FULL 500u /* records that need a new one, at least */

static struct walbox box;

/* Twenty records after a checkpoint, as if killed. */
static void prepare(void)
{
	CHECK_EQ(walbox_append_many(&box, 3), 0);
	walbox_checkpoint(&box, wal_last_lsn(box.wal));
	wal_release(box.wal, wal_last_lsn(box.wal));
	CHECK_EQ(walbox_append_many(&box, SOME), 0);
}

static int reopen(unsigned k)
{
	walbox_kill(&box);
	return walbox_open(&box);
}

/* What was appended is replayed, and nothing else. */
static bool is_whole(unsigned k, bool done)
{
	if (!done)
		return true;
	if (box.wrong || box.report.cut || box.count != SOME || box.last != box.report.last_lsn)
		return false;
	prepare();
	return true;
}

static int append(unsigned k)
{
	int64_t r = walbox_append(&box);

	return r < 0 ? (int)r : 0;
}

static int append_and_sync(unsigned k)
{
	int r = walbox_append_many(&box, 10);

	return r < 0 ? r : wal_sync(box.wal, wal_last_lsn(box.wal));
}

static int fill(unsigned k)
{
	return walbox_append_many(&box, SEGMENT_FULL);
}

/* With what the failed attempt appended: every LSN came once. */
static bool is_released(unsigned k, bool done)
{
	walbox_checkpoint(&box, wal_last_lsn(box.wal));
	wal_release(box.wal, wal_last_lsn(box.wal));
	return true;
}

static int stop_and_open(unsigned k)
{
	int r = box.wal ? walbox_stop(&box) : 0;

	return r < 0 ? r : walbox_open(&box);
}

static bool is_clean(unsigned k, bool done)
{
	return !done || box.count == 0;
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "open", reopen, is_whole },
		{ "append", append, NULL },
		{ "append and sync", append_and_sync, NULL },
		{ "fill segments", fill, is_released },
		{ "stop and open", stop_and_open, is_clean },
	};

	for (unsigned no_mmap = 0; no_mmap < 2; no_mmap++) {
		walbox_init(&box);
		box.config.no_mmap = no_mmap;
		CHECK_EQ(walbox_open(&box), 0);
		prepare();
		memory_run(steps, ARRAY_SIZE(steps));
		walbox_done(&box);
	}
	return check_result();
}
