/* SPDX-License-Identifier: MIT */
/* Threads: hands, which carry tasks out, as many as are needed up to a number, and the watch, which ends tasks whose
 * time is over. Each of them, and the bucket's owner, hold a share; the last one frees all.
 *
 *   task     queued -> running -> ended by its hand           `done` by the hand, who frees it
 *                 \-------------> time over, or cancelled     `done` by the watch, who frees it
 *                       running -> time over, or cancelled    `done` by the watch; left: its hand frees it, one day */
#include "tiers/s3/impatient.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "tiers/s3/impatient_impl.h"

#define HANDS_MAX 80u /* more than the readers that may wait, and those left behind */
#define OPEN_TIMEOUT_MS 10000u
#define REQUEST_TIMEOUT_MS 30000u
#define TRANSFER_TIMEOUT_MS 120000u
#define LIST_FACTOR 10u
/* What one request may leave to be paid for: a pack. */
#define DEBT_MAX (32ull << 20)
/* Hands that nothing hinders end so soon when the bucket is freed. */
#define FREE_MS 2000u

struct impatient {
	struct bucket bucket;
	struct impatient_config config; /* path is owned */
	struct bucket *inner;           /* owned; set by the task that opens it, before all others */

	pthread_mutex_t lock;           /* rank 62: guards all below; asked for figures under the lock of metered.c */
	pthread_cond_t work, look, gone; /* for hands, the watch, the owner */
	struct task *tasks;             /* owned: those that somebody waits for */
	struct task *first, **last;     /* of them, in turn, those that no hand has begun */
	unsigned hands, idle, queued, left, shares;
	bool watched, cancelled, closed;
	struct bucket_pace pace;        /* of the folder inside */
	uint64_t timed_out;
	struct bucket_error last_error; /* BUCKET_FINE: something came back since */
};

/* ---- shares */

static void drop_share(struct impatient *m)
{
	bool last;

	(void) pthread_mutex_lock(&m->lock);
	last = --m->shares == 0;
	(void) pthread_cond_broadcast(&m->gone);
	(void) pthread_mutex_unlock(&m->lock);
	if (!last)
		return;
	(void) bucket_free(m->inner);
	(void) pthread_cond_destroy(&m->work);
	(void) pthread_cond_destroy(&m->look);
	(void) pthread_cond_destroy(&m->gone);
	(void) pthread_mutex_destroy(&m->lock);
	free((void *)m->config.path);
	free(m);
}

/* ---- hands */

/* Called with the lock, as those that follow and say nothing else. */
static void unlist(struct impatient *m, struct task *t)
{
	struct task **at = &m->tasks;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

static void unqueue(struct impatient *m, struct task *t)
{
	struct task **at = &m->first;

	while (*at != t)
		at = &(*at)->next_queued;
	*at = t->next_queued;
	if (!*at)
		m->last = at;
	m->queued--;
}

/* The next one; NULL: it is time to end. Takes the lock. */
static struct task *take(struct impatient *m)
{
	LOCKED(&m->lock);
	struct task *t;

	m->idle++;
	while (!m->first && !m->closed)
		(void) pthread_cond_wait(&m->work, &m->lock);
	m->idle--;
	t = m->first;
	if (t) {
		unqueue(m, t);
		t->running = true;
	} else {
		m->hands--;
	}
	return t;
}

/* False: nobody waits for it any more. Takes the lock. */
static bool end(struct impatient *m, struct task *t)
{
	LOCKED(&m->lock);

	if (t->left) {
		m->left--;
		return false;
	}
	unlist(m, t);
	if (t->result.error >= 0 || t->why.fault != BUCKET_TIMEOUT)
		m->last_error = (struct bucket_error){ 0 };
	if (t->kind == TASK_OPEN && t->result.error >= 0)
		m->inner = steal_ptr(&t->opened);
	return true;
}

static void hand_over(struct task *t)
{
	if (t->result.error >= 0 && t->result.len > 0)
		memcpy(t->ret_data, t->q.data, t->result.len);
	if (t->result.error >= 0 && t->ret_listing) {
		*t->ret_listing = t->listing;
		t->listing = (struct listing){ 0 };
	}
	if (t->ret_swept)
		*t->ret_swept = t->swept;
	t->done(t->context, &t->result);
}

static void *work(void *context)
{
	struct impatient *m = context;
	struct task *t;

	while ((t = take(m))) {
		task_run(t, m->inner, &m->config);
		if (end(m, t))
			hand_over(t);
		task_free(t);
	}
	drop_share(m);
	return NULL;
}

/* ---- the watch */

static int why_over(const struct impatient *m, const struct task *t, struct bucket_error *ret_why)
{
	if (m->cancelled)
		return bucket_fail(ret_why, BUCKET_STOPPED, 0, "the bucket is being closed");
	if (t->q.conditional)
		return bucket_fail(ret_why, BUCKET_UNKNOWN, 0, "the folder %.200s does not answer: nobody knows whether it was written",
				   m->config.path);
	return bucket_fail(ret_why, BUCKET_TIMEOUT, 0,
			   "the folder %.200s does not answer: is the machine that it lies on away?", m->config.path);
}

/* The next task whose time is over, taken out; NULL: there is none, and *ret_next_ms is when it may be. */
static struct task *take_over(struct impatient *m, uint64_t now_ms, uint64_t *ret_next_ms)
{
	*ret_next_ms = UINT64_MAX;
	for (struct task *t = m->tasks; t; t = t->next) {
		if (!m->cancelled && t->deadline_ms > now_ms) {
			*ret_next_ms = MIN(*ret_next_ms, t->deadline_ms);
			continue;
		}
		unlist(m, t);
		if (!t->running)
			unqueue(m, t);
		t->left = t->running;
		m->left += t->left;
		return t;
	}
	return NULL;
}

static void note_over(struct impatient *m, const struct bucket_error *why)
{
	if (why->fault == BUCKET_STOPPED)
		return;
	m->timed_out++;
	m->last_error = *why;
	if (why->fault == BUCKET_UNKNOWN)
		m->last_error.fault = BUCKET_TIMEOUT;
}

/* Ends one, or waits for the next. False: it is time to end. Takes the lock. */
static bool look(struct impatient *m)
{
	struct bucket_result result = { 0 };
	struct bucket_error why;
	bucket_done_fn done;
	uint64_t next_ms;
	struct task *t, *unused = NULL;
	void *context;

	(void) pthread_mutex_lock(&m->lock);
	t = take_over(m, clock_mono_ms(), &next_ms);
	if (!t) {
		bool goes_on = !m->closed || m->tasks;

		if (goes_on && next_ms != UINT64_MAX)
			(void) cond_wait_until(&m->look, &m->lock, next_ms);
		else if (goes_on)
			(void) pthread_cond_wait(&m->look, &m->lock);
		(void) pthread_mutex_unlock(&m->lock);
		return goes_on;
	}
	result.error = why_over(m, t, &why);
	result.why = &why;
	note_over(m, &why);
	done = t->done;
	context = t->context;
	if (!t->left)
		unused = t;
	(void) pthread_mutex_unlock(&m->lock);
	done(context, &result);
	task_free(unused);
	return true;
}

static void *watch(void *context)
{
	while (look(context))
		;
	drop_share(context);
	return NULL;
}

/* ---- asking */

static int start_thread(struct impatient *m, const char *name, void *(*run)(void *context))
{
	pthread_t thread;
	int r = thread_start(&thread, name, run, m);

	if (r < 0)
		return r;
	(void) pthread_detach(thread);
	m->shares++;
	return 0;
}

static int need_threads(struct impatient *m)
{
	int r = m->watched ? 0 : start_thread(m, "brainy-timeouts", watch);

	m->watched = m->watched || r >= 0;
	if (r < 0 || m->idle > m->queued || m->hands == HANDS_MAX)
		return r;
	r = start_thread(m, "brainy-folder", work);
	m->hands += r >= 0;
	/* The others will get to it. */
	return r < 0 && m->hands > m->left ? 0 : r;
}

static void enqueue(struct impatient *m, struct task *t)
{
	t->next = m->tasks;
	m->tasks = t;
	*m->last = t;
	m->last = &t->next_queued;
	m->queued++;
	(void) pthread_cond_signal(&m->work);
	(void) pthread_cond_signal(&m->look);
}

/* 1: it is refused at once, for *ret_why. */
static int refuse(struct impatient *m, struct bucket_error *ret_why)
{
	if (m->cancelled)
		(void) bucket_fail(ret_why, BUCKET_STOPPED, 0, "the bucket is being closed");
	else if (m->left >= IMPATIENT_LEFT_MAX)
		(void) bucket_fail(ret_why, BUCKET_UNREACHABLE, 0,
				   "the folder %.200s does not answer: %u requests hang; is the machine that it lies on away?",
				   m->config.path, m->left);
	else
		return 0;
	if (!m->cancelled)
		m->last_error = *ret_why;
	return 1;
}

/* Takes `t` over, also on failure. `done` is called unless it fails. */
static int ask(struct impatient *m, struct task *t, uint32_t timeout_ms, bucket_done_fn done, void *context)
{
	struct bucket_result result = { 0 };
	struct bucket_error why;
	int r;

	t->done = done;
	t->context = context;
	t->deadline_ms = clock_mono_ms() + timeout_ms;
	(void) pthread_mutex_lock(&m->lock);
	r = refuse(m, &why);
	if (r == 0)
		r = need_threads(m);
	if (r == 0)
		enqueue(m, t);
	(void) pthread_mutex_unlock(&m->lock);
	if (r == 0)
		return 0;
	task_free(t);
	if (r < 0)
		return r;
	result.error = why.error;
	result.why = &why;
	done(context, &result);
	return 0;
}

static int ask_and_wait(struct impatient *m, struct task *t, uint32_t timeout_ms, struct bucket_error *ret_error,
			struct bucket_result *ret_result)
{
	struct bucket_waiter w;
	int r;

	if (!t)
		return bucket_fail(ret_error, BUCKET_LOCAL, -ENOMEM, "out of memory");
	bucket_waiter_init(&w, ret_error);
	r = ask(m, t, timeout_ms, bucket_waiter_came, &w);
	if (r < 0)
		return bucket_fail(ret_error, BUCKET_LOCAL, r, "the request cannot be made: %s", strerrordesc_np(-r));
	return bucket_waiter_wait(&w, ret_result);
}

/* ---- the bucket */

/* What is slow because somebody wants it so does not hang. The folder lets a request through when the one before it is paid
 * for. Takes the lock. */
static uint64_t pace_ms(struct impatient *m, const struct bucket_request *q)
{
	LOCKED(&m->lock);
	uint64_t bytes_s = q->op == BUCKET_PUT ? m->pace.up_bytes_s : q->op == BUCKET_GET ? m->pace.down_bytes_s : 0;
	uint64_t requests_ms = m->pace.requests_s ? 1000 * (m->queued + m->hands + 1) / m->pace.requests_s : 0;

	return requests_ms + (bytes_s ? (DEBT_MAX + q->body.len + q->len) * 1000 / bytes_s : 0);
}

/* Who has more patience asks again. */
static uint32_t timeout_of(struct impatient *m, const struct bucket_request *q)
{
	uint64_t ms = q->op == BUCKET_PUT ? m->config.transfer_timeout_ms : m->config.request_timeout_ms;

	if (q->timeout_ms)
		ms = MIN(ms, (uint64_t)q->timeout_ms);
	return (uint32_t)MIN(ms + pace_ms(m, q), (uint64_t)UINT32_MAX);
}

static int start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	struct impatient *m = (struct impatient *)b;
	struct task *t = task_new(TASK_REQUEST, q);

	return t ? ask(m, t, timeout_of(m, q), done, context) : -ENOMEM;
}

static int put_large(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
		     struct bucket_object *ret_object)
{
	struct impatient *m = (struct impatient *)b;
	const struct bucket_call call = bucket_call_of(c);
	const struct bucket_request q = { .op = BUCKET_PUT, .cause = call.cause, .key = key, .body = *body };
	uint64_t timeout_ms = call.timeout_ms ? call.timeout_ms : m->config.transfer_timeout_ms;
	struct bucket_result result;
	int r;

	timeout_ms += timeout_ms / 100 * (body->len >> 20);
	r = ask_and_wait(m, task_new(TASK_LARGE, &q), (uint32_t)MIN(timeout_ms, (uint64_t)UINT32_MAX), call.ret_error, &result);
	if (r >= 0 && ret_object)
		*ret_object = result.object;
	return r;
}

static int list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object, void *context)
{
	struct impatient *m = (struct impatient *)b;
	const struct bucket_request q = { .op = BUCKET_LIST, .cause = c->cause, .key = prefix };
	_cleanup_(listing_done) struct listing found = { 0 };
	struct task *t = task_new(TASK_LIST, &q);
	struct bucket_result result;
	int r;

	if (t)
		t->ret_listing = &found;
	r = ask_and_wait(m, t, c->timeout_ms ? c->timeout_ms : m->config.transfer_timeout_ms * LIST_FACTOR, c->ret_error, &result);
	for (size_t k = 0; r == 0 && k < found.n; k++)
		r = object(context, found.items[k].key, &found.items[k].object);
	return r;
}

static int sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n)
{
	struct impatient *m = (struct impatient *)b;
	const struct bucket_request q = { .op = BUCKET_LIST, .cause = c->cause, .key = prefix };
	struct task *t = task_new(TASK_SWEEP, &q);
	struct bucket_result result;

	if (t) {
		t->older_than_s = older_than_s;
		t->ret_swept = ret_n;
	}
	return ask_and_wait(m, t, c->timeout_ms ? c->timeout_ms : m->config.transfer_timeout_ms * LIST_FACTOR, c->ret_error, &result);
}

/* Waits for nothing. */
static void set_pace(struct bucket *b, const struct bucket_pace *p)
{
	struct impatient *m = (struct impatient *)b;

	(void) pthread_mutex_lock(&m->lock);
	m->pace = *p;
	(void) pthread_mutex_unlock(&m->lock);
	bucket_set_pace(m->inner, p);
}

static void get_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	struct impatient *m = (struct impatient *)b;

	bucket_get_stats(m->inner, ret_stats);
	LOCKED(&m->lock);
	ret_stats->failed += m->timed_out;
	ret_stats->in_flight = m->hands - m->idle;
	ret_stats->waiting = m->queued;
	ret_stats->breaker = m->left >= IMPATIENT_LEFT_MAX ? BUCKET_OPEN : BUCKET_CLOSED;
	if (m->last_error.fault != BUCKET_FINE)
		ret_stats->last = m->last_error;
}

static void cancel(struct bucket *b)
{
	struct impatient *m = (struct impatient *)b;

	(void) pthread_mutex_lock(&m->lock);
	m->cancelled = true;
	(void) pthread_cond_broadcast(&m->look);
	(void) pthread_mutex_unlock(&m->lock);
	/* Those of its hands that wait for something else than the folder. */
	bucket_cancel(m->inner);
}

/* Those left behind are not waited for. Takes the lock. */
static void close_up(struct impatient *m)
{
	uint64_t until_ms = clock_mono_ms() + FREE_MS;
	LOCKED(&m->lock);

	m->cancelled = m->closed = true;
	(void) pthread_cond_broadcast(&m->look);
	(void) pthread_cond_broadcast(&m->work);
	while (m->shares > 1 + m->left && cond_wait_until(&m->gone, &m->lock, until_ms) >= 0)
		;
}

static void impatient_free(struct bucket *b)
{
	struct impatient *m = (struct impatient *)b;

	close_up(m);
	drop_share(m);
}

static const struct bucket_ops impatient_ops = {
	.start = start, .put_large = put_large, .list = list, .sweep = sweep, .set_pace = set_pace, .stats = get_stats,
	.cancel = cancel, .free = impatient_free,
};

static struct impatient *impatient_new(const struct impatient_config *config)
{
	struct impatient *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->bucket.ops = &impatient_ops;
	m->config = *config;
	m->config.path = strdup(config->path);
	if (!m->config.path) {
		free(m);
		return NULL;
	}
	if (!config->open_timeout_ms)
		m->config.open_timeout_ms = OPEN_TIMEOUT_MS;
	if (!config->request_timeout_ms)
		m->config.request_timeout_ms = REQUEST_TIMEOUT_MS;
	if (!config->transfer_timeout_ms)
		m->config.transfer_timeout_ms = TRANSFER_TIMEOUT_MS;
	(void) pthread_mutex_init(&m->lock, NULL);
	cond_init(&m->work);
	cond_init(&m->look);
	cond_init(&m->gone);
	m->last = &m->first;
	m->shares = 1;
	return m;
}

int impatient_open(const struct impatient_config *config, struct bucket **ret_b, struct bucket_error *ret_why)
{
	struct impatient *m = impatient_new(config);
	struct bucket_result result;
	int r;

	if (!m)
		return bucket_fail(ret_why, BUCKET_LOCAL, -ENOMEM, "out of memory");
	r = ask_and_wait(m, task_new(TASK_OPEN, NULL), m->config.open_timeout_ms, ret_why, &result);
	if (r < 0) {
		impatient_free(&m->bucket);
		return r;
	}
	*ret_b = &m->bucket;
	return 0;
}
