/* SPDX-License-Identifier: MIT */
/* The worker thread: takes files that wait, has their documents made (maker.h) and adds them to the memory
 * segment, where queries find them at once. Queue entries stay in the catalog until the segment is
 * durable (segments_seal.c), so what a killed server had only in memory is indexed again.
 *
 * A file is taken as it is at one content LSN: its inode is read before and after its bytes, and news that
 * comes meanwhile (work.h) makes the result void. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/links.h"
#include "index/index_impl.h"
#include "index/maker.h"
#include "index/rules.h"
#include "index/segment_memory.h"
#include "index/viewers.h"

#define TICK_MS 1000u
/* So many times within REWRITTEN_MS, then not before it is over. */
#define REWRITTEN_TIMES 6u
#define REWRITTEN_MS 10000u
#define REWRITTEN_SLOTS 256u
/* A file of which the bucket has some must have been left alone for so long. */
#define RECALL_REST_MS 500u

/* While programs make so many requests a millisecond of the mount, and so many files wait that a second will not do for
 * them anyway, the worker rests thirty times as long as it works. It would be in their way at every turn: they made 7500
 * files a second beside one that rested three times as long, 9500 beside this one. */
#define GIVE_WAY_REQUESTS 1u
#define GIVE_WAY_FILES 256u
#define GIVE_WAY_TIMES 30u
#define GIVE_WAY_MAX_MS 100u

struct rewritten {
	uint64_t ino, since_ms;
	unsigned times;
};

struct worker {
	struct index *x;
	struct maker maker;
	struct rewritten rewritten[REWRITTEN_SLOTS];
	bool slow;                 /* the present file is tried with the long limit */
	uint64_t rules_due_ms;     /* not to be tried before */
	uint64_t requests;         /* of programs, at the time below */
	uint64_t looked_us;        /* at that number; the work on a file began */
};

enum outcome { OUTCOME_DONE, OUTCOME_HOLD, OUTCOME_LATER, OUTCOME_REST };

/* ---- adding */

static int add_locked(struct index *x, struct prepared *p, uint64_t queue_lsn)
{
	struct work *work = work_find(&x->work, p->doc.ino);
	uint64_t now = clock_mono_ms();
	uint32_t doc;
	int r = buf_reserve(&x->memory_queue, sizeof(queue_lsn));

	if (work && work->stale)
		return 0;
	if (!work || work->changed)
		atomic_store(&p->doc.access, 0);
	if (r >= 0)
		r = segment_memory_add(x->memory, p, &doc);
	if (r < 0)
		return r;
	(void) buf_add(&x->memory_queue, &queue_lsn, sizeof(queue_lsn));
	if (!x->first_unsealed_ms)
		x->first_unsealed_ms = now;
	x->last_added_ms = now;
	if (x->memory->memory >= x->memory_segment)
		(void) pthread_cond_signal(&x->sealer_wake);
	return index_place_document(x, x->memory, doc);
}

static int add_document(struct worker *w, const struct inode *i, uint64_t queue_lsn)
{
	struct index *x = w->x;
	struct inode now;
	int r = inode_get(x->config.catalog, i->ino, &now);

	if (r < 0 || now.content_lsn != i->content_lsn)
		return r == -ENOENT ? 0 : r; /* there is news of it */
	w->maker.prepared.doc.ino = i->ino;
	w->maker.prepared.doc.lsn = i->content_lsn;
	atomic_store(&w->maker.prepared.doc.parent, now.parent);
	atomic_store(&w->maker.prepared.doc.access, viewers_class(x->viewers, &now));
	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	r = add_locked(x, &w->maker.prepared, queue_lsn);
	if (r >= 0 && now.nlink > 1)
		segment_mark_moved(x->memory, x->memory->n_docs - 1);
	if (r >= 0 && w->maker.prepared.doc.state == STATE_DEFERRED && !w->slow)
		(void) buf_add(&x->slow, &i->ino, sizeof(i->ino));
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return r;
}

int queue_clear_entry(struct index *x, uint64_t ino, uint64_t lsn)
{
	struct batch *b;
	int r;

	if (!lsn)
		return 0;
	r = catalog_begin(x->config.catalog, false, &b);
	if (r < 0)
		return r;
	r = queue_remove_in(b, ino, lsn);
	if (r < 0 && r != -ENOENT) {
		batch_abort(b);
		return r;
	}
	return batch_commit(b, NULL);
}

/* Nothing to do, but the document may not be durable yet: then its entry waits for that. */
static int settle(struct index *x, uint64_t ino, uint64_t lsn)
{
	const struct ino_entry *e;
	uint64_t late[] = { ino, lsn };
	bool in_memory = false;
	int r = 0;

	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, ino);
	if (e && !((struct segment *)e->value)->number) {
		in_memory = true;
		if (e->value == x->memory)
			((uint64_t *)(void *)x->memory_queue.data)[e->number] = lsn;
		else
			r = buf_add(&x->late_queue, late, sizeof(late));
	}
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return in_memory ? r : queue_clear_entry(x, ino, lsn);
}

/* Before its entry goes: links may wait for its name, or what it is. Of an entry that is damaged nobody knows why it
 * is there. */
static int tell_links(struct index *x, uint64_t ino, const struct queue_entry *entry)
{
	const uint32_t news = EVENT_NAME | EVENT_CONTENT | EVENT_RULES;
	int r = !entry->why || entry->why & news ? links_appeared(x->config.catalog, ino) : 0;

	return r == -EBADMSG ? 0 : r;
}

static int make_document(struct worker *w, const struct inode *i, unsigned tries, const struct queue_entry *entry)
{
	struct making how = { .tries = tries, .slow = w->slow, .again = entry->why & EVENT_RULES };
	int r = maker_make(&w->maker, i, &how), e = r < 0 ? 0 : tell_links(w->x, i->ino, entry);

	if (e < 0)
		return e;
	if (r == 0)
		return settle(w->x, i->ino, entry->lsn);
	return r < 0 ? r : add_document(w, i, entry->lsn);
}

/* ---- one file */

/* True when a file has been indexed so often of late that it must wait. */
static bool is_rewritten(struct worker *w, uint64_t ino, uint64_t *ret_due_ms)
{
	struct rewritten *r = &w->rewritten[ino % REWRITTEN_SLOTS];
	uint64_t now = clock_mono_ms();

	if (r->ino != ino || now - r->since_ms >= REWRITTEN_MS)
		*r = (struct rewritten){ .ino = ino, .since_ms = now };
	*ret_due_ms = r->since_ms + REWRITTEN_MS;
	return r->times++ >= REWRITTEN_TIMES;
}

/* What is written to cold files comes in pieces mostly, and each time the bucket would be asked for the rest of the
 * file. */
static bool is_resting(struct index *x, const struct inode *i, uint64_t *ret_due_ms)
{
	struct recall_price price;
	int64_t age_ms;

	if (!i->packed || !x->config.price)
		return false;
	age_ms = (int64_t)(clock_real_ns() / 1000000) - (i->ctime.tv_sec * 1000 + i->ctime.tv_nsec / 1000000);
	if (age_ms < 0 || age_ms >= RECALL_REST_MS || x->config.price(x->config.context, i, false, &price) < 0 ||
	    !price.requests)
		return false;
	*ret_due_ms = clock_mono_ms() + RECALL_REST_MS - (uint64_t)age_ms;
	return true;
}

static enum outcome index_one(struct worker *w, uint64_t ino, unsigned tries, uint64_t *ret_due_ms)
{
	struct index *x = w->x;
	struct queue_entry entry = { 0 };
	struct inode i;
	int r;

	if (x->config.is_busy && x->config.is_busy(x->config.context, ino))
		return OUTCOME_HOLD;
	r = queue_get(x->config.catalog, ino, &entry);
	if (r >= 0 || r == -ENOENT || r == -EBADMSG) /* a damaged entry says no more than that it is there */
		r = inode_get(x->config.catalog, ino, &i);
	if (r >= 0 && !S_ISREG(i.mode))
		r = queue_clear_entry(x, ino, entry.lsn);
	else if (r >= 0 && i.nlink > 0) {
		if (entry.why & EVENT_CONTENT && is_resting(x, &i, ret_due_ms))
			return OUTCOME_REST;
		if (is_rewritten(w, ino, ret_due_ms))
			return OUTCOME_LATER;
		r = make_document(w, &i, tries, &entry);
	}
	if (r >= 0 || r == -ENOENT)
		return OUTCOME_DONE;
	*ret_due_ms = clock_mono_ms() + (tries < 3 ? 300u : 10000u);
	return OUTCOME_LATER;
}

/* ---- the loop */

static void finish(struct index *x, uint64_t ino, enum outcome outcome, uint64_t due_ms)
{
	LOCKED(&x->table_lock);
	struct work *work = work_find(&x->work, ino);

	if (work && work->place == WORK_RUNNING) {
		if (work->again) {
			work_move(&x->work, work, WORK_READY);
		} else if (outcome == OUTCOME_DONE) {
			work_drop(&x->work, work);
		} else if (outcome == OUTCOME_HOLD) {
			work_move(&x->work, work, WORK_HELD);
		} else {
			work->tries += outcome == OUTCOME_LATER;
			work_postpone(&x->work, work, due_ms);
		}
	}
	atomic_fetch_add(&x->rounds, 1);
	(void) pthread_cond_broadcast(&x->work_finished);
}

/* Without other work, a file that took too long is tried again with more time. */
static bool take_slow(struct index *x, uint64_t *ret_ino)
{
	if (x->slow.len == 0)
		return false;
	x->slow.len -= sizeof(*ret_ino);
	memcpy(ret_ino, x->slow.data + x->slow.len, sizeof(*ret_ino));
	return ino_map_find(&x->places, *ret_ino) && !work_has(&x->work, *ret_ino);
}

/* Until there is news, or `next_ms`, when a LATER file is due. Files that are HELD are looked at again every
 * second; while there are none, nothing happens without news. */
static void wait_for_work(struct index *x, uint64_t next_ms)
{
	if (x->work.lists[WORK_HELD].n > 0 || work_has_backlog(&x->work)) /* which found no memory */
		next_ms = MIN(next_ms, clock_mono_ms() + TICK_MS);
	if (next_ms == UINT64_MAX) {
		(void) pthread_cond_wait(&x->work_there, &x->table_lock);
		return;
	}
	if (cond_wait_until(&x->work_there, &x->table_lock, next_ms) == -ETIMEDOUT)
		work_wake_held(&x->work);
}

/* Waits for a file, or until `rules_ms`, when there is more to do for the rules (0: now). 1: *ret_ino is
 * RUNNING. 0: look again. -ESHUTDOWN. */
static int take(struct worker *w, uint64_t rules_ms, uint64_t *ret_ino, unsigned *ret_tries)
{
	struct index *x = w->x;
	LOCKED(&x->table_lock);
	uint64_t now = clock_mono_ms(), next = work_wake_later(&x->work, now);
	struct work *work = work_take(&x->work);

	if (x->stop)
		return -ESHUTDOWN;
	w->slow = false;
	if (work) {
		*ret_ino = work->ino;
		*ret_tries = work->tries;
		return 1;
	}
	if (take_slow(x, ret_ino)) {
		w->slow = true;
		*ret_tries = MAKER_TRIES;
		return 1;
	}
	if (rules_ms == 0 || (rules_ms == UINT64_MAX && rules_have_news(x))) /* they may have come meanwhile */
		return 0;
	wait_for_work(x, MIN(next, rules_ms));
	return 0;
}

/* The sealer is behind: adding more would only take memory. */
static void wait_for_sealer(struct index *x)
{
	for (;;) {
		{
			LOCKED(&x->table_lock);
			if (x->stop || !x->frozen || x->memory->memory < x->memory_segment)
				return;
		}
		(void) usleep(2000);
	}
}

/* Goes on with what a change of the rules means. Returns when there is more to do: 0 at once, UINT64_MAX
 * never. */
static uint64_t keep_rules(struct worker *w)
{
	static unsigned long long said;
	int r;

	if (clock_mono_ms() < w->rules_due_ms)
		return w->rules_due_ms;
	r = rules_step(w->x, &w->maker.preparer);
	if (r >= 0)
		return r > 0 ? 0 : UINT64_MAX;
	if (log_due(&said))
		log_warn(r, "index: the change of rules cannot be followed, will retry");
	w->rules_due_ms = clock_mono_ms() + TICK_MS;
	return w->rules_due_ms;
}

/* So many wait, and nobody for them. */
static bool may_rest(struct index *x)
{
	LOCKED(&x->table_lock);

	return !x->stop && x->waiting == 0 &&
	       (x->work.lists[WORK_READY].n > GIVE_WAY_FILES || work_has_backlog(&x->work));
}

/* After each file. */
static void give_way(struct worker *w)
{
	struct index *x = w->x;
	uint64_t now_us = clock_mono_ns() / 1000, worked_us = now_us - w->looked_us, requests;

	if (!x->config.requests)
		return;
	requests = x->config.requests(x->config.context);
	if ((requests - w->requests) * 1000 >= worked_us * GIVE_WAY_REQUESTS && may_rest(x))
		(void) usleep((useconds_t)MIN(worked_us * GIVE_WAY_TIMES, GIVE_WAY_MAX_MS * 1000u));
	w->requests = x->config.requests(x->config.context);
	w->looked_us = clock_mono_ns() / 1000;
}

static void worker_loop(struct worker *w)
{
	struct index *x = w->x;
	unsigned tries;
	uint64_t ino;
	int r;

	while ((r = take(w, keep_rules(w), &ino, &tries)) >= 0) {
		uint64_t due = 0;
		enum outcome outcome;

		if (r == 0)
			continue;
		wait_for_sealer(x);
		outcome = index_one(w, ino, tries, &due);
		finish(x, ino, outcome, due);
		give_way(w);
	}
}

/* False when it has to stop first. */
static bool get_ready(struct worker *w)
{
	static unsigned long long said;
	struct index *x = w->x;
	int r;

	while ((r = maker_init(&w->maker, x)) < 0) {
		if (log_due(&said))
			log_warn(r, "index: the worker cannot start, will retry");
		LOCKED(&x->table_lock);
		if (x->stop)
			return false;
		wait_for_work(x, clock_mono_ms() + TICK_MS);
	}
	LOCKED(&x->table_lock);
	x->worker_tid = (int)syscall(SYS_gettid);
	return true;
}

void *queue_worker_main(void *index)
{
	struct worker w = { .x = index };

	if (index_await(w.x) && get_ready(&w))
		worker_loop(&w);
	maker_done(&w.maker);
	return NULL;
}
