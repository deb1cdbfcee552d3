/* SPDX-License-Identifier: MIT */
/* Shared by the files of the client: a request is a *job*, which moves through these lists, all of the
 * thread's but the first:
 *
 *   inbox    handed in by any thread
 *   ready    wants to be sent; one list for recalls, one for other small requests, one for what has a body
 *   running  a transfer is under way
 *   resting  waits for its next attempt
 *
 * and then is done: its caller is told, and it is freed unless it is `kept`. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/sha256.h"
#include "tiers/s3/breaker.h"
#include "tiers/s3/bucket_impl.h"
#include "tiers/s3/http.h"
#include "tiers/s3/pace.h"
#include "tiers/s3/s3.h"

#define JOB_PAIRS_MAX 8

/* What a 200 must hold beside its status, since S3 answers some requests before it has done the work. */
enum job_answer { ANSWER_PLAIN, ANSWER_REMOVED, ANSWER_COMPLETED };

struct job {
	struct s3 *s3; /* borrowed */
	struct job *next, *previous;

	/* The request. */
	const char *method;
	enum bucket_op op; /* what it counts as */
	enum bucket_cause cause;
	enum job_answer answer;
	bool conditional;
	bool whole;                               /* not about an object: a missing key is no answer */
	char *key;                                /* owned; NULL: the bucket */
	struct sigv4_pair query[JOB_PAIRS_MAX];   /* values owned */
	struct sigv4_pair headers[JOB_PAIRS_MAX]; /* values owned; signed */
	size_t n_query, n_headers;
	bool has_body;
	struct bucket_body body;
	struct buf made_body; /* owned; what `body` points to when we made it */
	char payload_hash[SHA256_HEX_SIZE];
	uint64_t from; /* GET: the range */
	void *sink;
	size_t sink_size;

	/* Who waits. */
	bucket_done_fn done;
	void *context;
	bool kept; /* the caller frees it after `done` */

	/* How it goes. */
	uint64_t deadline_ms, due_ms, sent_ms;
	unsigned attempts;
	bool explaining; /* a HEAD, asked again as GET since answers to HEAD give no reason */
	bool corrected;  /* repeated with the clock corrected */
	bool refreshed;  /* repeated with credentials loaded again */
	bool probe;
	struct bucket_error why; /* the last attempt's failure */
	struct http_transfer http;
};

struct job_list {
	struct job *first, *last;
	unsigned n;
};

enum { READY_RECALL, READY_SMALL, READY_BODY, READY_LISTS };

struct s3 {
	struct bucket bucket;
	struct s3_config config; /* defaults filled in; of its strings only ca_file, proxy and profile, owned */
	char *region;            /* owned */
	struct address address;
	struct http *http; /* owned */

	pthread_mutex_t inbox_lock;
	struct job_list inbox; /* guarded by inbox_lock */
	bool closing;          /* guarded by inbox_lock */
	atomic_bool cancelled;
	atomic_ullong up_bytes_s, down_bytes_s, requests_s; /* as they were set last */

	/* The thread's alone. */
	struct job_list ready[READY_LISTS], running, resting;
	uint64_t look_ms; /* when the first in `ready` or `resting` is due or too late */
	struct s3_credentials credentials;
	uint64_t loaded_ms; /* the credentials */
	int64_t skew_s;
	struct rate up, down, requests;
	struct window window;
	struct budget budget;
	struct breaker breaker;

	pthread_mutex_t stats_lock;
	struct bucket_stats stats; /* guarded by stats_lock, as the next */
	uint64_t reopen_at_ms;     /* stats.breaker is OPEN until then */
};

/* job.c */

/* A job without body or range, whose deadline begins now. NULL: no memory. */
struct job *job_new(struct s3 *s, const struct bucket_call *c, enum bucket_op op, const char *method,
		    const char *key);
struct job *job_free(struct job *j);
/* `name` is a literal; the value is copied. -ENOMEM. */
int job_add_query(struct job *j, const char *name, const char *value);
int job_add_header(struct job *j, const char *name, const char *value);
/* Hashes the body; that of `made_body` with NULL. -EIO and the like: its file cannot be read. */
int job_set_body(struct job *j, const struct bucket_body *body);
void job_set_range(struct job *j, uint64_t from, void *data, size_t len);
/* Bytes that the request moves, as far as is known before. */
uint64_t job_bytes(const struct job *j);

void job_list_add(struct job_list *l, struct job *j);
void job_list_remove(struct job_list *l, struct job *j);
struct job *job_list_take(struct job_list *l);

/* ops.c */

/* As bucket_start(). */
int s3_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context);
/* Hands a job over. -ECANCELED: the client is being closed, and the job is still the caller's. */
int s3_submit(struct s3 *s, struct job *j);
/* Hands it over and waits; then it is the caller's again, with the answer in j->http. */
int s3_run(struct s3 *s, struct job *j, struct bucket_error *ret_error, struct bucket_result *ret_result);
/* An error of this machine, -ENOMEM mostly. Returns it. */
int s3_fail_local(struct bucket_error *ret_error, int error);

/* loop.c: the thread's part; for http_start(), whose `context` is the client. */
uint64_t s3_tick(void *context, bool stopping);
/* Puts a job into a list of `ready`. */
void job_make_ready(struct s3 *s, struct job *j);
/* Something is due, or too late, at that time. */
void job_look_at(struct s3 *s, uint64_t at_ms);

/* outcome.c: of the thread, too */

/* The `done` of transfers. */
void job_ended(struct http_transfer *t);
/* Tells the caller, with an error of its own; because the breaker is open; because its time is over. The job is in no
 * list, and gone then. */
void job_fail(struct s3 *s, struct job *j, const struct bucket_error *why);
void job_fail_unasked(struct s3 *s, struct job *j, uint64_t now_ms);
void job_fail_late(struct s3 *s, struct job *j);
/* Copies to `stats` what others want to know. */
void s3_publish(struct s3 *s);

/* request.c */

/* Signs the job and begins its transfer. -ENOMEM. */
int request_begin(struct s3 *s, struct job *j);
/* What its size adds to time-outs. */
uint64_t request_slack_ms(const struct s3 *s, const struct job *j);

/* list.c, uploads.c, multipart.c */
int s3_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n);
int s3_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
	    void *context);
int s3_put_large(struct bucket *b, const struct bucket_call *c, const char *key,
		 const struct bucket_body *body, struct bucket_object *ret_object);
