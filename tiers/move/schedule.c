/* SPDX-License-Identifier: MIT */
#include "tiers/move/schedule.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/priority.h"
#include "base/thread.h"
#include "tiers/move/owner.h"
#include "tiers/move/throttle.h"

#define EVERY_S 3600u
/* After a start, programs first. */
#define FIRST_S 60u
/* A bucket that failed may be mended soon: then what waits goes on. */
#define BUCKET_AGAIN_S 300u
/* How often it is looked whether a window has opened: clocks on the wall may be set. */
#define LOOK_S 60u
/* Between runs that somebody waits for. */
#define HASTEN_MS 1000u

struct schedule {
	pthread_t thread;
	pthread_mutex_t lock;           /* rank 60 */
	pthread_cond_t wake;
	struct schedule_config config;  /* guarded by lock, as all below */
	uint64_t due_ms;
	uint64_t ended_ms;              /* when the last run did; 0: there was none */
	bool failed;                    /* it, or moves of it */
	bool ending;
	uint64_t suspended_until_s; /* monotonic; 0: not */
	struct suspension suspension;   /* the thread's */
};

static int64_t now_s(void)
{
	return (int64_t)(clock_real_ns() / 1000000000u);
}

static bool is_allowed(const struct schedule_config *config)
{
	time_t now = (time_t)now_s();
	int32_t offset = config->utc_offset_s;
	struct tm tm;

	if (config->local_time && localtime_r(&now, &tm))
		offset = (int32_t)tm.tm_gmtoff;
	return windows_allow(&config->windows, now, offset);
}

/* Waits a while, unless it is time. False: the thread shall end. `short_wait`: there is more to look after. */
static bool look(struct schedule *s, bool short_wait, bool *ret_due)
{
	LOCKED(&s->lock);
	uint64_t now_ms = clock_mono_ms(), next_ms = now_ms + LOOK_S * 1000;
	bool due = now_ms >= s->due_ms;

	*ret_due = due && is_allowed(&s->config);
	if (s->ending || *ret_due)
		return !s->ending;
	(void) cond_wait_until(&s->wake, &s->lock, due ? next_ms : short_wait ? MIN(next_ms, s->due_ms) : s->due_ms);
	return !s->ending;
}

/* False: the thread shall end. */
static bool wait_until_due(struct schedule *s)
{
	bool due = false, goes_on = true;

	while (goes_on && !due)
		goes_on = look(s, mover_save_meter(s->config.mover), &due);
	return goes_on;
}

static void set_due(struct schedule *s, uint64_t in_s)
{
	LOCKED(&s->lock);

	s->due_ms = clock_mono_ms() + in_s * 1000;
}

static uint64_t every_s(struct schedule *s)
{
	LOCKED(&s->lock);

	return s->config.every_s;
}

/* What goes wrong stands in status.json, too, for as long as it does. */
static void report(int r, const struct mover_report *report)
{
	static unsigned long long last_ms;

	if (r == -ECANCELED || (r >= 0 && !report->failed) || !log_due(&last_ms))
		return;
	(void) log_warn(r < 0 ? r : report->error, "%llu moves between tiers failed, will retry: %s",
			(unsigned long long)report->failed, report->bucket_error.text);
}

bool schedule_is_suspended(struct schedule *s, uint64_t *ret_wait_s)
{
	LOCKED(&s->lock);
	uint64_t now_s = clock_mono_ms() / 1000;

	*ret_wait_s = s->suspended_until_s > now_s ? s->suspended_until_s - now_s : 0;
	return *ret_wait_s > 0;
}

static void note_end(struct schedule *s, uint64_t mono_s, bool failed)
{
	uint64_t wait_s = suspension_wait_s(&s->suspension, mono_s);
	LOCKED(&s->lock);

	s->suspended_until_s = wait_s ? mono_s + wait_s : 0;
	s->ended_ms = clock_mono_ms();
	s->failed = failed;
}

static uint64_t pause_s(struct schedule *s, uint64_t suspended_s, bool bucket_failed)
{
	uint64_t pause = every_s(s);

	if (bucket_failed)
		pause = MIN(pause, (uint64_t)BUCKET_AGAIN_S);
	return MAX(suspended_s, pause);
}

/* Returns in how many seconds the next round is to be. */
static uint64_t run_round(struct schedule *s)
{
	const struct suspension_config defaults = { 0 };
	const struct mover_run run = { .now_s = now_s(), .background = true };
	uint64_t mono_s = clock_mono_ms() / 1000, moved;
	struct mover_report rep;
	int r = mover_run(s->config.mover, &run, &rep);

	report(r, &rep);
	moved = rep.files[POLICY_AUTO] + rep.files[POLICY_HOT] + rep.files[POLICY_WARM] + rep.files[POLICY_COLD];
	for (uint64_t k = 0; k < MIN(moved, (uint64_t)1000); k++)
		(void) suspension_note(&s->suspension, &defaults, false, mono_s);
	for (uint64_t k = 0; k < MIN(rep.failed, (uint64_t)1000); k++)
		(void) suspension_note(&s->suspension, &defaults, true, mono_s);
	(void) suspension_end_round(&s->suspension, &defaults, mono_s);
	note_end(s, mono_s, r < 0 || rep.failed > 0);
	if (r >= 0 && rep.more && !rep.failed)
		return 1;
	return pause_s(s, suspension_wait_s(&s->suspension, mono_s), rep.bucket_error.error < 0);
}

/* Who else uses the bucket is known soon after the mount. Of a bucket that does not answer the runs tell. */
static void claim(struct schedule *s)
{
	struct bucket_error why;
	int r = mover_claim(s->config.mover, false, &why);

	if (owner_is_trouble(r))
		(void) log_warn(0, "nothing moves to or from the bucket: %s", why.text);
}

/* Ends when it is time for the next round. */
static void verify_share(struct schedule *s, uint64_t for_s)
{
	static unsigned long long last_ms;
	const struct scrub_run run = { .now_s = now_s(), .background = true, .until_ms = clock_mono_ms() + for_s * 1000 };
	struct scrub_report rep;
	int r = s->config.scrub ? scrub_run(s->config.scrub, &run, &rep) : -ECANCELED;

	if (r == -ECANCELED)
		return;
	if ((r < 0 || rep.bucket_error.error) && log_due(&last_ms))
		(void) log_warn(r < 0 ? r : rep.bucket_error.error, "what is stored could not all be verified, will go on: %s",
				rep.bucket_error.text);
	if (rep.did.found || rep.did.mended)
		(void) log_warn(0, "verifying found %llu damaged files or packs, and mended %llu packs",
				(unsigned long long)rep.did.found, (unsigned long long)rep.did.mended);
}

/* Also when moves pause. Not when there is more to move. */
static void do_round(struct schedule *s)
{
	uint64_t begun_ms, next_s = run_round(s);

	begun_ms = clock_mono_ms();
	if (next_s > 1)
		verify_share(s, next_s);
	next_s -= MIN((clock_mono_ms() - begun_ms) / 1000, next_s);
	set_due(s, next_s);
}

static void *run(void *context)
{
	struct schedule *s = context;

	if (!priority_background_begin())
		priority_step_back();
	claim(s);
	while (wait_until_due(s))
		do_round(s);
	return NULL;
}

int schedule_new(const struct schedule_config *config, struct schedule **ret_s)
{
	struct schedule *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	(void) pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->wake);
	s->due_ms = UINT64_MAX;
	schedule_set(s, config);
	set_due(s, MIN(s->config.every_s, (uint64_t)FIRST_S));
	r = thread_start(&s->thread, "brainy-move", run, s);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

bool schedule_hasten(struct schedule *s, const char **ret_why)
{
	LOCKED(&s->lock);
	uint64_t now_ms = clock_mono_ms();

	*ret_why = s->failed && s->due_ms > now_ms ? "the last moves failed, which are tried again later" :
		   !is_allowed(&s->config) ? "window of [tiers] is not open" : NULL;
	/* One that has just ended left something for a reason. */
	if (!*ret_why && now_ms >= s->ended_ms + HASTEN_MS) {
		s->due_ms = MIN(s->due_ms, now_ms);
		(void) pthread_cond_signal(&s->wake);
	}
	return !*ret_why;
}

static void end(struct schedule *s)
{
	LOCKED(&s->lock);

	s->ending = true;
	(void) pthread_cond_signal(&s->wake);
}

struct schedule *schedule_free(struct schedule *s)
{
	if (!s)
		return NULL;
	end(s);
	mover_interrupt(s->config.mover);
	if (s->config.scrub)
		scrub_interrupt(s->config.scrub);
	(void) pthread_join(s->thread, NULL);
	(void) pthread_cond_destroy(&s->wake);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

void schedule_set(struct schedule *s, const struct schedule_config *config)
{
	LOCKED(&s->lock);

	s->config = *config;
	if (!s->config.every_s)
		s->config.every_s = EVERY_S;
	/* Who shortens the time between runs does not want to wait for the old one. */
	s->due_ms = MIN(s->due_ms, clock_mono_ms() + s->config.every_s * 1000);
	(void) pthread_cond_signal(&s->wake);
}
