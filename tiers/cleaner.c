/* SPDX-License-Identifier: MIT */
/* The cleaning thread. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "tiers/file_impl.h"

#define ROUND_MS 1000u
#define ROUND_MIN_MS 100u
#define ROUND_SHARE 20u      /* a round may take this part of the time */
#define SCAN_EXTENTS 1000u   /* of fold_scan() in one go, then a pause */
#define SCAN_PAUSE_MS 50u

struct cleaner {
	struct files *f;        /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;    /* with CLOCK_MONOTONIC */
	bool stop, woken;       /* guarded by lock */
};

/* Waits; false: the thread shall end. */
static bool pause_ms(struct cleaner *c, uint64_t ms, bool wakeable)
{
	uint64_t until = clock_mono_ns() + ms * 1000000u;
	struct timespec t = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };

	LOCKED(&c->lock);
	while (!c->stop && !(wakeable && c->woken))
		if (pthread_cond_timedwait(&c->wake, &c->lock, &t) == ETIMEDOUT)
			break;
	if (wakeable)
		c->woken = false;
	return !c->stop;
}

static bool scan_all(struct cleaner *c)
{
	struct fold_position at = { 0 };

	while (fold_scan(c->f, &at, SCAN_EXTENTS) > 0)
		if (!pause_ms(c, SCAN_PAUSE_MS, false))
			return false;
	return true;
}

static void report(int r, const char *what)
{
	static unsigned long long last_ms;

	if (r < 0 && log_due(&last_ms))
		(void) log_warn(r, "%s failed, will retry", what);
}

static void *run(void *context)
{
	struct cleaner *c = context;
	struct files *f = c->f;
	uint64_t started, took = 0;

	report(file_cut_all_remains(f), "finishing truncations");
	report(clean_unaccounted(f), "deleting unused segments");
	if (!scan_all(c))
		return NULL;
	while (pause_ms(c, MAX(took * ROUND_SHARE, (uint64_t)ROUND_MIN_MS), false) &&
	       pause_ms(c, ROUND_MS - ROUND_MIN_MS, true)) {
		started = clock_mono_ms();
		report(clean_once(f), "cleaning");
		files_refill_reserve(f);
		took = clock_mono_ms() - started;
	}
	return NULL;
}

static struct cleaner *cleaner_free(struct cleaner *c)
{
	(void) pthread_cond_destroy(&c->wake);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

int cleaner_start(struct files *f, struct cleaner **ret_c)
{
	struct cleaner *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;
	int r;

	if (!c)
		return -ENOMEM;
	c->f = f;
	(void) pthread_mutex_init(&c->lock, NULL);
	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&c->wake, &attr);
	(void) pthread_condattr_destroy(&attr);
	r = -pthread_create(&c->thread, NULL, run, c);
	if (r < 0) {
		(void) cleaner_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

struct cleaner *cleaner_stop(struct cleaner *c)
{
	if (!c)
		return NULL;
	(void) pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
	(void) pthread_join(c->thread, NULL);
	return cleaner_free(c);
}

void cleaner_wake(struct cleaner *c)
{
	if (!c)
		return;
	(void) pthread_mutex_lock(&c->lock);
	c->woken = true;
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
}
