/* SPDX-License-Identifier: MIT */
/* Checkpoints: what lies in the overlay goes to the store while writers go on.
 *
 *   fold     before_freeze() may move inline bytes elsewhere, with batches of its own
 *   freeze   under the writer lock: the active overlay becomes the frozen one, and with it the LSN and
 *            the replies of that moment; a new active one takes its place
 *   write    once the store is known to be whole (vetting.c): data and log durable up to that LSN, then one durable change of the store: every record,
 *            sealed in a run of this attempt, and the facts (facts.h)
 *   drop     readers find the records in the store; the log is released up to the checkpoint before
 *
 * Who may need one runs it: the checkpointer thread, catalog_checkpoint(), or a writer who finds the
 * log full and then holds the writer lock. checkpoint_lock is taken after the writer lock and held
 * while writing, for which the writer lock is let go, so these cannot wait for each other in a circle.
 * Those who do not hold the writer lock take turns, and take it for the freeze only.
 *
 * The log is released one checkpoint late: a torn meta page makes LMDB fall back to the state before,
 * and the log must reach back to that. Where more must be released (a full log, a clean stop), the
 * last checkpoint is repeated with the same number and LSN, so that both states say the same.
 *
 * An attempt that finds the disk full changes nothing and leaves its job for the next one. Any other
 * failure is final: a failed sync is never repeated. */
#include <errno.h>
#include <string.h>

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

/* One attempt: all of it is in the store, durable, or none. */
static int write_attempt(struct catalog *c, const struct facts *facts, const struct overlay *frozen,
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

/* Final unless the disk was full or memory was short. */
static int judge(struct catalog *c, int r)
{
	atomic_store(&c->no_space, r == -ENOSPC);
	if (r == -EBADMSG)
		vetting_note_suspect(c);
	if (r < 0 && r != -ENOSPC && r != -ENOMEM)
		return catalog_fail(c, r);
	return r;
}

/* While readers still find in the frozen overlay what it says, and not in the store. */
static void forget_old_values(struct catalog *c, const struct overlay *written)
{
	value_cache_change(c->values);
	for (const struct overlay_node *n = overlay_seek(written, "", 0, false); n; n = overlay_next(n)) {
		size_t len;
		const void *key = overlay_key(n, &len);

		value_cache_forget(c->values, key, len);
	}
}

static int write_job(struct catalog *c)
{
	struct facts facts = c->facts;
	uint64_t covered = c->facts.lsn;
	int r = judge(c, wal_sync(c->wal, c->job.lsn));

	if (r < 0)
		return r;
	facts.number++;
	facts.incarnation = wal_incarnation(c->wal);
	facts.lsn = c->job.lsn;
	r = judge(c, write_attempt(c, &facts, c->view->frozen, &c->job.replies));
	if (r < 0)
		return r;
	forget_old_values(c, c->view->frozen);
	r = view_replace(c, overlay_ref(c->active), NULL);
	if (r < 0)
		return r;
	c->job.pending = c->twinned = false;
	buf_done(&c->job.replies);
	atomic_store(&c->freezing, false);
	atomic_fetch_add(&c->checkpoints, 1);
	wal_release(c->wal, covered);
	checkpoint_announce_room(c);
	return 0;
}

/* Says again what the last checkpoint said, so that the log is not needed below it. */
static int write_twin(struct catalog *c)
{
	struct facts facts = c->facts;
	int r;

	if (c->twinned)
		return 0;
	facts.incarnation = wal_incarnation(c->wal);
	r = judge(c, write_attempt(c, &facts, NULL, NULL));
	if (r < 0)
		return r;
	c->twinned = true;
	wal_release(c->wal, c->facts.lsn);
	return 0;
}

/* The empty store of a new volume, before there is a log. */
int checkpoint_first(struct catalog *c)
{
	struct facts facts = { .number = 1 };

	return write_attempt(c, &facts, NULL, NULL);
}

/* No log is behind it: an LSN beyond all that the log gave out, and an incarnation that never was. */
int checkpoint_rehearsed(struct catalog *c)
{
	_cleanup_buf_ struct buf replies = BUF_INIT;
	struct facts facts = c->facts;
	int r = replies_store(c->replies, &replies);

	facts.number++;
	facts.incarnation = id128_random();
	facts.lsn = atomic_load(&c->visible_lsn);
	if (r >= 0)
		r = write_attempt(c, &facts, c->active, &replies);
	if (r < 0)
		return r;
	facts = c->facts;
	return write_attempt(c, &facts, NULL, NULL);
}

/* ---- freeze */

static bool nothing_to_do(struct catalog *c)
{
	return atomic_load(&c->visible_lsn) == c->facts.lsn;
}

/* With the writer lock. */
static int freeze(struct catalog *c)
{
	struct overlay *fresh;
	int r = replies_store(c->replies, &c->job.replies);

	if (r >= 0)
		r = overlay_new(c->pool, &fresh);
	if (r < 0)
		return r;
	r = view_replace(c, fresh, overlay_ref(c->active));
	if (r < 0)
		return r;
	c->active = fresh;
	atomic_store(&c->fullness, 0);
	atomic_store(&c->dirty, false);
	c->job.lsn = atomic_load(&c->visible_lsn);
	c->job.pending = true;
	atomic_store(&c->freezing, true);
	return 0;
}

/* With the writer lock and checkpoint_lock. */
static int freeze_next(struct catalog *c)
{
	if (c->job.pending)
		return 0;
	if (!nothing_to_do(c))
		return freeze(c);
	atomic_store(&c->dirty, false);
	return 0;
}

/* What an earlier attempt left behind comes first. */
static int write_left_behind(struct catalog *c)
{
	return c->job.pending ? write_job(c) : 0;
}

int checkpoint_with_writer(struct catalog *c, bool twin)
{
	LOCKED(&c->checkpoint_lock);
	int r = write_left_behind(c);

	if (r >= 0)
		r = freeze_next(c);
	if (r >= 0)
		r = write_left_behind(c);
	if (r >= 0 && twin)
		r = write_twin(c);
	return r;
}

/* Lets the writers go before it writes. A second caller waits for its turn without the writer lock, or
 * writers would wait with it. */
int checkpoint_freeze_and_write(struct catalog *c)
{
	LOCKED(&c->turn_lock);
	int r;

	atomic_store(&c->freeze_wanted, true);
	(void) pthread_mutex_lock(&c->writer);
	(void) pthread_mutex_lock(&c->checkpoint_lock);
	r = freeze_next(c);
	atomic_store(&c->freeze_wanted, false);
	(void) pthread_mutex_unlock(&c->writer);
	checkpoint_announce_room(c);
	if (r >= 0)
		r = write_left_behind(c);
	(void) pthread_mutex_unlock(&c->checkpoint_lock);
	return r;
}

static int fold(struct catalog *c)
{
	LOCKED(&c->fold_lock);
	int r;

	if (!c->config.before_freeze)
		return 0;
	atomic_store(&c->fold_thread, pthread_self());
	r = c->config.before_freeze(c->config.context);
	atomic_store(&c->fold_thread, 0);
	return r;
}

/* Folding is a service: when it fails the inline bytes go to the store as they are. */
int checkpoint_run(struct catalog *c)
{
	uint64_t target = atomic_load(&c->visible_lsn), done;
	int r = 0;

	if (atomic_load(&c->failed))
		return -EIO;
	(void) fold(c);
	do {
		r = checkpoint_freeze_and_write(c);
		(void) pthread_mutex_lock(&c->checkpoint_lock);
		done = c->facts.lsn;
		(void) pthread_mutex_unlock(&c->checkpoint_lock);
	} while (r >= 0 && done < target);
	return r;
}

int catalog_checkpoint(struct catalog *c)
{
	return c->config.read_only ? -EROFS : checkpoint_run(c);
}

static int finish_with_writer(struct catalog *c)
{
	LOCKED(&c->writer);

	return checkpoint_with_writer(c, true);
}

int catalog_stop_clean(struct catalog *c)
{
	int r;

	checkpoint_stop_thread(c);
	compaction_stop(c);
	if (c->config.read_only)
		return 0;
	r = checkpoint_run(c);
	if (r >= 0)
		r = counters_give_back(c);
	if (r >= 0)
		r = finish_with_writer(c);
	if (r >= 0)
		r = compaction_at_stop(c);
	return r < 0 ? r : wal_anchor(c->wal, c->facts.number);
}
