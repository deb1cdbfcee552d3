/* SPDX-License-Identifier: MIT */
/* A PUT of more than 64 MiB: CreateMultipartUpload, UploadPart some at a time, CompleteMultipartUpload. The
 * caller's thread hashes a part while those before it are on their way. When anything fails,
 * AbortMultipartUpload: parts that are left behind cost money and are in no list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/s3_impl.h"

#define PARTS_MAX        10000u
#define ABORT_TIMEOUT_MS 30000u

struct upload {
	struct s3 *s3; /* borrowed, as what follows */
	const struct bucket_call *call;
	const char *key;
	const struct bucket_body *body;
	char *id; /* owned */
	uint64_t part_size;
	unsigned n_parts;
	char (*etags)[BUCKET_ETAG_SIZE]; /* owned; of the parts */

	pthread_mutex_t lock;
	pthread_cond_t came;
	unsigned under_way;         /* guarded by lock, as what follows */
	struct bucket_error failed; /* the first failure; BUCKET_FINE: none */
};

struct part {
	struct upload *upload; /* borrowed */
	unsigned number;       /* from 0 */
};

static struct job *make_job(const struct upload *u, const char *method, enum bucket_op op)
{
	struct job *j = job_new(u->s3, u->call, op, method, u->key);

	if (j && u->id && job_add_query(j, "uploadId", u->id) < 0)
		return job_free(j);
	return j;
}

static int begin_upload(struct upload *u)
{
	static const struct bucket_body nothing = { .fd = -1 };
	struct bucket_error *ret_error = u->call->ret_error;
	struct job *j = make_job(u, "POST", BUCKET_PUT);
	int r;

	if (!j || job_add_query(j, "uploads", "") < 0 || job_set_body(j, &nothing) < 0) {
		job_free(j);
		return s3_fail_local(ret_error, -ENOMEM);
	}
	j->whole = true;
	r = s3_run(u->s3, j, ret_error, NULL);
	if (r >= 0 && answer_parse_upload(j->http.text.data, j->http.text.len, &u->id) < 0)
		r = bucket_fail(ret_error, BUCKET_NONSENSE, 0,
				"%.120s sent something that is no InitiateMultipartUploadResult",
				u->s3->address.host);
	job_free(j);
	return r;
}

/* ---- parts ---- */

static void part_ended(void *context, const struct bucket_result *result)
{
	struct part *p = context;
	struct upload *u = p->upload;
	unsigned number = p->number;

	free(p);
	LOCKED(&u->lock);
	if (result->error >= 0)
		memcpy(u->etags[number], result->object.etag, BUCKET_ETAG_SIZE);
	else if (u->failed.fault == BUCKET_FINE)
		u->failed = *result->why;
	u->under_way--;
	(void) pthread_cond_signal(&u->came);
}

static struct bucket_body part_body(const struct upload *u, unsigned number)
{
	uint64_t at = number * u->part_size;
	struct bucket_body b = *u->body;

	b.data = b.data ? (const char *)b.data + at : NULL;
	b.offset += at;
	b.len = MIN(u->part_size, u->body->len - at);
	return b;
}

/* Hashes and hands over; -errno when that cannot be done. */
static int start_part(struct upload *u, unsigned number)
{
	struct job *j = make_job(u, "PUT", BUCKET_PUT);
	struct part *p = calloc(1, sizeof(*p));
	struct bucket_body body = part_body(u, number);
	char text[16];
	int r = j && p ? 0 : -ENOMEM;

	(void) snprintf(text, sizeof(text), "%u", number + 1);
	if (r >= 0)
		r = job_add_query(j, "partNumber", text);
	if (r >= 0)
		r = job_set_body(j, &body);
	if (r >= 0) {
		*p = (struct part){ .upload = u, .number = number };
		j->whole = true;
		j->done = part_ended;
		j->context = p;
		r = s3_submit(u->s3, j);
	}
	if (r < 0) {
		job_free(j);
		free(p);
	}
	return r;
}

/* Waits until fewer than `most` are under way. False: one has failed. */
static bool wait_for_parts(struct upload *u, unsigned most)
{
	LOCKED(&u->lock);

	while (u->under_way >= most)
		(void) pthread_cond_wait(&u->came, &u->lock);
	return u->failed.fault == BUCKET_FINE;
}

static void note_failed(struct upload *u, int error)
{
	LOCKED(&u->lock);

	u->under_way--;
	if (u->failed.fault == BUCKET_FINE)
		(void) s3_fail_local(&u->failed, error);
}

static int send_parts(struct upload *u)
{
	for (unsigned i = 0; i < u->n_parts && wait_for_parts(u, u->s3->config.parts_at_once); i++) {
		int r;

		(void) pthread_mutex_lock(&u->lock);
		u->under_way++;
		(void) pthread_mutex_unlock(&u->lock);
		r = start_part(u, i);
		if (r < 0)
			note_failed(u, r);
	}
	if (wait_for_parts(u, 1))
		return 0;
	if (u->call->ret_error)
		*u->call->ret_error = u->failed;
	return u->failed.error;
}

/* ---- the end ---- */

static int add_parts(const struct upload *u, struct buf *out)
{
	int r = buf_add_str(out,
			    "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");

	/* ETags are hexadecimal digits, mostly; what is opaque may not end the XML. */
	for (unsigned i = 0; i < u->n_parts && r >= 0; i++)
		r = strpbrk(u->etags[i], "<>&")
			    ? -EBADMSG
			    : buf_addf(out, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
				       i + 1, u->etags[i]);
	return r < 0 ? r : buf_add_str(out, "</CompleteMultipartUpload>");
}

static int complete(struct upload *u, struct bucket_object *ret_object)
{
	struct job *j = make_job(u, "POST", BUCKET_PUT);
	struct bucket_result result;
	int r = j ? add_parts(u, &j->made_body) : -ENOMEM;

	if (r >= 0)
		r = job_set_body(j, NULL);
	if (r < 0) {
		job_free(j);
		return s3_fail_local(u->call->ret_error, r);
	}
	j->answer = ANSWER_COMPLETED;
	j->whole = true;
	r = s3_run(u->s3, j, u->call->ret_error, &result);
	job_free(j);
	if (r >= 0 && ret_object) {
		*ret_object = result.object;
		ret_object->size = u->body->len;
	}
	return r;
}

/* As well as it can be done; who cleans up a bucket finds the rest. */
static void abort_upload(struct upload *u)
{
	struct bucket_call c = { .cause = u->call->cause, .timeout_ms = ABORT_TIMEOUT_MS };
	struct job *j;

	u->call = &c;
	j = make_job(u, "DELETE", BUCKET_REMOVE);
	if (j) {
		j->whole = true;
		(void) s3_run(u->s3, j, NULL, NULL);
	}
	job_free(j);
}

static int plan(struct upload *u)
{
	uint64_t size = u->s3->config.part_size;

	while ((u->body->len + size - 1) / size > PARTS_MAX)
		size *= 2;
	u->part_size = size;
	u->n_parts = (unsigned)((u->body->len + size - 1) / size);
	u->etags = calloc(u->n_parts, sizeof(*u->etags));
	return u->etags ? 0 : s3_fail_local(u->call->ret_error, -ENOMEM);
}

int s3_put_large(struct bucket *b, const struct bucket_call *c, const char *key,
		 const struct bucket_body *body, struct bucket_object *ret_object)
{
	struct bucket_call call = bucket_call_of(c);
	struct upload u = {.s3 = (struct s3 *)b,
			   .call = &call,
			   .key = key,
			   .body = body,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .came = PTHREAD_COND_INITIALIZER};
	int r = plan(&u);

	if (r >= 0)
		r = begin_upload(&u);
	if (r >= 0) {
		r = send_parts(&u);
		if (r >= 0)
			r = complete(&u, ret_object);
		if (r < 0)
			abort_upload(&u);
	}
	free(u.id);
	free(u.etags);
	return r;
}
