/* SPDX-License-Identifier: MIT */
/* When checkpoints happen, and what writers do meanwhile.
 *
 * The thread wakes checkpoint_ms after the first change, or when the active overlay is full. While a
 * frozen overlay is being written, writers are slowed from the half mark on; at the full mark they wait
 * for a freeze. Without a thread, who finds the overlay full checkpoints by himself. */
#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/catalog_impl.h"

#define FULL 256u /* of catalog.fullness */
#define SLOWEST_PAUSE_NS 400000u
#define ROOM_PATIENCE_MS 200u
#define LONG_REPLAY_MS 30u
#define HELD_TIMES 4u

/* ---- room */

static void poke(struct catalog *c)
{
	LOCKED(&c->gate_lock);

	(void) pthread_cond_signal(&c->work);
}

void checkpoint_announce_room(struct catalog *c)
{
	LOCKED(&c->gate_lock);

	(void) pthread_cond_broadcast(&c->room);
}

static bool is_full(struct catalog *c)
{
	return atomic_load(&c->fullness) >= FULL;
}

static bool is_freezing(struct catalog *c)
{
	return atomic_load(&c->freeze_wanted);
}

/* False: still so after a while. */
static bool wait_while(struct catalog *c, bool (*busy)(struct catalog *c))
{
	uint64_t until_ms = clock_mono_ms() + ROOM_PATIENCE_MS;
	LOCKED(&c->gate_lock);

	while (busy(c))
		if (cond_wait_until(&c->room, &c->gate_lock, until_ms) == -ETIMEDOUT)
			return false;
	return true;
}

/* From no pause at half to the slowest at full: the disk's pace is found without a stop. */
static void pause_for(unsigned fullness)
{
	long ns = (long)(fullness - FULL / 2) * SLOWEST_PAUSE_NS / (FULL / 2);

	(void) nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* 1: go on although the overlay is full. A disk that stays full must not hold those who could free
 * something, as long as memory lasts. */
static int judge_full(struct catalog *c, bool reserve, unsigned fullness)
{
	if (atomic_load(&c->failed))
		return -EIO;
	if (!atomic_load(&c->no_space))
		return 0;
	return reserve && fullness < 2 * FULL ? 1 : -ENOSPC;
}

/* When room does not come because before_freeze() is at work, it may be waiting for a lock that this
 * writer holds: then the writer checkpoints without it. */
static int make_room(struct catalog *c)
{
	if (!atomic_load(&c->started))
		return checkpoint_freeze_and_write(c);
	poke(c);
	if (!wait_while(c, is_full) && atomic_load(&c->fold_thread))
		return checkpoint_freeze_and_write(c);
	return 0;
}

static int wait_while_full(struct catalog *c, bool reserve)
{
	unsigned fullness;
	int r = 0;

	while (r == 0 && (fullness = atomic_load(&c->fullness)) >= FULL) {
		r = judge_full(c, reserve, fullness);
		if (r == 0)
			r = make_room(c);
	}
	return r < 0 ? r : 0;
}

/* What folding writes is what the freeze waits for. */
int checkpoint_wait_for_room(struct catalog *c, bool reserve)
{
	unsigned fullness;
	int r;

	if (atomic_load(&c->fold_thread) == pthread_self())
		return 0;
	while (is_freezing(c))
		(void) wait_while(c, is_freezing);
	r = wait_while_full(c, reserve);
	fullness = atomic_load(&c->fullness);
	if (r >= 0 && fullness > FULL / 2 && atomic_load(&c->freezing))
		pause_for(MIN(fullness, FULL));
	return r;
}

bool catalog_is_busy(struct catalog *c)
{
	unsigned fullness = atomic_load(&c->fullness);

	return atomic_load(&c->freeze_wanted) || fullness >= FULL ||
	       (fullness > FULL / 2 && atomic_load(&c->freezing));
}

/* While the disk is full nothing is written, and what comes is to be held as long as memory lasts. */
static uint64_t full_records(struct catalog *c)
{
	return c->config.overlay_records * (atomic_load(&c->no_space) ? HELD_TIMES : 1);
}

void checkpoint_notice(struct catalog *c)
{
	uint64_t records = overlay_records(c->active) * (uint64_t)FULL / full_records(c);
	uint64_t bytes = overlay_bytes(c->active) * (uint64_t)FULL / c->config.overlay_bytes;
	uint64_t most = MAX(records, bytes);
	unsigned fullness = (unsigned)MIN(most, 1000ull * FULL);
	unsigned before = atomic_exchange(&c->fullness, fullness);

	if (!atomic_exchange(&c->dirty, true) || (before < FULL && fullness >= FULL))
		poke(c);
}

/* ---- the thread */

/* How long changes may wait. After a long replay not at all: a server that dies again before its first checkpoint
 * would leave the next one more to replay, and so on. */
static unsigned patience_ms(struct catalog *c)
{
	bool long_replay = c->replay_ms > LONG_REPLAY_MS;

	c->replay_ms = 0;
	return long_replay ? 0 : c->config.checkpoint_ms;
}

/* True when a checkpoint is due, false when the thread is to end. Nothing to do is waited for without
 * a clock; after a failure there is no haste. */
static bool wait_for_work(struct catalog *c, bool failed)
{
	uint64_t due_ms = 0;
	LOCKED(&c->gate_lock);

	while (!c->stop) {
		bool dirty = atomic_load(&c->dirty) && !atomic_load(&c->failed);

		if (dirty && !failed && atomic_load(&c->fullness) >= FULL)
			return true;
		if (dirty && due_ms != 0 && clock_mono_ms() >= due_ms)
			return true;
		if (dirty && due_ms == 0)
			due_ms = clock_mono_ms() + patience_ms(c);
		if (dirty) {
			(void) cond_wait_until(&c->work, &c->gate_lock, due_ms);
		} else {
			overlay_pool_trim(c->pool);
			(void) pthread_cond_wait(&c->work, &c->gate_lock);
		}
	}
	return false;
}

static void *run_checkpointer(void *context)
{
	struct catalog *c = context;
	unsigned long long last_log = 0;
	int r = 0;

	wal_make_spares(c->wal);
	while (wait_for_work(c, r < 0)) {
		r = checkpoint_run(c);
		if (r >= 0) {
			compaction_consider(c);
			continue;
		}
		atomic_store(&c->dirty, true);
		if (log_due(&last_log))
			log_warn(r, "writing a checkpoint of the catalog failed%s",
				 atomic_load(&c->failed) ? "; nothing more is written" : ", will retry");
	}
	return NULL;
}

void catalog_set_checkpoint_ms(struct catalog *c, unsigned ms)
{
	LOCKED(&c->gate_lock);

	c->config.checkpoint_ms = ms ? ms : CHECKPOINT_MS;
}

int catalog_start(struct catalog *c)
{
	int r = vetting_start(c);

	if (r < 0 || c->config.read_only)
		return r;
	r = thread_start(&c->checkpointer, "checkpointer", run_checkpointer, c);
	if (r < 0)
		return r;
	atomic_store(&c->started, true);
	return 0;
}

void checkpoint_stop_thread(struct catalog *c)
{
	if (!atomic_load(&c->started))
		return;
	(void) pthread_mutex_lock(&c->gate_lock);
	c->stop = true;
	(void) pthread_cond_broadcast(&c->work);
	(void) pthread_mutex_unlock(&c->gate_lock);
	(void) pthread_join(c->checkpointer, NULL);
	atomic_store(&c->started, false);
	c->stop = false;
}
