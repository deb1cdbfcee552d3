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

/* Many threads check at once, and what was wrong must be told apart: each failure says what and where. */
static void expect(bool right, const char *what, long long value)
{
	if (right)
		return;
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "wrong: %s (%lld)\n", what, value);
}

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
	int r = batch_get(b, k.bytes, k.len, &got);

	expect(r >= 0, "batch_get", r);
	expect(r < 0 || got.len >= 8, "length in a batch", (long long)got.len);
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
		int r;

		if (from == to)
			continue;
		r = catalog_begin(box.c, false, &b);
		expect(r >= 0, "catalog_begin", r);
		if (r < 0)
			break;
		put_amount(b, from, amount(b, from) - 1, next_dice(&state) % 500);
		put_amount(b, to, amount(b, to) + 1, next_dice(&state) % 500);
		if (next_dice(&state) % 8 == 0) {
			batch_abort(b);
		} else {
			r = batch_commit(b, NULL);
			expect(r >= 0, "batch_commit", r);
		}
		r = i % 256 == 0 ? catalog_sync(box.c, catalog_last_lsn(box.c)) : 0;
		expect(r >= 0, "catalog_sync", r);
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
	int r = cursor_open(box.c, "I", 1, &cur);

	expect(r >= 0, "cursor_open", r);
	if (r < 0)
		return;
	while ((r = cursor_next(cur, &key, &key_len, &value, &value_len)) == 1) {
		sum += load_le64(value);
		n++;
	}
	cursor_close(cur);
	expect(r == 0, "cursor_next", r);
	expect(r < 0 || n == ACCOUNTS, "accounts in a walk", n);
	if (r == 0 && before == catalog_last_lsn(box.c))
		expect(sum == (uint64_t)ACCOUNTS * START, "sum of a walk", (long long)sum);
}

static void *read_amounts(void *context)
{
	uint64_t state = (uint64_t)(uintptr_t)context;

	while (!atomic_load(&done)) {
		struct key k = box_key('I', next_dice(&state) % ACCOUNTS);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct catalog_stats stats;
		int r = catalog_get(box.c, k.bytes, k.len, &got);

		expect(r >= 0, "catalog_get", r);
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
		int r = catalog_next_number(box.c, COUNTER_SEGMENT, &number);

		expect(r >= 0, "catalog_next_number", r);
		expect(r < 0 || number > last, "a number that does not grow", (long long)(number - last));
		last = r < 0 ? last : number;
		r = catalog_checkpoint(box.c);
		expect(r >= 0, "catalog_checkpoint", r);
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
