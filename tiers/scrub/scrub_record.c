/* SPDX-License-Identifier: MIT */
#include "tiers/scrub/scrub_record.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/records.h"
#include "catalog/walk.h"

#define FACT_PROGRESS 5
#define FACT_DAMAGE 6
#define VERSION 1u
#define RECORD_MAX (1 + 16 * VARINT_MAX)
/* Removed in one batch. */
#define PRUNE_MAX 256u

static uint64_t fold_sign(int64_t v)
{
	return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unfold_sign(uint64_t v)
{
	return (int64_t)(v & 1 ? ~(v >> 1) : v >> 1);
}

/* ---- progress */

static struct key progress_key(void)
{
	return key_u8(key_start('V'), FACT_PROGRESS);
}

static uint8_t *put_counts(uint8_t *at, const struct scrub_counts *n)
{
	at = put_varint(at, n->bytes);
	at = put_varint(at, n->found);
	at = put_varint(at, n->mended);
	return put_varint(at, n->unread);
}

static struct scrub_counts read_counts(struct reader *in)
{
	struct scrub_counts n;

	n.bytes = reader_varint(in);
	n.found = reader_varint(in);
	n.mended = reader_varint(in);
	n.unread = reader_varint(in);
	return n;
}

static size_t encode_progress(const struct scrub_progress *p, uint8_t out[RECORD_MAX])
{
	uint8_t *at = put_u8(out, VERSION);

	at = put_varint(at, fold_sign(p->began_s));
	at = put_varint(at, fold_sign(p->ended_s));
	at = put_varint(at, p->round);
	at = put_varint(at, p->phase);
	at = put_varint(at, p->ino);
	at = put_varint(at, p->end);
	at = put_counts(at, &p->now);
	return (size_t)(put_counts(at, &p->last) - out);
}

static bool decode_progress(const void *value, size_t len, struct scrub_progress *ret_p)
{
	struct reader in = reader_over(value, len);
	struct scrub_progress p = { 0 };
	uint8_t version = reader_u8(&in);

	p.began_s = unfold_sign(reader_varint(&in));
	p.ended_s = unfold_sign(reader_varint(&in));
	p.round = reader_varint(&in);
	p.phase = reader_varint(&in);
	p.ino = reader_varint(&in);
	p.end = reader_varint(&in);
	p.now = read_counts(&in);
	p.last = read_counts(&in);
	if (in.bad || reader_left(&in) || version != VERSION || p.phase >= SCRUB_PHASES)
		return false;
	*ret_p = p;
	return true;
}

int scrub_progress_load(struct catalog *c, struct scrub_progress *ret_p)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = progress_key();
	int r = catalog_get(c, key.bytes, key.len, &value);

	if (r < 0 && r != -ENOENT)
		return r;
	/* One that cannot be read costs another reading of what was read before. */
	if (r < 0 || !decode_progress(value.data, value.len, ret_p))
		*ret_p = (struct scrub_progress){ 0 };
	return 0;
}

static int put_record(struct catalog *c, const struct key *key, const uint8_t *value, size_t len)
{
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	batch_put(b, key->bytes, key->len, value, len);
	return batch_commit(b, NULL);
}

int scrub_progress_save(struct catalog *c, const struct scrub_progress *p)
{
	struct key key = progress_key();
	uint8_t value[RECORD_MAX];

	return put_record(c, &key, value, encode_progress(p, value));
}

/* ---- damage */

static struct key damage_prefix(void)
{
	return key_u8(key_start('V'), FACT_DAMAGE);
}

static size_t encode_damage(const struct scrub_damage *d, uint8_t out[RECORD_MAX])
{
	uint8_t *at = put_u8(out, VERSION);

	at = put_varint(at, d->kind);
	at = put_varint(at, d->cold);
	at = put_varint(at, d->segment);
	at = put_varint(at, d->place);
	at = put_varint(at, d->offset);
	at = put_varint(at, d->end);
	at = put_varint(at, d->bytes);
	at = put_varint(at, fold_sign(d->found_s));
	return (size_t)(put_varint(at, d->round) - out);
}

static int decode_damage(uint64_t ino, const void *value, size_t len, struct scrub_damage *ret_d)
{
	struct reader in = reader_over(value, len);
	struct scrub_damage d = { .ino = ino };
	uint8_t version = reader_u8(&in);

	d.kind = reader_varint(&in);
	d.cold = reader_varint(&in);
	d.segment = reader_varint(&in);
	d.place = reader_varint(&in);
	d.offset = reader_varint(&in);
	d.end = reader_varint(&in);
	d.bytes = reader_varint(&in);
	d.found_s = unfold_sign(reader_varint(&in));
	d.round = reader_varint(&in);
	if (in.bad || reader_left(&in) || version != VERSION)
		return -EBADMSG;
	*ret_d = d;
	return 0;
}

int scrub_damage_get(struct catalog *c, uint64_t ino, struct scrub_damage *ret_d)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = key_u64(damage_prefix(), ino);
	int r = catalog_get(c, key.bytes, key.len, &value);

	return r < 0 ? r : decode_damage(ino, value.data, value.len, ret_d);
}

int scrub_damage_put(struct catalog *c, const struct scrub_damage *d)
{
	struct key key = key_u64(damage_prefix(), d->ino);
	uint8_t value[RECORD_MAX];

	return put_record(c, &key, value, encode_damage(d, value));
}

struct visitor {
	int (*damage)(void *context, const struct scrub_damage *d);
	void *context;
};

static int visit(void *context, const struct record *record)
{
	const struct visitor *v = context;
	struct scrub_damage d;

	if (record->key_len != 10 ||
	    decode_damage(load_be64(record->key + 2), record->value, record->value_len, &d) < 0)
		return 0;
	return v->damage(v->context, &d);
}

int scrub_damage_foreach(struct catalog *c, int (*damage)(void *context, const struct scrub_damage *d), void *context)
{
	struct key prefix = damage_prefix();
	struct visitor v = { damage, context };

	return records_foreach(c, &prefix, visit, &v);
}

struct pruning {
	bool (*gone)(void *context, const struct scrub_damage *d);
	void *context;
	uint64_t inos[PRUNE_MAX];
	size_t n;
};

static int note_gone(void *context, const struct scrub_damage *d)
{
	struct pruning *p = context;

	if (p->gone(p->context, d))
		p->inos[p->n++] = d->ino;
	return p->n == PRUNE_MAX;
}

static int remove_noted(struct catalog *c, const struct pruning *p)
{
	struct batch *b;
	int r = p->n ? catalog_begin(c, true, &b) : 0;

	if (r < 0 || !p->n)
		return r;
	for (size_t k = 0; k < p->n; k++) {
		struct key key = key_u64(damage_prefix(), p->inos[k]);

		batch_remove(b, key.bytes, key.len);
	}
	return batch_commit(b, NULL);
}

int scrub_damage_prune(struct catalog *c, bool (*gone)(void *context, const struct scrub_damage *d), void *context)
{
	int r;

	do {
		struct pruning p = { .gone = gone, .context = context };
		int removed;

		r = scrub_damage_foreach(c, note_gone, &p);
		removed = r < 0 ? r : remove_noted(c, &p);
		if (removed < 0)
			r = removed;
	} while (r > 0);
	return r;
}
