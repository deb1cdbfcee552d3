/* SPDX-License-Identifier: MIT */
#include "tiers/move/dictionary_record.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/pack_record.h"
#include "catalog/records.h"
#include "catalog/walk.h"

#define FACT_DICTIONARY 7
#define VERSION 1u
/* The first packs: so much says how well a dictionary does that is made for them. */
#define FIRST_BYTES (1u << 20)
/* The last ones: what came before counts half when so much has come. */
#define RECENT_BYTES (4u << 20)

static struct key record_key(void)
{
	return key_u8(key_start('V'), FACT_DICTIONARY);
}

static void decode(const struct buf *value, uint64_t id, struct dictionary_figures *ret_f)
{
	struct reader in = reader_over(value->data, value->len);
	uint8_t version = reader_u8(&in);
	const uint8_t *own = reader_take(&in, 8);
	struct dictionary_figures f = { .id = id };

	f.first_plain = reader_varint(&in);
	f.first_stored = reader_varint(&in);
	f.recent_plain = reader_varint(&in);
	f.recent_stored = reader_varint(&in);
	if (!in.bad && !reader_left(&in) && version == VERSION && load_le64(own) == id)
		*ret_f = f;
}

int dictionary_figures_load(struct catalog *c, uint64_t id, struct dictionary_figures *ret_f)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = record_key();
	int r = catalog_get(c, key.bytes, key.len, &value);

	*ret_f = (struct dictionary_figures){ .id = id };
	if (r >= 0)
		decode(&value, id, ret_f);
	return r == -ENOENT ? 0 : r;
}

int dictionary_figures_save(struct catalog *c, const struct dictionary_figures *f)
{
	uint8_t value[1 + 8 + 4 * VARINT_MAX], *at = put_le64(put_u8(value, VERSION), f->id);
	struct key key = record_key();
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	at = put_varint(at, f->first_plain);
	at = put_varint(at, f->first_stored);
	at = put_varint(at, f->recent_plain);
	at = put_varint(at, f->recent_stored);
	batch_put(b, key.bytes, key.len, value, (size_t)(at - value));
	return batch_commit(b, NULL);
}

void dictionary_figures_add(struct dictionary_figures *f, uint64_t plain, uint64_t stored)
{
	if (f->first_plain < FIRST_BYTES) {
		f->first_plain += plain;
		f->first_stored += stored;
		return;
	}
	if (f->recent_plain >= RECENT_BYTES) {
		f->recent_plain /= 2;
		f->recent_stored /= 2;
	}
	f->recent_plain += plain;
	f->recent_stored += stored;
}

/* ---- those that nobody needs */

#define DROPPED_MAX 64u

struct dropping {
	uint64_t ids[DROPPED_MAX]; /* of dictionaries; 0 once it is known who needs it */
	size_t n;
};

static int note_dictionary(void *context, const struct record *record)
{
	struct dropping *d = context;

	if (record->key_len != 9 || load_be64(record->key + 1) == 0)
		return 0;
	d->ids[d->n++] = load_be64(record->key + 1);
	return d->n == DROPPED_MAX;
}

static void keep(struct dropping *d, uint64_t id)
{
	for (size_t k = 0; k < d->n; k++)
		if (d->ids[k] == id)
			d->ids[k] = 0;
}

static int keep_of_pack(void *context, const struct pack_record *record)
{
	keep(context, record->dictionary);
	return 0;
}

static int drop(struct catalog *c, const struct dropping *d, uint64_t *ret_n)
{
	struct batch *b;
	uint64_t n = 0;
	int r;

	for (size_t k = 0; k < d->n; k++)
		n += d->ids[k] != 0;
	*ret_n = n;
	if (n == 0)
		return 0;
	r = catalog_begin(c, true, &b);
	if (r < 0)
		return r;
	for (size_t k = 0; k < d->n; k++)
		if (d->ids[k])
			dictionary_remove(b, d->ids[k]);
	return batch_commit(b, NULL);
}

int dictionaries_drop_unused(struct catalog *c, uint64_t *ret_n)
{
	struct key prefix = key_start('Z');
	struct dropping d = { .n = 0 };
	uint64_t current;
	int r = dictionary_get_current(c, &current);

	*ret_n = 0;
	if (r >= 0)
		r = records_foreach(c, &prefix, note_dictionary, &d);
	if (r >= 0 && d.n > 0)
		r = pack_record_foreach(c, keep_of_pack, &d);
	if (r < 0)
		return r;
	keep(&d, current);
	return drop(c, &d, ret_n);
}
