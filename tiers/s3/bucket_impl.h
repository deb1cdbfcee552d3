/* SPDX-License-Identifier: MIT */
/* For those who implement a bucket: embed struct bucket first, point `ops` to a constant table. */
#pragma once

#include <pthread.h>

#include "tiers/s3/bucket.h"

struct bucket_ops {
	/* As bucket_start(), whose checks were made. */
	int (*start)(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context);
	/* A PUT beyond BUCKET_SINGLE_MAX, blocking. */
	int (*put_large)(struct bucket *b, const struct bucket_call *c, const char *key,
			 const struct bucket_body *body, struct bucket_object *ret_object);
	int (*list)(struct bucket *b, const struct bucket_call *c, const char *prefix,
		    bucket_object_fn object, void *context);
	/* As bucket_sweep() and bucket_set_pace(); may be NULL. */
	int (*sweep)(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s,
		     unsigned *ret_n);
	void (*set_pace)(struct bucket *b, const struct bucket_pace *p);
	/* As bucket_versioned(); NULL where there are no versions. */
	int (*versioned)(struct bucket *b, const struct bucket_call *c, bool *ret_versioned);
	void (*stats)(struct bucket *b, struct bucket_stats *ret_stats);
	/* As bucket_cancel(); NULL where requests wait for nobody. */
	void (*cancel)(struct bucket *b);
	void (*free)(struct bucket *b); /* tolerates half-built ones */
};

struct bucket {
	const struct bucket_ops *ops;
};

/* A call with all fields set, for NULL too. */
struct bucket_call bucket_call_of(const struct bucket_call *c);
/* Fills `*ret_e` (may be NULL) and returns its error: that of `fault`, or `error` when BUCKET_LOCAL. */
int bucket_fail(struct bucket_error *ret_e, enum bucket_fault fault, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Waits for one request: bucket_waiter_came() is its bucket_done_fn, with the waiter. */
struct bucket_waiter {
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool done; /* guarded by lock, as what follows */
	struct bucket_result result;
	struct bucket_error *ret_error; /* borrowed; may be NULL */
};

void bucket_waiter_init(struct bucket_waiter *ret_w, struct bucket_error *ret_error);
void bucket_waiter_came(void *context, const struct bucket_result *result);
/* Returns the request's error and ends the waiter; the result's `why` is in *ret_error. */
int bucket_waiter_wait(struct bucket_waiter *w, struct bucket_result *ret_result);
