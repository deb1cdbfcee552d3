/* SPDX-License-Identifier: MIT */
/* What the catalog tells those above it and what it asks them: changes, folding, whether data is there, syncing. */
#include <errno.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

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

static int on_data_present(void *context, const void *key, size_t key_len, const void *value, size_t value_len)
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

int main(void)
{
	test_callbacks();
	test_unsynced_data();
	test_failed_sync();
	return check_result();
}
