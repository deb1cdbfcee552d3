/* SPDX-License-Identifier: MIT */
/* The inner bucket counts what it sends, repetitions among it; what was added since the last look is taken over at each
 * look. Record: u8 version, limits_encode(), then for today and for all, for each cause: varint for each op, bytes up,
 * bytes down. */
#include "tiers/move/metered.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/bucket_impl.h"

#define RECORD_VERSION 1u

struct metered {
	struct bucket bucket;
	struct bucket *inner;      /* owned */
	pthread_mutex_t lock;      /* rank 60 */
	struct metered_state s;    /* guarded by lock, as all below */
	struct metered_usage seen; /* of the inner one, taken over so far */
	uint64_t bytes_s;          /* recalls: 0: not known */
};

static int64_t now_s(void)
{
	return (int64_t)(clock_real_ns() / 1000000000u);
}

/* ---- counting */

static void usage_add(struct bucket_usage *u, const struct bucket_usage *more)
{
	for (unsigned op = 0; op < BUCKET_OPS; op++)
		u->requests[op] += more->requests[op];
	u->bytes_up += more->bytes_up;
	u->bytes_down += more->bytes_down;
}

static struct bucket_usage usage_since(const struct bucket_usage *now, const struct bucket_usage *then)
{
	struct bucket_usage d = { .bytes_up = now->bytes_up - then->bytes_up,
				  .bytes_down = now->bytes_down - then->bytes_down };

	for (unsigned op = 0; op < BUCKET_OPS; op++)
		d.requests[op] = now->requests[op] - then->requests[op];
	return d;
}

static struct traffic traffic_of(const struct bucket_usage *u)
{
	return (struct traffic){
		.puts = u->requests[BUCKET_PUT], .gets = u->requests[BUCKET_GET] + u->requests[BUCKET_HEAD],
		.lists = u->requests[BUCKET_LIST], .removes = u->requests[BUCKET_REMOVE], .in_bytes = u->bytes_up,
		.out_bytes = u->bytes_down,
	};
}

/* Called with the lock. */
static void look(struct metered *m)
{
	int64_t now = now_s();
	struct bucket_stats stats;

	bucket_get_stats(m->inner, &stats);
	if (calendar_day(now) > m->s.used.day) {
		m->s.today = (struct metered_usage){ 0 };
		m->s.refused = 0;
		m->s.capped = false;
	}
	limits_note(&m->s.used, &(struct traffic){ 0 }, now);
	for (unsigned k = 0; k < BUCKET_CAUSES; k++) {
		struct bucket_usage more = usage_since(&stats.by[k], &m->seen.by[k]);
		struct traffic t = traffic_of(&more);

		m->seen.by[k] = stats.by[k];
		usage_add(&m->s.today.by[k], &more);
		usage_add(&m->s.all.by[k], &more);
		limits_note(&m->s.used, &t, now);
	}
}

/* ---- limits */

static bool is_limited(const struct metered *m)
{
	return m->s.limits.requests || m->s.limits.bytes;
}

/* A program waits for a recall, and for what has no cause of its own. */
static enum limits_cause limits_cause_of(enum bucket_cause cause)
{
	return cause == BUCKET_RECALL || cause == BUCKET_OTHER ? LIMITS_RECALL : LIMITS_BACKGROUND;
}

static int64_t ask(struct metered *m, enum bucket_cause cause, const struct traffic *t)
{
	int64_t wait_s;
	LOCKED(&m->lock);

	if (!is_limited(m))
		return 0;
	look(m);
	wait_s = limits_wait_s(&m->s.limits, &m->s.used, limits_cause_of(cause), t, now_s());
	m->s.capped = wait_s > 0;
	m->s.refused += wait_s > 0;
	return wait_s;
}

static int refuse(struct metered *m, enum bucket_cause cause, const struct traffic *t, struct bucket_error *ret_error)
{
	int64_t wait_s = ask(m, cause, t);

	if (wait_s == 0)
		return 0;
	return bucket_fail(ret_error, BUCKET_LIMITED, 0,
			   METERED_LIMITED "; it begins anew in %lld minutes, at midnight UTC",
			   (long long)(wait_s + 59) / 60);
}

static struct traffic traffic_wanted(const struct bucket_request *q)
{
	struct traffic t = { 0 };

	switch (q->op) {
	case BUCKET_PUT:
		t.puts = 1;
		t.in_bytes = q->body.len;
		break;
	case BUCKET_REMOVE:
		t.removes = 1;
		break;
	case BUCKET_GET:
		t.out_bytes = q->len;
		t.gets = 1;
		break;
	default:
		t.gets = 1;
	}
	return t;
}

/* ---- recalls under way */

struct recall {
	struct metered *m;
	bucket_done_fn done;
	void *context;
	uint64_t bytes, begun_ms;
};

static void begin_recall(struct metered *m, uint64_t bytes)
{
	LOCKED(&m->lock);

	m->s.recalls++;
	m->s.recall_bytes += bytes;
}

/* All that run at once share the line: what one brought, times how many there were. */
static void end_recall(struct metered *m, uint64_t bytes, uint64_t took_ms, bool good)
{
	LOCKED(&m->lock);

	if (good && bytes) {
		uint64_t bytes_s = bytes * MAX(m->s.recalls, 1u) * 1000 / MAX(took_ms, (uint64_t)1);

		m->bytes_s = m->bytes_s ? (m->bytes_s * 7 + bytes_s) / 8 : bytes_s;
	}
	m->s.recalls--;
	m->s.recall_bytes -= bytes;
}

static void recall_done(void *context, const struct bucket_result *result)
{
	struct recall *rc = context;

	end_recall(rc->m, rc->bytes, clock_mono_ms() - rc->begun_ms, result->error >= 0);
	rc->done(rc->context, result);
	free(rc);
}

static int start_recall(struct metered *m, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	struct recall *rc = malloc(sizeof(*rc));
	int r;

	if (!rc)
		return -ENOMEM;
	*rc = (struct recall){ m, done, context, q->len, clock_mono_ms() };
	begin_recall(m, q->len);
	r = m->inner->ops->start(m->inner, q, recall_done, rc);
	if (r < 0) {
		end_recall(m, q->len, 0, false);
		free(rc);
	}
	return r;
}

/* ---- the bucket */

static int start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	struct metered *m = (struct metered *)b;
	struct traffic t = traffic_wanted(q);
	struct bucket_result result = { 0 };
	struct bucket_error why;

	result.error = refuse(m, q->cause, &t, &why);
	if (result.error < 0) {
		result.why = &why;
		done(context, &result);
		return 0;
	}
	if (q->op == BUCKET_GET && q->cause == BUCKET_RECALL)
		return start_recall(m, q, done, context);
	return m->inner->ops->start(m->inner, q, done, context);
}

static int put_large(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
		     struct bucket_object *ret_object)
{
	struct metered *m = (struct metered *)b;
	struct bucket_call call = bucket_call_of(c);
	const struct traffic t = { .puts = 1 + body->len / BUCKET_SINGLE_MAX, .in_bytes = body->len };
	int r = refuse(m, call.cause, &t, call.ret_error);

	return r < 0 ? r : m->inner->ops->put_large(m->inner, c, key, body, ret_object);
}

static int list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object, void *context)
{
	struct metered *m = (struct metered *)b;
	const struct traffic t = { .lists = 1 };
	int r = refuse(m, c->cause, &t, c->ret_error);

	return r < 0 ? r : m->inner->ops->list(m->inner, c, prefix, object, context);
}

static int sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n)
{
	struct metered *m = (struct metered *)b;
	const struct traffic t = { .lists = 1 };
	int r = refuse(m, c->cause, &t, c->ret_error);

	return r < 0 ? r : bucket_sweep(m->inner, c, prefix, older_than_s, ret_n);
}

static void set_pace(struct bucket *b, const struct bucket_pace *p)
{
	bucket_set_pace(((struct metered *)b)->inner, p);
}

static int versioned(struct bucket *b, const struct bucket_call *c, bool *ret_versioned)
{
	struct metered *m = (struct metered *)b;
	const struct traffic t = { .gets = 1 };
	int r = refuse(m, c->cause, &t, c->ret_error);

	return r < 0 ? r : bucket_versioned(m->inner, c, ret_versioned);
}

static void get_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	bucket_get_stats(((struct metered *)b)->inner, ret_stats);
}

static void cancel(struct bucket *b)
{
	bucket_cancel(((struct metered *)b)->inner);
}

static void metered_free(struct bucket *b)
{
	struct metered *m = (struct metered *)b;

	(void) bucket_free(m->inner);
	(void) pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct bucket_ops metered_ops = {
	.start = start, .put_large = put_large, .list = list, .sweep = sweep, .set_pace = set_pace, .versioned = versioned,
	.stats = get_stats, .cancel = cancel, .free = metered_free,
};

int metered_new(struct bucket *inner, const struct limits *limits, struct bucket **ret_b)
{
	struct metered *m = calloc(1, sizeof(*m));

	if (!m) {
		(void) bucket_free(inner);
		return -ENOMEM;
	}
	m->bucket.ops = &metered_ops;
	m->inner = inner;
	m->s.limits = *limits;
	(void) pthread_mutex_init(&m->lock, NULL);
	*ret_b = &m->bucket;
	return 0;
}

void metered_set_limits(struct bucket *b, const struct limits *limits)
{
	struct metered *m = (struct metered *)b;
	LOCKED(&m->lock);

	m->s.limits = *limits;
	m->s.capped = false;
}

void metered_get(struct bucket *b, struct metered_state *ret_s)
{
	struct metered *m = (struct metered *)b;
	LOCKED(&m->lock);

	look(m);
	m->s.recall_ms = m->bytes_s ? m->s.recall_bytes * 1000 / m->bytes_s : 0;
	*ret_s = m->s;
}

bool metered_expect(struct bucket *b, uint64_t bytes, uint64_t *ret_ms)
{
	struct metered *m = (struct metered *)b;
	LOCKED(&m->lock);

	if (m->bytes_s)
		*ret_ms = bytes * 1000 / m->bytes_s;
	return m->bytes_s > 0;
}

/* ---- its record */

static int encode_usage(const struct metered_usage *u, struct buf *out)
{
	int r = 0;

	for (unsigned k = 0; k < BUCKET_CAUSES; k++) {
		for (unsigned op = 0; r >= 0 && op < BUCKET_OPS; op++)
			r = buf_add_varint(out, u->by[k].requests[op]);
		if (r >= 0)
			r = buf_add_varint(out, u->by[k].bytes_up);
		if (r >= 0)
			r = buf_add_varint(out, u->by[k].bytes_down);
	}
	return r;
}

static void decode_usage(struct reader *in, struct metered_usage *u)
{
	for (unsigned k = 0; k < BUCKET_CAUSES; k++) {
		for (unsigned op = 0; op < BUCKET_OPS; op++)
			u->by[k].requests[op] = reader_varint(in);
		u->by[k].bytes_up = reader_varint(in);
		u->by[k].bytes_down = reader_varint(in);
	}
}

int metered_encode(struct bucket *b, struct buf *ret_value)
{
	struct metered_state s;
	int r = buf_add_u8(ret_value, RECORD_VERSION);

	metered_get(b, &s);
	if (r >= 0)
		r = limits_encode(&s.used, ret_value);
	if (r >= 0)
		r = encode_usage(&s.today, ret_value);
	return r < 0 ? r : encode_usage(&s.all, ret_value);
}

int metered_decode(struct bucket *b, const void *value, size_t len)
{
	struct metered *m = (struct metered *)b;
	struct reader in = reader_over(value, len);
	struct metered_state s = { 0 };
	int r = reader_u8(&in) == RECORD_VERSION ? limits_decode(&in, &s.used) : -EBADMSG;

	if (r < 0)
		return r;
	decode_usage(&in, &s.today);
	decode_usage(&in, &s.all);
	if (in.bad || reader_left(&in))
		return -EBADMSG;
	LOCKED(&m->lock);
	m->s.used = s.used;
	m->s.today = s.today;
	m->s.all = s.all;
	return 0;
}
