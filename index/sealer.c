/* SPDX-License-Identifier: MIT */
/* The sealer thread: makes the memory segment durable when it is large, or some seconds after the last
 * document, so that a killed server has little to do again; then merges.
 *
 * There is something to look for after a document was added or has died (index_tell_sealer()). Until the
 * memory segment is durable the thread looks twice a second, else it sleeps without a clock. */
#include <errno.h>
#include <malloc.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "index/index_impl.h"

#define TICK_MS 500u
#define QUIET_MS 3000u   /* after the last document */
#define OLDEST_MS 30000u /* a document waits at most */
#define RETRY_MS 10000u

static bool seal_is_due(struct index *x)
{
	uint64_t now;
	size_t memory;
	LOCKED(&x->table_lock);

	now = clock_mono_ms(); /* not before one of the times below */
	if (!x->first_unsealed_ms)
		return false;
	memory = x->memory->memory;
	return memory >= x->memory_segment || now - x->last_added_ms >= QUIET_MS ||
	       now - x->first_unsealed_ms >= OLDEST_MS;
}

/* Waits for news, unless there is something to look at anyway. */
static void wait_for_news(struct index *x)
{
	LOCKED(&x->table_lock);

	x->sealer_sleeps = true;
	while (!x->stop && !x->sealer_news && !x->first_unsealed_ms)
		(void) pthread_cond_wait(&x->sealer_wake, &x->table_lock);
	x->sealer_sleeps = false;
}

/* Waits for the next tick, or until the memory segment is full. False: stop. */
static bool wait_a_little(struct index *x, unsigned ms)
{
	uint64_t until_ms = clock_mono_ms() + ms;
	LOCKED(&x->table_lock);

	if (!x->stop)
		(void) cond_wait_until(&x->sealer_wake, &x->table_lock, until_ms);
	x->sealer_news = false;
	return !x->stop;
}

static int sealer_step(struct index *x)
{
	bool seals;
	int r = 0;

	if (!x->frozen && seal_is_due(x))
		r = segments_freeze(x);
	seals = x->frozen != NULL;
	if (r >= 0)
		r = segments_seal(x);
	while (r >= 0 && !__atomic_load_n(&x->stop, __ATOMIC_RELAXED) && (r = segments_merge(x)) > 0)
		;
	/* What a memory segment took lay in pieces all over the heap, which the C library does not give back by itself: 114
	 * of 131 MB after 30 000 small files had come and gone. */
	if (seals)
		(void) malloc_trim(0);
	return r;
}

void *sealer_main(void *index)
{
	static unsigned long long said;
	struct index *x = index;
	int r = 1; /* what the last mount left may be worth merging */

	if (!index_await(x))
		return NULL;
	for (;;) {
		if (r == 0)
			wait_for_news(x);
		if (!wait_a_little(x, r < 0 ? RETRY_MS : TICK_MS))
			return NULL;
		r = sealer_step(x);
		if (r < 0 && r != -ECANCELED && r != -EBADMSG && log_due(&said))
			log_warn(r, "index: writing a segment failed, will retry in %u s", RETRY_MS / 1000);
	}
}
