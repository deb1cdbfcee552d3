/* SPDX-License-Identifier: MIT */
/* The store when there is no memory: a batch has happened or not, a checkpoint can be made later, and a volume that
 * could not be opened can be opened. */
#include "tests/unit/catalog_box.h"
#include "tests/unit/memory_steps.h"
#include "tests/unit/problems.h"

#define TEXT "a value that is long enough to be worth its seal"
#define LARGE 3000u /* bytes: one that the log compresses */
#define RECORDS 60u
#define OTHERS 100000u /* keys that no try uses */

static struct box box;
static unsigned kept; /* batches that were committed */

static struct key key_of(unsigned k)
{
	return box_key('K', k);
}

/* Two records, so that half a batch would show. */
static int put_two(unsigned k)
{
	static char large[LARGE];
	struct batch *b;
	struct key first = key_of(2 * k), second = key_of(2 * k + 1);
	int r = catalog_begin(box.c, false, &b);

	if (r < 0)
		return r;
	memset(large, 'l', sizeof(large));
	batch_put(b, first.bytes, first.len, TEXT, strlen(TEXT));
	batch_put(b, second.bytes, second.len, large, sizeof(large));
	batch_note(b, k, EVENT_CONTENT);
	return batch_commit(b, NULL);
}

static int put_many(unsigned k)
{
	struct batch *b;
	int r = catalog_begin(box.c, false, &b);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < RECORDS; i++) {
		struct key key = box_key('M', (uint64_t)k * RECORDS + i);

		batch_put(b, key.bytes, key.len, TEXT, strlen(TEXT));
		batch_note(b, i, EVENT_CONTENT);
	}
	return batch_commit(b, NULL);
}

static bool two_are_there(unsigned k, bool done)
{
	return box_has(&box, key_of(2 * k), done ? TEXT : NULL) &&
	       catalog_get(box.c, key_of(2 * k + 1).bytes, key_of(2 * k + 1).len, NULL) == (done ? 0 : -ENOENT);
}

static bool many_are_there(unsigned k, bool done)
{
	unsigned found = 0;

	for (unsigned i = 0; i < RECORDS; i++)
		found += box_has(&box, box_key('M', (uint64_t)k * RECORDS + i), TEXT);
	kept += done ? RECORDS : 0;
	return found == (done ? RECORDS : 0);
}

static int get(unsigned k)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = box_key('G', 0);
	int r = catalog_get(box.c, key.bytes, key.len, &value);

	if (r >= 0)
		CHECK_MEM(value.data, value.len, TEXT, strlen(TEXT));
	return r;
}

/* Every record or an error, never fewer. */
static int walk(unsigned k)
{
	const void *key, *value;
	size_t key_len, value_len;
	struct cursor *cur;
	unsigned n = 0;
	int r = cursor_open(box.c, "M", 1, &cur);

	if (r < 0)
		return r;
	while ((r = cursor_next(cur, &key, &key_len, &value, &value_len)) == 1)
		n++;
	cursor_close(cur);
	if (r == 0)
		CHECK_EQ(n, kept);
	return r;
}

static int checkpoint(unsigned k)
{
	return catalog_checkpoint(box.c);
}

/* Something for the next one. */
static bool can_go_on(unsigned k, bool done)
{
	return put_two(OTHERS + k) == 0 && two_are_there(OTHERS + k, true);
}

static int sync_all(unsigned k)
{
	return catalog_sync(box.c, catalog_last_lsn(box.c));
}

static int number(unsigned k)
{
	uint64_t n;

	return catalog_next_number(box.c, COUNTER_INODE, &n);
}

/* With something to do. */
static int compact(unsigned k)
{
	struct catalog_compaction got;
	int r = put_two(5 * OTHERS + k);

	if (r >= 0)
		r = catalog_checkpoint(box.c);
	return r < 0 ? r : catalog_compact(box.c, &got);
}

static bool is_compact(unsigned k, bool done)
{
	return faccessat(box.temp.dirfd, "catalog/new", F_OK, 0) < 0 && can_go_on(6 * OTHERS + k, done) &&
	       (!done || two_are_there(5 * OTHERS + k, true));
}

static int reopen(unsigned k)
{
	return box_reopen(&box);
}

static bool is_whole(unsigned k, bool done)
{
	if (!done)
		return true;
	if (get(0) < 0 || box.report.cut || !can_go_on(2 * OTHERS + k, true))
		return false;
	return checkpoint(k) == 0 && can_go_on(3 * OTHERS + k, true) && checkpoint(k) == 0 &&
	       can_go_on(4 * OTHERS + k, true);
}

static int stop_and_open(unsigned k)
{
	int r = box.c ? box_stop(&box) : 0;

	return r < 0 ? r : box_open(&box);
}

static int start_and_stop(unsigned k)
{
	int r = catalog_start(box.c);

	if (r < 0)
		return r == -EAGAIN ? -ENOMEM : r; /* a thread could not be made */
	return catalog_stop_clean(box.c);
}

static bool opens_again(unsigned k, bool done)
{
	return box_reopen(&box) == 0 && can_go_on(k, done);
}

static int verify(unsigned k)
{
	int64_t r = catalog_verify(box.c, problem_fails, NULL);

	return r < 0 ? (int)r : 0;
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "put", put_two, two_are_there },
		{ "put many", put_many, many_are_there },
		{ "get from memory", get, NULL },
		{ "walk in memory", walk, NULL },
		{ "open with a log", reopen, is_whole },
		{ "checkpoint", checkpoint, can_go_on },
		{ "compact", compact, is_compact, .stride = 3 },
		{ "get from disk", get, NULL },
		{ "walk on disk", walk, NULL },
		{ "sync", sync_all, can_go_on },
		{ "number", number, NULL },
		{ "verify", verify, NULL, .stride = 7 },
		{ "start and stop", start_and_stop, opens_again },
		{ "stop and open", stop_and_open, is_whole },
	};

	box_make(&box);
	box.config.checkpoint_ms = 3600000;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(box_put(&box, box_key('G', 0), TEXT), 0);
	memory_run(steps, ARRAY_SIZE(steps));
	CHECK_EQ(walk(0), 0);
	box_free(&box);
	return check_result();
}
