/* SPDX-License-Identifier: MIT */
#include "tiers/move/meter_record.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/records.h"
#include "tiers/move/metered.h"

#define FACT_METER 3

static struct key record_key(void)
{
	return key_u8(key_start('V'), FACT_METER);
}

int meter_load(struct catalog *c, struct bucket *b)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = record_key();
	int r = catalog_get(c, key.bytes, key.len, &value);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return metered_decode(b, value.data, value.len);
}

int meter_save(struct catalog *c, struct bucket *b)
{
	_cleanup_buf_ struct buf now = BUF_INIT, before = BUF_INIT;
	struct key key = record_key();
	struct batch *batch;
	int r = metered_encode(b, &now);

	if (r >= 0)
		r = catalog_get(c, key.bytes, key.len, &before);
	if (r >= 0 && now.len == before.len && memcmp(now.data, before.data, now.len) == 0)
		return 0;
	if (r >= 0 || r == -ENOENT)
		r = catalog_begin(c, true, &batch);
	if (r < 0)
		return r;
	batch_put(batch, key.bytes, key.len, now.data, now.len);
	return batch_commit(batch, NULL);
}
