/* SPDX-License-Identifier: MIT */
#include "tiers/s3/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/complain.h"
#include "tiers/s3/date.h"

#define RETRY_AFTER_MOST_S 60

/* ---- error codes ---- */

struct known_code {
	const char *code;
	enum bucket_fault fault;
	enum verdict_action action;
};

static const struct known_code known_codes[] = {
	{ "NoSuchKey", BUCKET_ABSENT, VERDICT_FAIL },
	{ "NoSuchBucket", BUCKET_NONE, VERDICT_FAIL },
	{ "InvalidBucketName", BUCKET_NONE, VERDICT_FAIL },
	{ "AccessDenied", BUCKET_DENIED, VERDICT_FAIL },
	{ "AllAccessDisabled", BUCKET_DENIED, VERDICT_FAIL },
	{ "AccountProblem", BUCKET_DENIED, VERDICT_FAIL },
	{ "MethodNotAllowed", BUCKET_DENIED, VERDICT_FAIL },
	{ "InvalidAccessKeyId", BUCKET_CREDENTIALS, VERDICT_REFRESH },
	{ "SignatureDoesNotMatch", BUCKET_CREDENTIALS, VERDICT_REFRESH },
	{ "ExpiredToken", BUCKET_CREDENTIALS, VERDICT_REFRESH },
	{ "InvalidToken", BUCKET_CREDENTIALS, VERDICT_REFRESH },
	{ "TokenRefreshRequired", BUCKET_CREDENTIALS, VERDICT_REFRESH },
	{ "RequestTimeTooSkewed", BUCKET_CLOCK, VERDICT_CLOCK },
	{ "RequestExpired", BUCKET_CLOCK, VERDICT_CLOCK },
	{ "AuthorizationHeaderMalformed", BUCKET_REGION, VERDICT_FAIL },
	{ "PermanentRedirect", BUCKET_REGION, VERDICT_FAIL },
	{ "TemporaryRedirect", BUCKET_REGION, VERDICT_AGAIN },
	{ "IllegalLocationConstraintException", BUCKET_REGION, VERDICT_FAIL },
	{ "QuotaExceeded", BUCKET_FULL, VERDICT_FAIL },
	{ "QuotaExceededException", BUCKET_FULL, VERDICT_FAIL },
	{ "XMinioStorageFull", BUCKET_FULL, VERDICT_FAIL },
	{ "InsufficientCapacity", BUCKET_FULL, VERDICT_FAIL },
	{ "EntityTooLarge", BUCKET_FULL, VERDICT_FAIL },
	{ "SlowDown", BUCKET_BUSY, VERDICT_AGAIN },
	{ "ServiceUnavailable", BUCKET_BUSY, VERDICT_AGAIN },
	{ "TooManyRequests", BUCKET_BUSY, VERDICT_AGAIN },
	{ "RequestLimitExceeded", BUCKET_BUSY, VERDICT_AGAIN },
	{ "InternalError", BUCKET_BROKEN, VERDICT_AGAIN },
	{ "RequestTimeout", BUCKET_TIMEOUT, VERDICT_AGAIN },
	{ "IncompleteBody", BUCKET_BROKEN, VERDICT_AGAIN },
	{ "BadDigest", BUCKET_BROKEN, VERDICT_AGAIN },
	{ "XAmzContentSHA256Mismatch", BUCKET_BROKEN, VERDICT_AGAIN },
	{ "OperationAborted", BUCKET_BROKEN, VERDICT_AGAIN },
};

/* Statuses that come without a code that we know. A 404 without one is no proof of absence. */
static struct known_code by_status(int status)
{
	if (status >= 300 && status < 400)
		return (struct known_code){ "", BUCKET_REGION, VERDICT_FAIL };
	switch (status) {
	case 401:
	case 403:
		return (struct known_code){ "", BUCKET_DENIED, VERDICT_FAIL };
	case 408:
		return (struct known_code){ "", BUCKET_TIMEOUT, VERDICT_AGAIN };
	case 429:
	case 503:
		return (struct known_code){ "", BUCKET_BUSY, VERDICT_AGAIN };
	case 507:
		return (struct known_code){ "", BUCKET_FULL, VERDICT_FAIL };
	default:
		return (struct known_code){ "", BUCKET_BROKEN, status >= 500 ? VERDICT_AGAIN : VERDICT_FAIL };
	}
}

static struct known_code look_up(const char *code, int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_codes); i++)
		if (strcmp(known_codes[i].code, code) == 0)
			return known_codes[i];
	return by_status(status);
}

/* A wrong key is answered as a wrong region by some, when no region is named. */
static void settle_region(struct known_code *k, const struct answer_error *e, const struct http_transfer *t)
{
	if (strcmp(k->code, "AuthorizationHeaderMalformed") == 0 && !*e->region && !*t->fields.region)
		*k = (struct known_code){ k->code, BUCKET_CREDENTIALS, VERDICT_FAIL };
}

/* ---- verdicts ---- */

static void fail(struct verdict *v, enum verdict_action action)
{
	v->action = action;
	v->result.error = v->why.error;
}

static void unknown(const struct job *j, struct verdict *v, const char *what)
{
	complain_unknown(j, what, &v->why);
	fail(v, VERDICT_FAIL);
}

static void judge_failure(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;

	complain_failure(j, &v->why);
	switch (t->failure) {
	case HTTP_UNTRUSTED:
	case HTTP_NO_CA:
	case HTTP_NO_TLS:
	case HTTP_TOO_LONG:
		fail(v, VERDICT_FAIL);
		return;
	case HTTP_BODY:
		fail(v, VERDICT_FAIL);
		if (j->conditional && !t->untouched)
			unknown(j, v, "the body could not be read to its end");
		return;
	case HTTP_NO_MEMORY:
	case HTTP_SHORT:
	case HTTP_OTHER:
		v->alive = 0;
		break;
	default:
		v->alive = -1;
	}
	v->throttled = t->failure == HTTP_TIMEOUT;
	fail(v, VERDICT_AGAIN);
	if (j->conditional && !t->untouched)
		unknown(j, v, t->reason);
}

static uint32_t retry_after_ms(const struct http_transfer *t)
{
	unsigned seconds = 0;

	for (const char *c = t->fields.retry_after; *c >= '0' && *c <= '9' && seconds < 1000; c++)
		seconds = seconds * 10 + (unsigned)(*c - '0');
	return MIN(seconds, (unsigned)RETRY_AFTER_MOST_S) * 1000;
}

/* `e` is all zero when the answer held no XML. */
static void judge_error(const struct job *j, const struct answer_error *e, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	struct known_code k = look_up(e->code, t->status);

	settle_region(&k, e, t);
	if (k.fault == BUCKET_ABSENT && j->whole)
		k = (struct known_code){ k.code, BUCKET_BROKEN, VERDICT_FAIL };
	v->throttled = k.fault == BUCKET_BUSY || t->status == 503;
	v->alive = t->status >= 500 && !v->throttled ? -1 : 1;
	v->pause_ms = retry_after_ms(t);
	complain_answer(j, k.fault, e, &v->why);
	fail(v, k.action);
	if (j->conditional &&
	    (t->status == 404 || t->status == 409 || t->status == 412 || t->status >= 500) &&
	    k.fault != BUCKET_NONE)
		unknown(j, v, *e->code ? e->code : "refused");
}

static void judge_refusal(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	struct answer_error e = { 0 };

	if (answer_parse_error(t->text.data, t->text.len, &e) < 0)
		e = (struct answer_error){ 0 };
	judge_error(j, &e, v);
	if (strcmp(j->method, "HEAD") == 0 && !j->explaining && t->status < 500)
		v->action = VERDICT_EXPLAIN;
}

static void nonsense(const struct job *j, struct verdict *v, const char *what)
{
	complain_nonsense(j, what, &v->why);
	v->alive = 1;
	fail(v, VERDICT_AGAIN);
}

/* ---- successes that have to be looked at ---- */

struct content_range {
	uint64_t first, last, total; /* total: UINT64_MAX when the server does not know */
};

static bool take_u64(const char **at, uint64_t *ret_v)
{
	uint64_t v = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(**at - '0'), &v))
			return false;
	*ret_v = v;
	return *at > start;
}

/* "bytes 0-9/20", RFC 9110 section 14.4. */
static bool parse_range(const char *text, struct content_range *ret_r)
{
	const char *at = text;

	if (strncmp(at, "bytes ", 6) != 0)
		return false;
	at += 6;
	if (!take_u64(&at, &ret_r->first) || *at++ != '-' || !take_u64(&at, &ret_r->last) || *at++ != '/')
		return false;
	ret_r->total = UINT64_MAX;
	return (strcmp(at, "*") == 0 || take_u64(&at, &ret_r->total)) && ret_r->last >= ret_r->first;
}

static void judge_range(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	struct content_range r;

	if (!parse_range(t->fields.content_range, &r) || r.first != j->from || r.last - r.first + 1 != t->got)
		nonsense(j, v, "a range that was not asked for");
	else if (t->got < j->sink_size && r.last + 1 != r.total)
		nonsense(j, v, "fewer bytes than asked for");
	v->result.len = t->got;
}

/* The whole object, when that is what was asked for. */
static void judge_get(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;

	if (t->status == 206)
		judge_range(j, v);
	else if (j->from > 0 || t->length == HTTP_NO_LENGTH)
		nonsense(j, v, "the whole object instead of a range");
	v->result.len = t->got;
}

static void judge_removed(const struct job *j, struct verdict *v)
{
	struct answer_error first = { 0 };
	size_t failed = 0;

	if (answer_parse_removed(j->http.text.data, j->http.text.len, &first, &failed) < 0)
		nonsense(j, v, "something that is no DeleteResult");
	else if (failed > 0)
		judge_error(j, &first, v);
}

/* 200 is sent before the parts are put together; what became of it is told in the body. */
static void judge_completed(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	struct answer_error e = { 0 };

	if (answer_parse_error(t->text.data, t->text.len, &e) == 0)
		judge_error(j, &e, v);
	else if (answer_parse_completed(t->text.data, t->text.len, v->result.object.etag) < 0)
		nonsense(j, v, "something that is no CompleteMultipartUploadResult");
}

static void note_object(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	struct bucket_object *o = &v->result.object;

	answer_copy_etag(t->fields.etag, o->etag);
	o->size = j->has_body ? j->body.len : t->length;
	if (j->has_body || date_parse_http(t->fields.last_modified, &o->modified_s) < 0)
		o->modified_s = 0;
	if (o->size == HTTP_NO_LENGTH)
		nonsense(j, v, "no Content-Length");
}

static void judge_success(const struct job *j, struct verdict *v)
{
	const struct http_transfer *t = &j->http;
	bool is_head = strcmp(j->method, "HEAD") == 0;

	v->alive = 1;
	if (j->explaining) { /* it came meanwhile, or the server answers HEAD wrongly */
		nonsense(j, v, "to GET what it refused to HEAD");
		return;
	}
	if (!is_head && t->length != HTTP_NO_LENGTH && t->got != t->length)
		nonsense(j, v, "fewer bytes than announced");
	else if (j->answer == ANSWER_REMOVED)
		judge_removed(j, v);
	else if (j->answer == ANSWER_COMPLETED)
		judge_completed(j, v);
	else if (j->sink)
		judge_get(j, v);
	else if (is_head || (j->op == BUCKET_PUT && j->key))
		note_object(j, v);
}

void judge(const struct job *j, struct verdict *ret_v)
{
	const struct http_transfer *t = &j->http;

	*ret_v = (struct verdict){ .action = VERDICT_DONE };
	if (t->failure != HTTP_FINE) {
		judge_failure(j, ret_v);
	} else if (t->status >= 200 && t->status < 300) {
		judge_success(j, ret_v);
	} else if (t->status == 416 && j->sink && !j->explaining) {
		ret_v->alive = 1; /* it begins at the object's end, or behind it */
	} else {
		judge_refusal(j, ret_v);
	}
}
