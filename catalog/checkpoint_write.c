/* SPDX-License-Identifier: MIT */
/* What a checkpoint writes into the store, in one change: the records of an overlay, the replies, the facts. */
#include "base/cleanup.h"
#include "catalog/batch_record.h"
#include "catalog/catalog_impl.h"
#include "catalog/derive.h"
#include "catalog/packed_fold.h"

struct writing {
	struct catalog *c;
	struct store_change *change;
	struct seal_run *run;
	struct facts facts; /* as they will be */
	struct buf sealed, before, encoded;
	struct packed_fold packed;
	struct buf repacked; /* keys of chunks that were written or removed, each after its length (u8) */
};

/* ---- write */

/* Is it a change of a packed set, which is written into a chunk? */
static bool is_packed(const void *key)
{
	return *(const uint8_t *)key == LETTER_CHANGE;
}

/* After a change was committed. */
static void note_all(struct catalog *c, const struct overlay *written, const struct buf *replies)
{
	const struct overlay_node *n = written ? overlay_seek(written, "", 0, false) : NULL;
	struct reader in = replies ? reader_over(replies->data, replies->len) : reader_over(NULL, 0);
	struct record_op op;

	if (!c->compaction.noting)
		return;
	for (; n; n = overlay_next(n)) {
		size_t len;
		const void *key = overlay_key(n, &len);

		if (!is_packed(key))
			compaction_note(c, key, len);
	}
	while (record_next(&in, &op) == 1)
		compaction_note(c, op.key, op.key_len);
}

static void note_repacked(struct catalog *c, const struct buf *keys)
{
	struct reader in = reader_over(keys->data, keys->len);

	value_cache_change(c->values);
	while (reader_left(&in)) {
		size_t len = reader_u8(&in);
		const void *key = reader_take(&in, len);

		value_cache_forget(c->values, key, len);
		if (c->compaction.noting)
			compaction_note(c, key, len);
	}
}

static int put_sealed(struct writing *w, const void *key, size_t key_len, const void *value, size_t len)
{
	int r = value_seal(w->run, key, key_len, value, len, &w->sealed);

	if (r >= 0)
		r = store_change_put(w->change, key, key_len, w->sealed.data, w->sealed.len, &w->before);
	if (r < 0)
		return r;
	if (r > 0)
		facts_remove(&w->facts, &w->c->facts_key, key, key_len, w->before.data, w->before.len);
	facts_add(&w->facts, &w->c->facts_key, key, key_len, w->sealed.data, w->sealed.len);
	return 0;
}

static int remove_stored(struct writing *w, const void *key, size_t key_len)
{
	int r = store_change_remove(w->change, key, key_len, &w->before);

	if (r > 0)
		facts_remove(&w->facts, &w->c->facts_key, key, key_len, w->before.data, w->before.len);
	return r < 0 ? r : 0;
}

/* ---- what packed_fold.h asks for */

static int first_record(void *context, const struct key *from, struct key *ret_key, struct buf *ret_value)
{
	struct writing *w = context;
	int r = store_change_first(w->change, from->bytes, from->len, ret_key->bytes, &ret_key->len, &w->before);

	if (r <= 0)
		return r == -EBADMSG ? -EUCLEAN : r;
	r = value_open(w->c->opener, ret_key->bytes, ret_key->len, w->before.data, w->before.len, ret_value);
	return r < 0 ? r : 1;
}

static int remember_chunk(struct writing *w, const struct key *key)
{
	int r = buf_add_u8(&w->repacked, (uint8_t)key->len);

	return r < 0 ? r : buf_add(&w->repacked, key->bytes, key->len);
}

static int put_chunk(void *context, const struct key *key, const void *value, size_t len)
{
	int r = remember_chunk(context, key);

	return r < 0 ? r : put_sealed(context, key->bytes, key->len, value, len);
}

static int remove_chunk(void *context, const struct key *key)
{
	int r = remember_chunk(context, key);

	return r < 0 ? r : remove_stored(context, key->bytes, key->len);
}

/* In the same change of the store: it must not be forgotten. */
static int doubt_sets(void *context)
{
	_cleanup_buf_ struct buf state = BUF_INIT;
	struct writing *w = context;
	struct key key = derive_state_key(), found;
	uint8_t doubtful;
	int r = first_record(w, &key, &found, &state);

	if (r <= 0 || found.len != key.len || memcmp(found.bytes, key.bytes, key.len) != 0)
		return r == -EBADMSG ? 0 : MIN(r, 0);
	return derive_doubted(&state, &doubtful) ? put_chunk(w, &key, &doubtful, 1) : 0;
}

/* Changes of packed sets have the last of all letters: all chunks that were written otherwise are there. */
static int write_overlay(struct writing *w, const struct overlay *frozen)
{
	const struct overlay_node *n = overlay_seek(frozen, "", 0, false);
	int r = 0;

	w->packed = (struct packed_fold){ .first = first_record, .put = put_chunk, .remove = remove_chunk,
					  .doubt = doubt_sets, .context = w };

	for (; n && r >= 0; n = overlay_next(n)) {
		const struct overlay_value *v = overlay_value_at(n, UINT64_MAX);
		size_t key_len;
		const void *key = overlay_key(n, &key_len);

		if (is_packed(key))
			r = v->len == OVERLAY_REMOVED ? 0 : packed_fold_add(&w->packed, key, key_len, v->data, v->len);
		else if (v->len == OVERLAY_REMOVED)
			r = remove_stored(w, key, key_len);
		else
			r = put_sealed(w, key, key_len, v->data, v->len);
	}
	return r < 0 ? r : packed_fold_end(&w->packed);
}

static int write_replies(struct writing *w, const struct buf *replies)
{
	struct reader in = reader_over(replies->data, replies->len);
	struct record_op op;
	int r;

	while ((r = record_next(&in, &op)) == 1) {
		if (op.kind == RECORD_REMOVE)
			r = remove_stored(w, op.key, op.key_len);
		else
			r = put_sealed(w, op.key, op.key_len, op.value, op.value_len);
		if (r < 0)
			return r;
	}
	return r;
}

/* The facts are no member of any letter's set: they would have to contain their own hash. */
static int write_facts(struct writing *w)
{
	int r;

	buf_reset(&w->encoded);
	r = facts_encode(&w->facts, &w->encoded);
	if (r >= 0)
		r = value_seal(w->run, FACTS_KEY, FACTS_KEY_LEN, w->encoded.data, w->encoded.len, &w->sealed);
	if (r >= 0)
		r = store_change_put(w->change, FACTS_KEY, FACTS_KEY_LEN, w->sealed.data, w->sealed.len,
				     &w->before);
	return r < 0 ? r : 0;
}

static int write_change(struct writing *w, const struct overlay *frozen, const struct buf *replies)
{
	int r = 0;

	if (frozen)
		r = write_overlay(w, frozen);
	if (r >= 0 && replies)
		r = write_replies(w, replies);
	if (r >= 0)
		r = write_facts(w);
	return r;
}

int checkpoint_write(struct catalog *c, const struct facts *facts, const struct overlay *frozen,
		     const struct buf *replies)
{
	struct writing w = { .c = c, .facts = *facts };
	int r = vetting_wait(c);

	if (r >= 0)
		r = seal_run_new(c->config.keys, SEAL_CATALOG, &w.run);
	if (r >= 0)
		r = store_change_begin(c->store, &w.change);
	if (r >= 0)
		r = write_change(&w, frozen, replies);
	if (r >= 0)
		r = store_change_commit(steal_ptr(&w.change));
	if (r >= 0) {
		c->facts = w.facts;
		note_all(c, frozen, replies);
		note_repacked(c, &w.repacked);
	}
	store_change_abort(w.change);
	seal_run_free(w.run);
	packed_fold_done(&w.packed);
	buf_done(&w.repacked);
	buf_done(&w.sealed);
	buf_done(&w.before);
	buf_done(&w.encoded);
	return r;
}
