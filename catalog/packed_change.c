/* SPDX-License-Identifier: MIT */
/* Changes of packed sets within a batch: records of their own, which a checkpoint takes into the chunks. */
#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/packed_chunk.h"
#include "catalog/walk.h"

static uint32_t changed_n(uint32_t n, const struct packed_change *change)
{
	int64_t v = (int64_t)((n & ~change->clear) | change->set) + change->add;

	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static int get_stored(struct catalog *c, const struct key *prefix, uint64_t a, uint64_t b, uint32_t *ret_n)
{
	struct key from = chunk_key(prefix, a, b), key;
	struct packed_member members[CHUNK_MEMBERS_MAX];
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = record_first(c, prefix, &from, &key, &value);
	size_t at;

	if (r > 0)
		r = key.len == from.len ? chunk_decode(value.data, value.len, members) : -EBADMSG;
	if (r < 0)
		return r;
	at = chunk_find(members, (size_t)r, a, b);
	*ret_n = at < (size_t)r && chunk_compare(&members[at], a, b) == 0 ? members[at].n : 0;
	return 0;
}

/* What was changed is looked for first: what a checkpoint has taken up meanwhile is in the chunk then. */
static int judge(struct catalog *c, const struct key *prefix, uint64_t a, uint64_t b, int found, const struct buf *value,
		 uint32_t *ret_n)
{
	if (found == -ENOENT)
		return get_stored(c, prefix, a, b, ret_n);
	return found < 0 ? found : change_decode(value->data, value->len, ret_n);
}

int packed_set_get(struct catalog *c, const struct key *prefix, uint64_t a, uint64_t b, uint32_t *ret_n)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = change_key(prefix, a, b);
	int r = catalog_get(c, key.bytes, key.len, &value);

	return judge(c, prefix, a, b, r, &value, ret_n);
}

int packed_set_change(struct batch *b, const struct key *prefix, const struct packed_change *change, uint32_t *ret_was)
{
	struct key key = change_key(prefix, change->a, change->b);
	_cleanup_buf_ struct buf value = BUF_INIT;
	uint32_t was, n;
	int r = batch_get(b, key.bytes, key.len, &value);

	r = judge(batch_catalog(b), prefix, change->a, change->b, r, &value, &was);
	if (r < 0)
		return r;
	n = changed_n(was, change);
	if (ret_was)
		*ret_was = was;
	if (n != was)
		packed_set_put(b, prefix, &(struct packed_member){ .a = change->a, .b = change->b, .n = n });
	return n > 0;
}

void packed_set_put(struct batch *b, const struct key *prefix, const struct packed_member *m)
{
	struct key key = change_key(prefix, m->a, m->b);
	uint8_t value[CHANGE_VALUE_MAX];

	assert(m->b <= PACKED_B_MAX);
	batch_put(b, key.bytes, key.len, value, change_encode(m->n, value));
}

static int remove_record(void *context, const struct record *record)
{
	batch_remove(context, record->key, record->key_len);
	return 0;
}

int packed_set_drop(struct batch *b, const struct key *prefix)
{
	struct key key = change_prefix(prefix);
	int r = records_foreach(batch_catalog(b), &key, remove_record, b);

	if (r >= 0)
		batch_put(b, key.bytes, key.len, "", 0);
	return r;
}
