/* SPDX-License-Identifier: MIT */
/* The cleaning thread.
 *
 * An account that changes is news: clean_ms later there is a round, sooner when something was freed that
 * others wait for. While rounds find work, or the reserve is not full, another follows. Otherwise the
 * thread sleeps without a clock: nothing can become worth cleaning but by such a change. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "tiers/file_impl.h"

#define ROUND_MIN_MS 100u
#define ROUND_SHARE 20u      /* a round may take this part of the time */
#define SCAN_EXTENTS 1000u   /* of fold_scan() in one go, then a pause */
#define SCAN_PAUSE_MS 50u

struct cleaner {
	struct files *f;        /* borrowed */
	pthread_mutex_t rounds; /* rank 2, I/O: held during one */
	pthread_t thread;
	bool started;           /* of who starts and stops */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, woken;       /* guarded by lock */
	_Atomic bool news;      /* set by whoever changes an account; taken back by the thread */
};

/* Waits; false: the thread shall end. */
static bool pause_ms(struct cleaner *c, uint64_t ms, bool wakeable)
{
	uint64_t until_ms = clock_mono_ms() + ms;

	LOCKED(&c->lock);
	while (!c->stop && !(wakeable && c->woken))
		if (cond_wait_until(&c->wake, &c->lock, until_ms) == -ETIMEDOUT)
			break;
	if (wakeable)
		c->woken = false;
	return !c->stop;
}

/* Waits until there may be something to do; false: the thread shall end. */
static bool wait_for_news(struct cleaner *c)
{
	LOCKED(&c->lock);
	while (!c->stop && !atomic_load(&c->news))
		(void) pthread_cond_wait(&c->wake, &c->lock);
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

/* True: another round is to follow. */
static bool run_round(struct cleaner *c)
{
	struct files *f = c->f;
	LOCKED(&c->rounds);
	size_t stuck = f->n_stuck;
	int r = clean_once(f);

	report(r, "cleaning");
	return !files_refill_reserve(f) || r != 0 || f->n_stuck != stuck;
}

/* Waits until the next round is due; false: the thread shall end. */
static bool pause_for_round(struct cleaner *c, uint64_t last_took_ms)
{
	uint64_t whole = c->f->config.clean_ms, least = MIN(whole, (uint64_t)ROUND_MIN_MS);

	return pause_ms(c, MAX(last_took_ms * ROUND_SHARE, least), false) && pause_ms(c, whole - least, true);
}

static void *run(void *context)
{
	struct cleaner *c = context;
	struct files *f = c->f;
	uint64_t started, took = 0;
	bool more = true;

	report(file_cut_all_remains(f), "finishing truncations");
	report(clean_unaccounted(f), "deleting unused segments");
	if (!scan_all(c))
		return NULL;
	while ((more || wait_for_news(c)) && pause_for_round(c, took)) {
		started = clock_mono_ms();
		atomic_store(&c->news, false);
		more = run_round(c);
		took = clock_mono_ms() - started;
	}
	return NULL;
}

struct cleaner *cleaner_new(struct files *f)
{
	struct cleaner *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->f = f;
	(void) pthread_mutex_init(&c->lock, NULL);
	(void) pthread_mutex_init(&c->rounds, NULL);
	cond_init(&c->wake);
	return c;
}

struct cleaner *cleaner_free(struct cleaner *c)
{
	if (!c)
		return NULL;
	cleaner_stop(c);
	(void) pthread_cond_destroy(&c->wake);
	(void) pthread_mutex_destroy(&c->lock);
	(void) pthread_mutex_destroy(&c->rounds);
	free(c);
	return NULL;
}

int cleaner_start(struct cleaner *c)
{
	int r = c->started ? 0 : thread_start(&c->thread, "cleaning", run, c);

	c->started = r == 0;
	return r;
}

void cleaner_stop(struct cleaner *c)
{
	if (!c->started)
		return;
	(void) pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
	(void) pthread_join(c->thread, NULL);
	c->started = c->stop = false;
}

int cleaner_run_all(struct cleaner *c)
{
	LOCKED(&c->rounds);

	return clean_all(c->f);
}

void cleaner_notice(struct cleaner *c)
{
	if (atomic_exchange(&c->news, true))
		return;
	(void) pthread_mutex_lock(&c->lock);
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
}

/* Who was woken and has not begun a round since needs no other signal: files are freed by the thousand. */
void cleaner_wake(struct cleaner *c)
{
	LOCKED(&c->lock);
	bool told = c->woken && atomic_load(&c->news);

	c->woken = true;
	atomic_store(&c->news, true);
	if (!told)
		(void) pthread_cond_signal(&c->wake);
}
