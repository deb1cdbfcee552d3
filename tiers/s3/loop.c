/* SPDX-License-Identifier: MIT */
/* The thread's part of the client: which job is sent when, and what becomes of it. s3_impl.h has the lists.
 * All decisions are made here, between two waits of the thread, so that none of it needs a lock but the inbox
 * and the numbers that others read. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/s3_impl.h"

/* ---- lists ---- */

static unsigned ready_list_of(const struct job *j)
{
	if (j->cause == BUCKET_RECALL)
		return READY_RECALL;
	return j->has_body && j->body.len > 0 ? READY_BODY : READY_SMALL;
}

void job_look_at(struct s3 *s, uint64_t at_ms)
{
	s->look_ms = MIN(s->look_ms, at_ms);
}

void job_make_ready(struct s3 *s, struct job *j)
{
	job_look_at(s, j->deadline_ms);
	job_list_add(&s->ready[ready_list_of(j)], j);
}

static void take_inbox(struct s3 *s)
{
	struct job_list came;
	struct job *j;

	(void) pthread_mutex_lock(&s->inbox_lock);
	came = s->inbox;
	s->inbox = (struct job_list){ 0 };
	(void) pthread_mutex_unlock(&s->inbox_lock);
	while ((j = job_list_take(&came)))
		job_make_ready(s, j);
}

static void finish_all(struct s3 *s, struct job_list *l,
		       void (*end)(struct s3 *s, struct job *j, uint64_t now_ms), uint64_t now_ms)
{
	struct job_list taken = *l; /* callbacks may start others, which come by the inbox */
	struct job *j;

	*l = (struct job_list){ 0 };
	while ((j = job_list_take(&taken)))
		end(s, j, now_ms);
}

static void look_at_list(struct s3 *s, struct job_list *l, bool resting, uint64_t now_ms)
{
	for (struct job *j = l->first, *next; j; j = next) {
		next = j->next;
		if (j->deadline_ms <= now_ms) {
			job_list_remove(l, j);
			job_fail_late(s, j);
		} else if (resting && j->due_ms <= now_ms) {
			job_list_remove(l, j);
			job_make_ready(s, j);
		} else {
			job_look_at(s, resting ? MIN(j->due_ms, j->deadline_ms) : j->deadline_ms);
		}
	}
}

/* Who has rested long enough is ready; who waited too long is done. */
static void look_at_clock(struct s3 *s, uint64_t now_ms)
{
	if (now_ms < s->look_ms)
		return;
	s->look_ms = HTTP_NEVER;
	look_at_list(s, &s->resting, true, now_ms);
	for (unsigned i = 0; i < READY_LISTS; i++)
		look_at_list(s, &s->ready[i], false, now_ms);
}

/* ---- sending ---- */

static void send_job(struct s3 *s, struct job *j)
{
	int r;

	j->http.done = job_ended;
	j->attempts += !j->explaining;
	r = request_begin(s, j);
	if (r < 0) {
		struct bucket_error why;

		if (j->probe)
			breaker_probe_lost(&s->breaker);
		(void) bucket_fail(&why, BUCKET_LOCAL, r, "out of memory");
		job_fail(s, j, &why);
		return;
	}
	rate_take(&s->requests, 1);
	if (j->has_body)
		rate_take(&s->up, j->body.len);
	else if (j->sink)
		rate_take(&s->down, j->sink_size);
	job_list_add(&s->running, j);
	(void) pthread_mutex_lock(&s->stats_lock);
	s->stats.by[j->cause].requests[j->op]++;
	(void) pthread_mutex_unlock(&s->stats_lock);
}

/* How long the limits want the job to wait. */
static uint64_t limits_wait_ms(struct s3 *s, const struct job *j, uint64_t now_ms)
{
	struct rate *bytes = j->has_body && j->body.len > 0 ? &s->up : &s->down;

	return MAX(rate_wait_ms(&s->requests, now_ms), rate_wait_ms(bytes, now_ms));
}

/* A quarter of the window is kept for recalls, which somebody waits for. */
static bool has_room(const struct s3 *s, unsigned list)
{
	unsigned size = inflight_size(&s->window);

	return s->running.n < (list == READY_RECALL ? size : size - size / 4);
}

/* The next that may be sent now, taken from its list; NULL: none, and *wait_ms says how long not. */
static struct job *next_ready(struct s3 *s, uint64_t now_ms, uint64_t *wait_ms)
{
	for (unsigned i = 0; i < READY_LISTS; i++) {
		struct job *j = has_room(s, i) ? s->ready[i].first : NULL;
		uint64_t wait = j ? limits_wait_ms(s, j, now_ms) : HTTP_NEVER;

		if (j && wait == 0)
			return job_list_take(&s->ready[i]);
		*wait_ms = MIN(*wait_ms, wait);
	}
	return NULL;
}

static bool any_waits(const struct s3 *s)
{
	bool any = s->resting.first != NULL;

	for (unsigned i = 0; i < READY_LISTS; i++)
		any |= s->ready[i].first != NULL;
	return any;
}

static void finish_waiting(struct s3 *s, void (*end)(struct s3 *s, struct job *j, uint64_t now_ms),
			   uint64_t now_ms)
{
	for (unsigned i = 0; i < READY_LISTS; i++)
		finish_all(s, &s->ready[i], end, now_ms);
	finish_all(s, &s->resting, end, now_ms);
}

/* Returns how long nothing can be sent, as far as the limits are concerned. */
static uint64_t send_ready(struct s3 *s, uint64_t now_ms)
{
	uint64_t wait_ms = HTTP_NEVER;

	while (any_waits(s)) {
		enum breaker_word word = breaker_ask(&s->breaker, now_ms);
		struct job *j;

		if (word == BREAKER_FAIL)
			finish_waiting(s, job_fail_unasked, now_ms);
		if (word == BREAKER_FAIL || word == BREAKER_WAIT)
			break;
		j = next_ready(s, now_ms, &wait_ms);
		if (!j)
			break;
		j->probe = word == BREAKER_PROBE;
		if (j->probe)
			breaker_probing(&s->breaker);
		send_job(s, j);
	}
	return wait_ms;
}

/* ---- the thread ---- */

static void finish_stopped(struct s3 *s, struct job *j, uint64_t now_ms)
{
	struct bucket_error why;

	(void) now_ms;
	(void) bucket_fail(&why, BUCKET_STOPPED, 0, "the client of %.120s is being closed", s->address.host);
	job_fail(s, j, &why);
}

static void stop_all(struct s3 *s)
{
	for (struct job *j = s->running.first; j; j = j->next)
		http_cancel(s->http, &j->http);
	finish_all(s, &s->running, finish_stopped, 0);
	finish_waiting(s, finish_stopped, 0);
}

/* What was set since; a debt of the rate before is forgotten. */
static void look_at_pace(struct s3 *s, uint64_t now_ms)
{
	if (s->up.per_s != s->up_bytes_s)
		rate_init(&s->up, s->up_bytes_s, now_ms);
	if (s->down.per_s != s->down_bytes_s)
		rate_init(&s->down, s->down_bytes_s, now_ms);
	if (s->requests.per_s != s->requests_s)
		rate_init(&s->requests, s->requests_s, now_ms);
}

uint64_t s3_tick(void *context, bool stopping)
{
	struct s3 *s = context;
	uint64_t now_ms, wait_ms;

	take_inbox(s);
	if (stopping || atomic_load(&s->cancelled)) {
		stop_all(s);
		return stopping ? 0 : HTTP_NEVER;
	}
	now_ms = clock_mono_ms();
	look_at_clock(s, now_ms);
	look_at_pace(s, now_ms);
	wait_ms = send_ready(s, now_ms);
	s3_publish(s);
	if (s->look_ms != HTTP_NEVER)
		wait_ms = MIN(wait_ms, s->look_ms > now_ms ? s->look_ms - now_ms : 0);
	return wait_ms;
}
