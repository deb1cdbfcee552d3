/* SPDX-License-Identifier: MIT */
/* The blocking calls are requests that are waited for; what the kinds of buckets differ in is in their ops. */
#include "tiers/s3/bucket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/bucket_impl.h"

int bucket_fault_errno(enum bucket_fault fault)
{
	static const int errors[BUCKET_FAULTS] = {
		[BUCKET_ABSENT] = -ENOENT,
		[BUCKET_UNKNOWN] = BUCKET_EUNKNOWN,
		[BUCKET_UNREACHABLE] = -EHOSTUNREACH,
		[BUCKET_TIMEOUT] = -ETIMEDOUT,
		[BUCKET_BUSY] = -EBUSY,
		[BUCKET_CREDENTIALS] = -EKEYREJECTED,
		[BUCKET_DENIED] = -EACCES,
		[BUCKET_REGION] = -EREMOTE,
		[BUCKET_NONE] = -ENXIO,
		[BUCKET_CLOCK] = -ETIME,
		[BUCKET_CERTIFICATE] = -EPROTO,
		[BUCKET_FULL] = -ENOSPC,
		[BUCKET_BROKEN] = -EREMOTEIO,
		[BUCKET_NONSENSE] = -EBADMSG,
		[BUCKET_LOCAL] = -EIO,
		[BUCKET_STOPPED] = -ECANCELED,
		[BUCKET_LIMITED] = -EDQUOT,
	};

	return fault < BUCKET_FAULTS ? errors[fault] : -EIO;
}

const char *bucket_cause_name(enum bucket_cause cause)
{
	static const char *const names[BUCKET_CAUSES] = { "other", "recall", "demotion", "scrub", "backup" };

	return cause < BUCKET_CAUSES ? names[cause] : "other";
}

const char *bucket_op_name(enum bucket_op op)
{
	static const char *const names[BUCKET_OPS] = { "put", "get", "head", "list", "remove" };

	return op < BUCKET_OPS ? names[op] : "other";
}

struct bucket_call bucket_call_of(const struct bucket_call *c)
{
	return c ? *c : (struct bucket_call){ 0 };
}

int bucket_fail(struct bucket_error *ret_e, enum bucket_fault fault, int error, const char *format, ...)
{
	va_list args;

	if (fault != BUCKET_LOCAL)
		error = bucket_fault_errno(fault);
	if (!ret_e)
		return error;
	ret_e->error = error;
	ret_e->fault = fault;
	va_start(args, format);
	(void) vsnprintf(ret_e->text, sizeof(ret_e->text), format, args);
	va_end(args);
	return error;
}

static bool key_fits(const char *key)
{
	return key && *key && strlen(key) <= BUCKET_KEY_MAX;
}

static int check_keys(const struct bucket_request *q)
{
	if (q->n_keys > BUCKET_REMOVE_MAX)
		return -EINVAL;
	for (size_t i = 0; i < q->n_keys; i++)
		if (!key_fits(q->keys[i]))
			return -EINVAL;
	return 0;
}

static int check_request(const struct bucket_request *q)
{
	if (q->cause >= BUCKET_CAUSES || q->op >= BUCKET_OPS || q->op == BUCKET_LIST)
		return -EINVAL;
	if (q->op == BUCKET_REMOVE)
		return check_keys(q);
	if (!key_fits(q->key))
		return -EINVAL;
	if (q->op == BUCKET_PUT && q->body.len > BUCKET_SINGLE_MAX)
		return -EFBIG;
	if (q->op == BUCKET_GET && (q->len > 0 && (!q->data || q->from > (uint64_t)INT64_MAX - q->len)))
		return -EINVAL;
	return 0;
}

static void nothing_to_do(bucket_done_fn done, void *context)
{
	const struct bucket_result nothing = { 0 };

	done(context, &nothing);
}

int bucket_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	int r = check_request(q);

	if (r < 0)
		return r;
	if ((q->op == BUCKET_GET && q->len == 0) || (q->op == BUCKET_REMOVE && q->n_keys == 0)) {
		nothing_to_do(done, context);
		return 0;
	}
	return b->ops->start(b, q, done, context);
}

void bucket_waiter_init(struct bucket_waiter *ret_w, struct bucket_error *ret_error)
{
	*ret_w = (struct bucket_waiter){ .ret_error = ret_error };
	(void) pthread_mutex_init(&ret_w->lock, NULL);
	(void) pthread_cond_init(&ret_w->came, NULL);
}

void bucket_waiter_came(void *context, const struct bucket_result *result)
{
	struct bucket_waiter *w = context;
	LOCKED(&w->lock);

	w->result = *result;
	w->result.why = NULL;
	if (result->why && w->ret_error)
		*w->ret_error = *result->why;
	w->done = true;
	(void) pthread_cond_signal(&w->came);
}

int bucket_waiter_wait(struct bucket_waiter *w, struct bucket_result *ret_result)
{
	(void) pthread_mutex_lock(&w->lock);
	while (!w->done)
		(void) pthread_cond_wait(&w->came, &w->lock);
	(void) pthread_mutex_unlock(&w->lock);
	(void) pthread_cond_destroy(&w->came);
	(void) pthread_mutex_destroy(&w->lock);
	*ret_result = w->result;
	return w->result.error;
}

/* Starts a request and waits. Its errors are in *ret_error too, those of bucket_start() among them. */
static int run(struct bucket *b, const struct bucket_request *q, struct bucket_error *ret_error,
	       struct bucket_result *ret_result)
{
	struct bucket_waiter w;
	int r;

	bucket_waiter_init(&w, ret_error);
	r = bucket_start(b, q, bucket_waiter_came, &w);
	if (r < 0)
		return bucket_fail(ret_error, BUCKET_LOCAL, r, "the request cannot be made: %s",
				   strerrordesc_np(-r));
	return bucket_waiter_wait(&w, ret_result);
}

static int put(struct bucket *b, const struct bucket_call *c, struct bucket_request *q,
	       struct bucket_object *ret_object)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_result result;
	int r;

	q->op = BUCKET_PUT;
	q->cause = call.cause;
	q->timeout_ms = call.timeout_ms;
	r = run(b, q, call.ret_error, &result);
	if (r >= 0 && ret_object)
		*ret_object = result.object;
	return r;
}

int bucket_put(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
	       struct bucket_object *ret_object)
{
	struct bucket_request q = { .key = key, .body = *body };

	if (body->len > BUCKET_SINGLE_MAX && key_fits(key))
		return b->ops->put_large(b, c, key, body, ret_object);
	return put(b, c, &q, ret_object);
}

int bucket_put_if(struct bucket *b, const struct bucket_call *c, const char *key,
		  const struct bucket_body *body, const char *etag, struct bucket_object *ret_object)
{
	struct bucket_request q = { .key = key, .body = *body, .conditional = true, .etag = etag };

	return put(b, c, &q, ret_object);
}

int64_t bucket_get(struct bucket *b, const struct bucket_call *c, const char *key, uint64_t from,
		   void *ret_data, size_t len)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_request q = {.op = BUCKET_GET,
				   .cause = call.cause,
				   .timeout_ms = call.timeout_ms,
				   .key = key,
				   .from = from,
				   .data = ret_data,
				   .len = len};
	struct bucket_result result;
	int r = run(b, &q, call.ret_error, &result);

	return r < 0 ? r : (int64_t)result.len;
}

int bucket_head(struct bucket *b, const struct bucket_call *c, const char *key,
		struct bucket_object *ret_object)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_request q = {
		.op = BUCKET_HEAD, .cause = call.cause, .timeout_ms = call.timeout_ms, .key = key};
	struct bucket_result result;
	int r = run(b, &q, call.ret_error, &result);

	if (r >= 0)
		*ret_object = result.object;
	return r;
}

int bucket_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
		void *context)
{
	struct bucket_call call = bucket_call_of(c);

	if (strlen(prefix) > BUCKET_KEY_MAX)
		return bucket_fail(call.ret_error, BUCKET_LOCAL, -EINVAL, "the prefix is too long");
	return b->ops->list(b, &call, prefix, object, context);
}

int bucket_remove(struct bucket *b, const struct bucket_call *c, const char *const *keys, size_t n)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_result result;
	int r = 0;

	for (size_t at = 0; at < n && r >= 0; at += BUCKET_REMOVE_MAX) {
		struct bucket_request q = {.op = BUCKET_REMOVE,
					   .cause = call.cause,
					   .timeout_ms = call.timeout_ms,
					   .keys = keys + at,
					   .n_keys = MIN(n - at, (size_t)BUCKET_REMOVE_MAX)};

		r = run(b, &q, call.ret_error, &result);
	}
	return r;
}

int bucket_versioned(struct bucket *b, const struct bucket_call *c, bool *ret_versioned)
{
	struct bucket_call call = bucket_call_of(c);

	if (b->ops->versioned)
		return b->ops->versioned(b, &call, ret_versioned);
	*ret_versioned = false;
	return 0;
}

void bucket_get_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	b->ops->stats(b, ret_stats);
}

void bucket_set_pace(struct bucket *b, const struct bucket_pace *p)
{
	if (b->ops->set_pace)
		b->ops->set_pace(b, p);
}

int bucket_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s,
		 unsigned *ret_n)
{
	struct bucket_call call = bucket_call_of(c);

	*ret_n = 0;
	return b->ops->sweep ? b->ops->sweep(b, &call, prefix, older_than_s, ret_n) : 0;
}

void bucket_cancel(struct bucket *b)
{
	if (b->ops->cancel)
		b->ops->cancel(b);
}

struct bucket *bucket_free(struct bucket *b)
{
	if (b)
		b->ops->free(b);
	return NULL;
}
