/* SPDX-License-Identifier: MIT */
/* From requests to jobs, and handing those to the thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/s3_impl.h"

/* ---- handing jobs over ---- */

int s3_fail_local(struct bucket_error *ret_error, int error)
{
	return bucket_fail(ret_error, BUCKET_LOCAL, error, "%s", strerrordesc_np(-error));
}

int s3_submit(struct s3 *s, struct job *j)
{
	bool closing;

	j->deadline_ms += request_slack_ms(s, j);
	(void) pthread_mutex_lock(&s->inbox_lock);
	closing = s->closing;
	if (!closing)
		job_list_add(&s->inbox, j);
	(void) pthread_mutex_unlock(&s->inbox_lock);
	if (closing)
		return -ECANCELED;
	http_wake(s->http);
	return 0;
}

int s3_run(struct s3 *s, struct job *j, struct bucket_error *ret_error, struct bucket_result *ret_result)
{
	struct bucket_result result;
	struct bucket_waiter w;
	int r;

	bucket_waiter_init(&w, ret_error);
	j->done = bucket_waiter_came;
	j->context = &w;
	j->kept = true;
	r = s3_submit(s, j);
	if (r < 0)
		return s3_fail_local(ret_error, r);
	r = bucket_waiter_wait(&w, &result);
	if (ret_result)
		*ret_result = result;
	return r;
}

/* ---- requests ---- */

static int prepare_put(struct job *j, const struct bucket_request *q)
{
	int r = 0;

	j->conditional = q->conditional;
	if (q->conditional)
		r = q->etag ? job_add_header(j, "if-match", q->etag)
			    : job_add_header(j, "if-none-match", "*");
	return r < 0 ? r : job_set_body(j, &q->body);
}

/* Control characters, which XML has no way to say, are refused: nobody here makes such keys. */
static int add_xml_text(struct buf *out, const char *text)
{
	static const struct {
		char c;
		const char *entity;
	} marks[] = {{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '\r', "&#13;" }};
	int r = 0;

	for (; *text && r >= 0; text++) {
		const char *entity = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
			if (marks[i].c == *text)
				entity = marks[i].entity;
		if (!entity && (unsigned char)*text < ' ')
			return -EINVAL;
		r = entity ? buf_add_str(out, entity) : buf_add_u8(out, (uint8_t)*text);
	}
	return r;
}

static int add_removed_key(const struct s3 *s, struct buf *out, const char *key)
{
	int r = buf_add_str(out, "<Object><Key>");

	if (r >= 0)
		r = add_xml_text(out, s->address.prefix);
	if (r >= 0)
		r = add_xml_text(out, key);
	return r < 0 ? r : buf_add_str(out, "</Key></Object>");
}

/* AWS wants a checksum of its own beside the signed hash, and takes this one. */
static int add_checksum(struct job *j)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t hash[SHA256_SIZE + 1] = { 0 };
	char text[45];
	size_t n = 0;

	sha256_of(j->made_body.data, j->made_body.len, hash);
	for (size_t i = 0; i < SHA256_SIZE; i += 3) {
		uint32_t bits = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 |
				(i + 2 < SHA256_SIZE ? hash[i + 2] : 0u);

		for (int shift = 18; shift >= 0; shift -= 6)
			text[n++] = digits[bits >> shift & 63];
	}
	text[n - 1] = '='; /* 32 bytes are two more than thirty */
	text[n] = '\0';
	return job_add_header(j, "x-amz-checksum-sha256", text);
}

static int prepare_remove(struct job *j, const struct bucket_request *q)
{
	struct buf *body = &j->made_body;
	int r = buf_add_str(body,
			    "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");

	j->answer = ANSWER_REMOVED;
	j->whole = true;
	for (size_t i = 0; i < q->n_keys && r >= 0; i++)
		r = add_removed_key(j->s3, body, q->keys[i]);
	if (r >= 0)
		r = buf_add_str(body, "</Delete>");
	if (r >= 0)
		r = job_add_query(j, "delete", "");
	if (r >= 0)
		r = add_checksum(j);
	return r < 0 ? r : job_set_body(j, NULL);
}

static int prepare(struct job *j, const struct bucket_request *q)
{
	switch (q->op) {
	case BUCKET_PUT:
		return prepare_put(j, q);
	case BUCKET_REMOVE:
		return prepare_remove(j, q);
	case BUCKET_GET:
		job_set_range(j, q->from, q->data, q->len);
		return 0;
	default:
		return 0;
	}
}

int s3_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	static const char *const methods[BUCKET_OPS] = { "PUT", "GET", "HEAD", "GET", "POST" };
	struct s3 *s = (struct s3 *)b;
	struct bucket_call c = { .cause = q->cause, .timeout_ms = q->timeout_ms };
	struct job *j = job_new(s, &c, q->op, methods[q->op], q->op == BUCKET_REMOVE ? NULL : q->key);
	int r = j ? prepare(j, q) : -ENOMEM;

	if (r >= 0) {
		j->done = done;
		j->context = context;
		r = s3_submit(s, j);
	}
	if (r < 0)
		job_free(j);
	return r;
}

int s3_versioned(struct bucket *b, const struct bucket_call *c, bool *ret_versioned)
{
	struct bucket_call call = bucket_call_of(c);
	struct s3 *s = (struct s3 *)b;
	struct job *j;
	int r;

	if (b->ops->start != s3_start)
		return -EOPNOTSUPP;
	j = job_new(s, &call, BUCKET_GET, "GET", NULL);
	if (!j || job_add_query(j, "versioning", "") < 0) {
		job_free(j);
		return s3_fail_local(call.ret_error, -ENOMEM);
	}
	j->whole = true;
	r = s3_run(s, j, call.ret_error, NULL);
	if (r >= 0 && answer_parse_versioning(j->http.text.data, j->http.text.len, ret_versioned) < 0)
		r = bucket_fail(call.ret_error, BUCKET_NONSENSE, 0,
				"%.120s sent something that is no VersioningConfiguration", s->address.host);
	job_free(j);
	return r;
}
