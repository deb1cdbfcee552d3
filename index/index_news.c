/* SPDX-License-Identifier: MIT */
/* News of files, from the catalog and from whoever closes them, and waiting until they are indexed. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "index/index_impl.h"
#include "index/rules.h"
#include "index/rules_walk.h"
#include "index/viewers.h"

void index_tell_sealer(struct index *x)
{
	x->sealer_news = true;
	if (x->sealer_sleeps)
		(void) pthread_cond_signal(&x->sealer_wake);
}

int index_place_document(struct index *x, struct segment *s, uint32_t doc)
{
	struct ino_entry *e = ino_map_find(&x->places, s->docs[doc].ino);

	index_tell_sealer(x);
	if (e)
		segment_kill(e->value, e->number);
	return ino_map_set(&x->places, s->docs[doc].ino, s, doc);
}

static void forget_document(struct index *x, uint64_t ino)
{
	struct ino_entry *e = ino_map_find(&x->places, ino);

	if (!e)
		return;
	index_tell_sealer(x);
	segment_kill(e->value, e->number);
	ino_map_remove(&x->places, ino);
}

/* Who may read it is for the catalog to say, from now on and of the document that is being made. */
static void doubt_access(struct index *x, uint64_t ino, const struct ino_entry *known)
{
	struct work *w = work_find(&x->work, ino);

	if (known)
		atomic_store(&((struct segment *)known->value)->docs[known->number].access, 0);
	if (w)
		w->changed = true;
}

static void note_event(struct index *x, const struct catalog_event *e)
{
	struct ino_entry *known = ino_map_find(&x->places, e->ino);

	if (e->what & (EVENT_NAME | EVENT_XATTR | EVENT_ATTR))
		doubt_access(x, e->ino, known);
	if (e->what & EVENT_GONE) {
		forget_document(x, e->ino);
		work_gone(&x->work, e->ino);
		return;
	}
	if (e->what & EVENT_BELOW) {
		(void) rules_directory_renamed(x, e->ino);
		return;
	}
	if (known && e->what & EVENT_NAME)
		segment_mark_moved(known->value, known->number);
	if (e->what & EVENT_CONTENT)
		forget_document(x, e->ino);
	/* The queue says EVENT_QUEUE only when a file enters it. */
	if (e->what & (EVENT_CONTENT | EVENT_QUEUE | EVENT_RULES) ||
	    (e->what & EVENT_NAME && (known || work_has(&x->work, e->ino))))
		(void) work_news(&x->work, e->ino, e->what & EVENT_CONTENT);
}

void index_take_events(struct index *x, const struct catalog_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note_event(x, &events[i]);
}

void index_notify(struct index *x, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	viewers_note(x->viewers, events, n);
	LOCKED(&x->table_lock);
	if (!x->ready) {
		x->early_lost |= buf_add(&x->early, events, n * sizeof(*events)) < 0;
		return;
	}
	index_take_events(x, events, n);
	if (x->work.lists[WORK_READY].n > 0 || x->renamed.len > 0)
		(void) pthread_cond_signal(&x->work_there);
}

void index_file_closed(struct index *x, uint64_t ino)
{
	LOCKED(&x->table_lock);

	if (!x->ready)
		return;
	work_closed(&x->work, ino);
	if (x->work.lists[WORK_READY].n > 0)
		(void) pthread_cond_signal(&x->work_there);
}

/* ---- waiting */

/* While it is not known which files break the rules, one stands for them. */
static uint64_t pending(struct index *x)
{
	return work_pending(&x->work) + rules_in_doubt(x);
}

uint64_t index_pending(struct index *x)
{
	if (!x->ready)
		return queue_count(x->config.catalog) + 1;
	LOCKED(&x->table_lock);
	return pending(x);
}

uint64_t index_rounds(struct index *x)
{
	return atomic_load(&x->rounds);
}

bool index_awaits(struct index *x, uint64_t ino)
{
	LOCKED(&x->table_lock);

	return !x->ready || work_has(&x->work, ino);
}

static int wait_until(struct index *x, uint64_t until_ms)
{
	uint64_t number;

	while (!x->ready || rules_in_doubt(x))
		if (x->stop || cond_wait_until(&x->work_finished, &x->table_lock, until_ms) == -ETIMEDOUT)
			return -ETIMEDOUT;
	number = x->work.next_number;
	while (work_is_before(&x->work, number))
		if (x->stop || cond_wait_until(&x->work_finished, &x->table_lock, until_ms) == -ETIMEDOUT)
			return work_is_before(&x->work, number) ? -ETIMEDOUT : 0;
	return 0;
}

int index_wait(struct index *x, unsigned timeout_ms)
{
	LOCKED(&x->table_lock);
	int r;

	if (x->ready && !rules_in_doubt(x) && !work_is_before(&x->work, x->work.next_number))
		return 0;
	x->waiting++;
	index_hurry(x);
	r = wait_until(x, clock_mono_ms() + timeout_ms);
	x->waiting--;
	x->hurried_ms = clock_mono_ms();
	return r;
}
