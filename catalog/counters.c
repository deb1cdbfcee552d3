/* SPDX-License-Identifier: MIT */
/* 'C' counter -> le64 limit: numbers below it may have been given out. A range is reserved in the log
 * before its first number is used.
 *
 * Who has a batch open reserves in that batch. Until it commits the range is provisional and nobody
 * else may draw from it: an abort takes it back, and then a number that another thread had used
 * without a batch (the name of a file) would come twice. */
#include <errno.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "catalog/catalog_impl.h"
#include "catalog/records.h"

/* Files are named by segment numbers: their ranges are short, so that names stay close. */
static const uint64_t range_size[COUNTERS] = {
	[COUNTER_INODE] = 1024,
	[COUNTER_TAG] = 64,
	[COUNTER_SEGMENT] = 16,
	[COUNTER_INDEX_SEGMENT] = 16,
	[COUNTER_PACK] = 16,
};
static const uint64_t first_number[COUNTERS] = {
	[COUNTER_INODE] = ROOT_INO + 1,
	[COUNTER_TAG] = 1,
	[COUNTER_SEGMENT] = 1,
	[COUNTER_INDEX_SEGMENT] = 1,
	[COUNTER_PACK] = 1,
};

static struct key counter_key(unsigned which)
{
	return key_u8(key_start('C'), (uint8_t)which);
}

static int load_one(struct catalog *c, unsigned which)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = counter_key(which);
	uint64_t limit = first_number[which];
	int r = catalog_get(c, key.bytes, key.len, &value);

	if (r == -EBADMSG && c->config.rehearse) /* repair.c finds a limit */
		r = -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && value.len != 8)
		return -EBADMSG;
	if (r >= 0)
		limit = load_le64(value.data);
	c->counters[which] = (struct counter){ .next = limit, .limit = limit };
	return 0;
}

int counters_load(struct catalog *c)
{
	int r = 0;

	for (unsigned i = 1; i < COUNTERS && r >= 0; i++)
		r = load_one(c, i);
	return r;
}

static void put_limit(struct batch *b, unsigned which, uint64_t limit)
{
	struct key key = counter_key(which);
	uint8_t value[8];

	store_le64(value, limit);
	batch_put(b, key.bytes, key.len, value, sizeof(value));
}

/* The next number if this thread may draw one. -EAGAIN: nothing is reserved for it. */
static int draw(struct catalog *c, unsigned which, bool in_batch, uint64_t *ret_number)
{
	LOCKED(&c->counters_lock);
	struct counter *k = &c->counters[which];

	if (k->next >= k->limit || (k->provisional && !in_batch))
		return -EAGAIN;
	*ret_number = k->next++;
	return 0;
}

static void reserve_in(struct catalog *c, struct batch *b, unsigned which)
{
	LOCKED(&c->counters_lock);
	struct counter *k = &c->counters[which];

	if (k->next < k->limit)
		return; /* another thread was faster */
	if (!k->provisional)
		k->fallback = k->limit;
	k->provisional = true;
	k->limit += range_size[which];
	put_limit(b, which, k->limit);
}

/* Segment numbers name files that are made before any batch tells of them: durable before use. */
static int reserve_apart(struct catalog *c, unsigned which)
{
	struct batch *b;
	uint64_t lsn;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	reserve_in(c, b, which);
	r = batch_commit(b, &lsn);
	return r < 0 ? r : catalog_sync(c, lsn);
}

int catalog_next_number(struct catalog *c, enum catalog_counter which, uint64_t *ret_number)
{
	bool in_batch = catalog_owns_writer(c);
	int r;

	while ((r = draw(c, which, in_batch, ret_number)) == -EAGAIN) {
		if (in_batch)
			reserve_in(c, &c->batch, which);
		else
			r = reserve_apart(c, which);
		if (r < 0 && r != -EAGAIN)
			return r;
	}
	return r;
}

void counters_settle(struct catalog *c, bool committed)
{
	LOCKED(&c->counters_lock);

	for (unsigned i = 1; i < COUNTERS; i++) {
		struct counter *k = &c->counters[i];

		if (k->provisional && !committed)
			k->next = k->limit = k->fallback;
		k->provisional = false;
	}
}

int counters_give_back(struct catalog *c)
{
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	for (unsigned i = 1; i < COUNTERS; i++) {
		LOCKED(&c->counters_lock);

		if (c->counters[i].next < c->counters[i].limit) {
			c->counters[i].limit = c->counters[i].next;
			put_limit(b, i, c->counters[i].next);
		}
	}
	return batch_commit(b, NULL);
}
