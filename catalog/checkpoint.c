/* SPDX-License-Identifier: MIT */
/* Checkpoints: what lies in the overlay goes to the store while writers go on.
 *
 *   fold     before_freeze() may move inline bytes elsewhere, with batches of its own
 *   freeze   under the writer lock: the active overlay becomes the frozen one, and with it the LSN and
 *            the replies of that moment; a new active one takes its place
 *   write    once the store is known to be whole (vetting.c): data and log durable up to that LSN, then one durable
 *            change of the store: every record, sealed in a run of this attempt, and the facts (checkpoint_write.c)
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
	r = judge(c, checkpoint_write(c, &facts, c->view->frozen, &c->job.replies));
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
	r = judge(c, checkpoint_write(c, &facts, NULL, NULL));
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

	return checkpoint_write(c, &facts, NULL, NULL);
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
		r = checkpoint_write(c, &facts, c->active, &replies);
	if (r < 0)
		return r;
	facts = c->facts;
	return checkpoint_write(c, &facts, NULL, NULL);
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
