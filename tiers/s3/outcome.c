/* SPDX-License-Identifier: MIT */
/* What becomes of a job when an attempt has ended: it is done, rests, or has failed; and what the client learns from
 * it. Of the thread, as loop.c. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "tiers/s3/date.h"
#include "tiers/s3/judge.h"

#define REFRESH_PAUSE_MS 1000u

static struct job *job_of(struct http_transfer *t)
{
	return (struct job *)(void *)((char *)t - offsetof(struct job, http));
}

static uint64_t random_64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}

static void note_end(struct s3 *s, const struct bucket_result *result)
{
	LOCKED(&s->stats_lock);

	if (result->error == 0 || result->why->fault == BUCKET_ABSENT) {
		s->stats.last = (struct bucket_error){ 0 };
	} else if (result->why->fault != BUCKET_UNKNOWN) {
		s->stats.failed++;
		s->stats.last = *result->why;
	}
}

/* The job is in no list. */
static void finish(struct s3 *s, struct job *j, const struct bucket_result *result)
{
	bool kept = j->kept;

	note_end(s, result);
	j->done(j->context, result);
	if (!kept)
		job_free(j);
}

void job_fail(struct s3 *s, struct job *j, const struct bucket_error *why)
{
	struct bucket_error copy = *why; /* it may be the job's own */
	struct bucket_result result = { .error = copy.error, .why = &copy };

	finish(s, j, &result);
}

void job_fail_late(struct s3 *s, struct job *j)
{
	struct bucket_error why;

	if (j->attempts == 0)
		(void) bucket_fail(
			&why, BUCKET_TIMEOUT, 0,
			"a request to %.120s was not sent in time: others, or the limits, came first",
			s->address.host);
	else
		why = j->why;
	job_fail(s, j, &why);
}

/* Because the breaker is open. */
void job_fail_unasked(struct s3 *s, struct job *j, uint64_t now_ms)
{
	uint64_t wait_s = (breaker_wait_ms(&s->breaker, now_ms) + 999) / 1000;
	struct bucket_error why;

	(void) bucket_fail(&why, BUCKET_UNREACHABLE, 0, "%.300s; it is asked again in %" PRIu64 " s",
			  s->breaker.last.text, wait_s);
	job_fail(s, j, &why);
}

/* ---- after an attempt ---- */

static void rest(struct s3 *s, struct job *j, uint64_t ms)
{
	j->due_ms = clock_mono_ms() + ms;
	job_look_at(s, MIN(j->due_ms, j->deadline_ms));
	job_list_add(&s->resting, j);
}

static void try_again(struct s3 *s, struct job *j, const struct verdict *v)
{
	uint64_t now_ms = clock_mono_ms();
	uint64_t pause_ms =
		MAX(backoff_ms(j->attempts, s->config.retry_base_ms, s->config.retry_most_ms, random_64()),
		    (uint64_t)v->pause_ms);

	if (s->breaker.state == BUCKET_OPEN) {
		job_fail_unasked(s, j, now_ms);
		return;
	}
	if (j->attempts >= s->config.attempts || now_ms + pause_ms >= j->deadline_ms ||
	    !budget_take(&s->budget)) {
		job_fail(s, j, &j->why);
		return;
	}
	(void) pthread_mutex_lock(&s->stats_lock);
	s->stats.retries++;
	(void) pthread_mutex_unlock(&s->stats_lock);
	rest(s, j, pause_ms);
}

/* The server's clock, as far as its answer took to come. Once a request. */
static void correct_clock(struct s3 *s, struct job *j)
{
	int64_t server_s;

	if (j->corrected || date_parse_http(j->http.fields.date, &server_s) < 0) {
		job_fail(s, j, &j->why);
		return;
	}
	s->skew_s = server_s - (int64_t)(clock_real_ns() / 1000000000u);
	j->corrected = true;
	job_make_ready(s, j);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Others may have loaded them since this request was signed; and who has wrong ones should not read a file
 * for each request. True: there are other ones than at the last time. */
static bool load_again(struct s3 *s, const struct job *j)
{
	struct s3_credentials c = { 0 };
	uint64_t now_ms = clock_mono_ms();
	bool same;

	if (s->loaded_ms > j->sent_ms)
		return true;
	if (now_ms - s->loaded_ms < REFRESH_PAUSE_MS ||
	    s->config.credentials(s->config.credentials_context, &c, NULL) < 0)
		return false;
	same = same_text(c.access_key, s->credentials.access_key) &&
	       same_text(c.secret_key, s->credentials.secret_key) &&
	       same_text(c.session_token, s->credentials.session_token);
	credentials_done(&s->credentials);
	s->credentials = c;
	s->loaded_ms = now_ms;
	return !same;
}

static void refresh(struct s3 *s, struct job *j)
{
	if (j->refreshed || !load_again(s, j)) {
		job_fail(s, j, &j->why);
		return;
	}
	j->refreshed = true;
	job_make_ready(s, j);
}

static void act(struct s3 *s, struct job *j, const struct verdict *v)
{
	j->why = v->why;
	switch (v->action) {
	case VERDICT_DONE:
		budget_success(&s->budget);
		finish(s, j, &v->result);
		break;
	case VERDICT_AGAIN:
		j->explaining = false;
		try_again(s, j, v);
		break;
	case VERDICT_EXPLAIN:
		j->explaining = true;
		job_make_ready(s, j);
		break;
	case VERDICT_CLOCK:
		correct_clock(s, j);
		break;
	case VERDICT_REFRESH:
		refresh(s, j);
		break;
	case VERDICT_FAIL:
		job_fail(s, j, &j->why);
	}
}

static void note_attempt(struct s3 *s, const struct job *j, const struct verdict *v)
{
	struct bucket_usage *u = &s->stats.by[j->cause];
	LOCKED(&s->stats_lock);

	u->bytes_up += j->http.sent;
	u->bytes_down += j->http.got;
	s->stats.throttled += v->throttled && j->http.failure == HTTP_FINE;
}

static void learn(struct s3 *s, struct job *j, const struct verdict *v, uint64_t now_ms)
{
	if (v->throttled)
		inflight_bad(&s->window, j->sent_ms, now_ms);
	else if (v->alive > 0)
		inflight_good(&s->window);
	if (v->alive > 0)
		breaker_success(&s->breaker);
	else if (v->alive < 0)
		breaker_failure(&s->breaker, j->probe, &v->why, now_ms);
	else if (j->probe)
		breaker_probe_lost(&s->breaker);
	j->probe = false;
	if (!j->sink && !j->has_body)
		rate_take(&s->down, j->http.got);
}

/* For bucket_get_stats(); before callers are told, so that they see what they were told. */
void s3_publish(struct s3 *s)
{
	unsigned waiting = s->resting.n;

	for (unsigned i = 0; i < READY_LISTS; i++)
		waiting += s->ready[i].n;
	LOCKED(&s->stats_lock);
	s->stats.in_flight = s->running.n;
	s->stats.waiting = waiting;
	s->stats.window = inflight_size(&s->window);
	s->stats.breaker = s->breaker.state;
	s->stats.breaker_opened = s->breaker.opened;
	s->stats.clock_skew_s = s->skew_s;
	s->reopen_at_ms = s->breaker.until_ms;
}

void job_ended(struct http_transfer *t)
{
	struct job *j = job_of(t);
	struct s3 *s = j->s3;
	struct verdict v;

	job_list_remove(&s->running, j);
	judge(j, &v);
	note_attempt(s, j, &v);
	learn(s, j, &v, clock_mono_ms());
	s3_publish(s);
	act(s, j, &v);
}
