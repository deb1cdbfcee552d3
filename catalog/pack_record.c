/* SPDX-License-Identifier: MIT */
#include "catalog/pack_record.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/records.h"
#include "catalog/walk.h"

#define PACK_VERSION 1
#define PACK_RECORD_MAX (1 + SEAL_RUN_HEADER_SIZE + 9 * VARINT_MAX)

static struct key pack_key(uint64_t number)
{
	return key_u64(key_start('K'), number);
}

static struct key account_key(uint64_t account)
{
	return key_u64(key_start('S'), account);
}

const char *inode_tier(struct catalog *c, const struct inode *i)
{
	struct pack_record p;

	if (!i->packed)
		return "hot";
	/* Its home may be gone, when its last part in a pack lies in another one. */
	return pack_record_get(c, i->home, &p) >= 0 && pack_record_is_cold(&p) ? "cold" : "warm";
}

/* ---- encoding */

/* Days before 1970, too, in few bytes: 0, -1, 1, -2, .. */
static uint64_t fold_sign(int64_t v)
{
	return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unfold_sign(uint64_t v)
{
	return (int64_t)(v & 1 ? ~(v >> 1) : v >> 1);
}

static size_t encode(const struct pack_record *p, uint8_t out[PACK_RECORD_MAX])
{
	uint8_t *at = put_u8(out, PACK_VERSION);

	seal_run_header_store(&p->run, at);
	at = put_varint(at + SEAL_RUN_HEADER_SIZE, p->flags);
	at = put_varint(at, p->stored);
	at = put_varint(at, p->plain);
	at = put_varint(at, p->dictionary);
	at = put_varint(at, fold_sign(p->first_day));
	at = put_varint(at, p->days);
	at = put_varint(at, fold_sign(p->made));
	at = put_varint(at, p->lsn);
	at = put_varint(at, fold_sign(p->checked));
	return (size_t)(at - out);
}

static int decode(uint64_t number, const void *value, size_t len, struct pack_record *ret_p)
{
	struct reader r = reader_over(value, len);
	struct pack_record p = { .number = number };
	uint8_t version = reader_u8(&r);
	const uint8_t *run = reader_take(&r, SEAL_RUN_HEADER_SIZE);
	uint64_t flags = reader_varint(&r);

	p.stored = reader_varint(&r);
	p.plain = reader_varint(&r);
	p.dictionary = reader_varint(&r);
	p.first_day = unfold_sign(reader_varint(&r));
	p.days = reader_varint(&r);
	p.made = unfold_sign(reader_varint(&r));
	p.lsn = reader_varint(&r);
	p.checked = unfold_sign(reader_varint(&r));
	if (r.bad || reader_left(&r) || version != PACK_VERSION || flags > UINT32_MAX ||
	    seal_run_header_load(run, &p.run) < 0)
		return -EBADMSG;
	p.flags = (uint32_t)flags;
	*ret_p = p;
	return 0;
}

/* ---- packs */

int pack_record_get(struct catalog *c, uint64_t number, struct pack_record *ret_p)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = pack_key(number);
	int r = catalog_get(c, key.bytes, key.len, &value);

	return r < 0 ? r : decode(number, value.data, value.len, ret_p);
}

int pack_record_get_in(struct batch *b, uint64_t number, struct pack_record *ret_p)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = pack_key(number);
	int r = batch_get(b, key.bytes, key.len, &value);

	return r < 0 ? r : decode(number, value.data, value.len, ret_p);
}

void pack_record_put(struct batch *b, const struct pack_record *p)
{
	uint8_t value[PACK_RECORD_MAX];
	struct key key = pack_key(p->number);

	batch_put(b, key.bytes, key.len, value, encode(p, value));
}

void pack_record_remove(struct batch *b, uint64_t number)
{
	const struct key keys[] = { pack_key(number), account_key(PACK_ALIVE | number), account_key(PACK_FILES | number) };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		batch_remove(b, keys[k].bytes, keys[k].len);
}

/* ---- accounts */

static int decode_account(const struct buf *value, uint64_t *ret_n)
{
	struct reader r = reader_over(value->data, value->len);

	*ret_n = reader_varint(&r);
	return r.bad || reader_left(&r) ? -EBADMSG : 0;
}

int pack_count_files(struct batch *b, uint64_t number, int change)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = account_key(PACK_FILES | number);
	uint8_t now[VARINT_MAX];
	uint64_t n = 0;
	int r = batch_get(b, key.bytes, key.len, &value);

	if (r >= 0)
		r = decode_account(&value, &n);
	/* The pack is gone, and nobody counts for it any more. */
	if (r == -ENOENT && change < 0)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (change < 0 && n < (uint64_t)-change)
		return -EBADMSG;
	batch_put(b, key.bytes, key.len, now, (size_t)(put_varint(now, n + (uint64_t)change) - now));
	return 0;
}

static int get_account(struct catalog *c, uint64_t account, uint64_t *ret_n)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = account_key(account);
	int r = catalog_get(c, key.bytes, key.len, &value);

	*ret_n = 0;
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : decode_account(&value, ret_n);
}

int pack_get_alive(struct catalog *c, uint64_t number, uint64_t *ret_bytes, uint64_t *ret_files)
{
	int r = get_account(c, PACK_ALIVE | number, ret_bytes);

	return r < 0 ? r : get_account(c, PACK_FILES | number, ret_files);
}

/* ---- all */

struct visitor {
	int (*pack)(void *context, const struct pack_record *p);
	void *context;
};

static int visit(void *context, const struct record *record)
{
	struct visitor *v = context;
	struct pack_record p;
	int r = -EBADMSG;

	if (record->key_len == 9)
		r = decode(load_be64(record->key + 1), record->value, record->value_len, &p);
	return r < 0 ? r : v->pack(v->context, &p);
}

int pack_record_foreach(struct catalog *c, int (*pack)(void *context, const struct pack_record *p), void *context)
{
	struct key prefix = key_start('K');
	struct visitor v = { pack, context };

	return records_foreach(c, &prefix, visit, &v);
}

/* ---- dictionaries */

static struct key dictionary_key(uint64_t id)
{
	return key_u64(key_start('Z'), id);
}

int dictionary_get(struct catalog *c, uint64_t id, struct buf *ret_bytes)
{
	struct key key = dictionary_key(id);

	return catalog_get(c, key.bytes, key.len, ret_bytes);
}

void dictionary_put(struct batch *b, uint64_t id, const void *bytes, size_t len)
{
	struct key key = dictionary_key(id);

	batch_put(b, key.bytes, key.len, bytes, len);
}

void dictionary_remove(struct batch *b, uint64_t id)
{
	struct key key = dictionary_key(id);

	batch_remove(b, key.bytes, key.len);
}

int dictionary_get_current(struct catalog *c, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = dictionary_key(0);
	int r = catalog_get(c, key.bytes, key.len, &value);

	*ret_id = 0;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (value.len != 8)
		return -EBADMSG;
	*ret_id = load_le64(value.data);
	return 0;
}

void dictionary_set_current(struct batch *b, uint64_t id)
{
	struct key key = dictionary_key(0);
	uint8_t value[8];

	store_le64(value, id);
	batch_put(b, key.bytes, key.len, value, sizeof(value));
}
