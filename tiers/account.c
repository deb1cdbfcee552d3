/* SPDX-License-Identifier: MIT */
#include "tiers/account.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/records.h"
#include "catalog/walk.h"

static struct key account_key(uint64_t segment)
{
	return key_u64(key_start('S'), segment);
}

void account_done(struct account *a)
{
	free(a->entries);
	*a = (struct account){ 0 };
}

static struct account_entry *entry_of(struct account *a, uint64_t segment)
{
	/* Neighbours in a file lie in one segment: the last entry is nearly always the one. */
	for (size_t k = a->n; k-- > 0;)
		if (a->entries[k].segment == segment)
			return &a->entries[k];
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 4;
		struct account_entry *more = realloc(a->entries, cap * sizeof(*more));

		if (!more)
			return NULL;
		a->entries = more;
		a->cap = cap;
	}
	a->entries[a->n] = (struct account_entry){ .segment = segment };
	return &a->entries[a->n++];
}

int account_add(struct account *a, uint64_t segment, int64_t bytes)
{
	struct account_entry *entry = entry_of(a, segment);

	if (!entry)
		return -ENOMEM;
	entry->bytes += bytes;
	return 0;
}

int account_extent(struct account *a, const struct extent *e, int sign)
{
	return extent_has_object(e) ? account_add(a, extent_account(e), (int64_t)e->len * sign) : 0;
}

static int decode(const void *value, size_t len, uint64_t *ret_bytes)
{
	struct reader r = reader_over(value, len);
	uint64_t bytes = reader_varint(&r);

	if (r.bad || reader_left(&r) || bytes > INT64_MAX)
		return -EBADMSG;
	*ret_bytes = bytes;
	return 0;
}

int account_get_in(struct batch *b, uint64_t segment, uint64_t *ret_bytes)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = account_key(segment);
	int r = batch_get(b, key.bytes, key.len, &value);

	return r < 0 ? r : decode(value.data, value.len, ret_bytes);
}

int account_get(struct catalog *c, uint64_t segment, uint64_t *ret_bytes)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = account_key(segment);
	int r = catalog_get(c, key.bytes, key.len, &value);

	return r < 0 ? r : decode(value.data, value.len, ret_bytes);
}

static int flush_entry(const struct account_entry *entry, struct batch *b)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = account_key(entry->segment);
	uint64_t bytes = 0;
	int r;

	if (entry->bytes == 0)
		return 0;
	r = account_get_in(b, entry->segment, &bytes);
	if (r < 0 && r != -ENOENT)
		return r;
	if (entry->bytes < 0 && bytes < (uint64_t)-entry->bytes)
		return -EBADMSG;
	r = buf_add_varint(&value, bytes + (uint64_t)entry->bytes);
	if (r >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
	return r;
}

int account_flush(struct account *a, struct batch *b)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < a->n; k++)
		r = flush_entry(&a->entries[k], b);
	a->n = 0;
	return r;
}

void account_remove(struct batch *b, uint64_t segment)
{
	struct key key = account_key(segment);

	batch_remove(b, key.bytes, key.len);
}

struct visitor {
	int (*account)(void *context, uint64_t segment, uint64_t bytes);
	void *context;
};

static int visit(void *context, const struct record *record)
{
	struct visitor *v = context;
	uint64_t bytes;
	int r;

	r = record->key_len == 9 ? decode(record->value, record->value_len, &bytes) : -EBADMSG;
	return r < 0 ? r : v->account(v->context, load_be64(record->key + 1), bytes);
}

int account_foreach(struct catalog *c, int (*account)(void *context, uint64_t segment, uint64_t bytes),
		    void *context)
{
	struct key prefix = key_start('S');
	struct visitor v = { account, context };

	return records_foreach(c, &prefix, visit, &v);
}
