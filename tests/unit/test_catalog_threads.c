/* SPDX-License-Identifier: MIT */
/* Writers, readers and checkpoints at the same time. Batches must be seen whole or not at all: each one
 * moves an amount between two accounts, so that every walk finds the same sum. Built with
 * -Db_sanitize=thread it shows that nobody reads what another writes. */
#include <stdatomic.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

#define ACCOUNTS 64
#define START 1000
#define WRITERS 2
#define READERS 2
#define MOVES 3000

static struct box box;
static atomic_bool done;
static atomic_int wrong;

static uint64_t next_dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static uint64_t amount(struct batch *b, unsigned account)
{
	struct key k = box_key('I', account);
	_cleanup_buf_ struct buf got = BUF_INIT;

	if (batch_get(b, k.bytes, k.len, &got) < 0 || got.len < 8)
		atomic_fetch_add(&wrong, 1);
	return got.len < 8 ? 0 : load_le64(got.data);
}

static void put_amount(struct batch *b, unsigned account, uint64_t value, size_t len)
{
	struct key k = box_key('I', account);
	uint8_t bytes[600] = { 0 };

	store_le64(bytes, value);
	batch_put(b, k.bytes, k.len, bytes, 8 + len);
}

static void *move_amounts(void *context)
{
	uint64_t state = (uint64_t)(uintptr_t)context;

	for (unsigned i = 0; i < MOVES; i++) {
		unsigned from = next_dice(&state) % ACCOUNTS, to = next_dice(&state) % ACCOUNTS;
		struct batch *b;

		if (from == to)
			continue;
		if (catalog_begin(box.c, false, &b) < 0) {
			atomic_fetch_add(&wrong, 1);
			break;
		}
		put_amount(b, from, amount(b, from) - 1, next_dice(&state) % 500);
		put_amount(b, to, amount(b, to) + 1, next_dice(&state) % 500);
		if (next_dice(&state) % 8 == 0)
			batch_abort(b);
		else if (batch_commit(b, NULL) < 0)
			atomic_fetch_add(&wrong, 1);
		if (i % 256 == 0 && catalog_sync(box.c, catalog_last_lsn(box.c)) < 0)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

/* One window of a cursor is one snapshot: 64 accounts fit into it. */
static void check_sum(void)
{
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len;
	uint64_t before = catalog_last_lsn(box.c), sum = 0;
	unsigned n = 0;

	if (cursor_open(box.c, "I", 1, &cur) < 0)
		return;
	while (cursor_next(cur, &key, &key_len, &value, &value_len) == 1) {
		sum += load_le64(value);
		n++;
	}
	cursor_close(cur);
	if (n != ACCOUNTS)
		atomic_fetch_add(&wrong, 1);
	if (before == catalog_last_lsn(box.c) && sum != (uint64_t)ACCOUNTS * START)
		atomic_fetch_add(&wrong, 1);
}

static void *read_amounts(void *context)
{
	uint64_t state = (uint64_t)(uintptr_t)context;

	while (!atomic_load(&done)) {
		struct key k = box_key('I', next_dice(&state) % ACCOUNTS);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct catalog_stats stats;

		if (catalog_get(box.c, k.bytes, k.len, &got) < 0)
			atomic_fetch_add(&wrong, 1);
		if (next_dice(&state) % 16 == 0)
			check_sum();
		catalog_get_stats(box.c, &stats);
	}
	return NULL;
}

static void *draw_numbers(void *context)
{
	uint64_t last = 0, number;

	while (!atomic_load(&done)) {
		if (catalog_next_number(box.c, COUNTER_SEGMENT, &number) < 0 || number <= last)
			atomic_fetch_add(&wrong, 1);
		last = number;
		if (catalog_checkpoint(box.c) < 0)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void make_accounts(void)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(box.c, false, &b), 0);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		put_amount(b, i, START, 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void run_threads(void)
{
	pthread_t writers[WRITERS], readers[READERS], numbers;

	for (uintptr_t i = 0; i < WRITERS; i++)
		CHECK_EQ(pthread_create(&writers[i], NULL, move_amounts, (void *)(1000 + i)), 0);
	for (uintptr_t i = 0; i < READERS; i++)
		CHECK_EQ(pthread_create(&readers[i], NULL, read_amounts, (void *)(2000 + i)), 0);
	CHECK_EQ(pthread_create(&numbers, NULL, draw_numbers, NULL), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		CHECK_EQ(pthread_join(writers[i], NULL), 0);
	atomic_store(&done, true);
	for (unsigned i = 0; i < READERS; i++)
		CHECK_EQ(pthread_join(readers[i], NULL), 0);
	CHECK_EQ(pthread_join(numbers, NULL), 0);
}

int main(void)
{
	box_make(&box);
	box.config.checkpoint_ms = 5;
	box.config.overlay_records = 100;
	CHECK_EQ(box_open(&box), 0);
	make_accounts();
	CHECK_EQ(catalog_start(box.c), 0);
	run_threads();
	check_sum();
	CHECK_EQ(box_reopen(&box), 0);
	check_sum();
	CHECK_EQ(atomic_load(&wrong), 0);
	box_free(&box);
	return check_result();
}
