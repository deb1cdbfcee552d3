/* SPDX-License-Identifier: MIT */
/* Counters of the whole volume: key 'V' u8 1, value varint files, directories, others, bytes,
 * queued. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tree.h"
#include "catalog/tree_stats.h"

#define FACT_COUNTERS 1

struct counters {
	struct tree_stats tree;
	uint64_t queued;
};

static struct key counters_key(void)
{
	return key_u8(key_start('V'), FACT_COUNTERS);
}

/* `r`: what getting the value gave. A volume without the record is empty. */
static int decode(int r, const struct buf *value, struct counters *ret_s)
{
	struct reader reader = reader_over(value->data, value->len);
	struct counters s = { 0 };

	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0) {
		s.tree.files = reader_varint(&reader);
		s.tree.directories = reader_varint(&reader);
		s.tree.others = reader_varint(&reader);
		s.tree.bytes = reader_varint(&reader);
		s.queued = reader_varint(&reader);
	}
	if (reader.bad || reader_left(&reader))
		return -EBADMSG;
	*ret_s = s;
	return 0;
}

static uint64_t plus(uint64_t v, int64_t delta)
{
	return (uint64_t)((int64_t)v + delta);
}

int stats_change(struct batch *b, const struct stats_delta *delta)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = counters_key();
	uint8_t out[5 * VARINT_MAX], *at = out;
	struct counters s;
	int r;

	if (!delta->files && !delta->directories && !delta->others && !delta->bytes && !delta->queued)
		return 0;
	r = decode(batch_get(b, key.bytes, key.len, &value), &value, &s);
	if (r < 0)
		return r;
	at = put_varint(at, plus(s.tree.files, delta->files));
	at = put_varint(at, plus(s.tree.directories, delta->directories));
	at = put_varint(at, plus(s.tree.others, delta->others));
	at = put_varint(at, plus(s.tree.bytes, delta->bytes));
	at = put_varint(at, plus(s.queued, delta->queued));
	batch_put(b, key.bytes, key.len, out, (size_t)(at - out));
	return 0;
}

static int get(struct catalog *c, struct counters *ret_s)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = counters_key();

	*ret_s = (struct counters){ 0 };
	return decode(catalog_get(c, key.bytes, key.len, &value), &value, ret_s);
}

int tree_get_stats(struct catalog *c, struct tree_stats *ret_stats)
{
	struct counters s;
	int r = get(c, &s);

	*ret_stats = s.tree;
	return r;
}

uint64_t queue_count(struct catalog *c)
{
	struct counters s;

	(void) get(c, &s);
	return s.queued;
}
