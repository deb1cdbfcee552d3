/* SPDX-License-Identifier: MIT */
#include "tiers/s3/complain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/date.h"

static const char *at(const struct job *j)
{
	return j->s3->address.host;
}

static const char *bucket_of(const struct job *j)
{
	return j->s3->address.bucket;
}

void complain_failure(const struct job *j, struct bucket_error *ret_e)
{
	const struct http_transfer *t = &j->http;
	const char *host = at(j), *why = t->reason;

	switch (t->failure) {
	case HTTP_NO_HOST:
		(void) bucket_fail(
			ret_e, BUCKET_UNREACHABLE, 0,
			"no host of the name in %.120s is known: is [cold] endpoint right, and the network up?",
			host);
		break;
	case HTTP_REFUSED:
		(void) bucket_fail(ret_e, BUCKET_UNREACHABLE, 0,
				  "nothing answers at %.120s (%.120s): is [cold] endpoint right, and the server up?",
				  host, why);
		break;
	case HTTP_TIMEOUT:
		(void) bucket_fail(ret_e, BUCKET_TIMEOUT, 0, "%.120s did not answer in time (%.120s)", host,
				  why);
		break;
	case HTTP_UNTRUSTED:
		(void) bucket_fail(ret_e, BUCKET_CERTIFICATE, 0,
				  "the certificate of %.120s is not trusted (%.100s): [cold] ca_file names "
				  "the authority that signed it",
				  host, why);
		break;
	case HTTP_NO_CA:
		(void) bucket_fail(ret_e, BUCKET_CERTIFICATE, 0, "[cold] ca_file cannot be used: %.200s", why);
		break;
	case HTTP_NO_TLS:
		(void) bucket_fail(
			ret_e, BUCKET_CERTIFICATE, 0,
			"%.120s does not speak TLS as expected (%.100s): should [cold] endpoint begin with http://?",
			host, why);
		break;
	case HTTP_RESET:
		(void) bucket_fail(ret_e, BUCKET_UNREACHABLE, 0,
				  "%.120s ended the connection (%.120s): is [cold] endpoint right, and http:// or "
				  "https:// its beginning?",
				  host, why);
		break;
	case HTTP_SHORT:
		(void) bucket_fail(ret_e, BUCKET_BROKEN, 0, "%.120s sent fewer bytes than announced (%.120s)",
				  host, why);
		break;
	case HTTP_TOO_LONG:
		(void) bucket_fail(ret_e, BUCKET_NONSENSE, 0,
				  "%.120s sent more than was asked for: does it know ranges?", host);
		break;
	case HTTP_GARBAGE:
		(void) bucket_fail(ret_e, BUCKET_BROKEN, 0,
				  "%.120s does not speak HTTP (%.120s): is [cold] endpoint right?", host, why);
		break;
	case HTTP_BODY:
		(void) bucket_fail(ret_e, BUCKET_LOCAL, t->error,
				  "what was to be sent to %.120s cannot be read: %s", host,
				  strerrordesc_np(-t->error));
		break;
	case HTTP_NO_MEMORY:
		(void) bucket_fail(ret_e, BUCKET_LOCAL, -ENOMEM, "out of memory");
		break;
	default:
		(void) bucket_fail(ret_e, BUCKET_BROKEN, 0, "the request to %.120s failed: %.150s", host, why);
	}
}

/* What the server said, in brackets: "HTTP 403 AccessDenied: Access Denied". Of several sentences the first. */
static void quote(const struct job *j, const struct answer_error *e, char *ret_text, size_t size)
{
	const char *end = strchr(e->message, '.');
	size_t len = end ? (size_t)(end - e->message) : strlen(e->message);

	(void) snprintf(ret_text, size, "HTTP %d%s%s%s%.*s", j->http.status, *e->code ? " " : "", e->code,
		       len ? ": " : "", (int)MIN(len, (size_t)120), e->message);
}

static void complain_region(const struct job *j, const struct answer_error *e, const char *said,
			    struct bucket_error *ret_e)
{
	const char *region = *e->region ? e->region : j->http.fields.region;

	if (*region)
		(void) bucket_fail(ret_e, BUCKET_REGION, 0,
				  "wrong region: the bucket %.80s is in %.60s; set [cold] region = %.60s (and "
				  "an endpoint there)",
				  bucket_of(j), region, region);
	else
		(void) bucket_fail(ret_e, BUCKET_REGION, 0,
				  "the bucket %.80s is elsewhere (%s): are [cold] region and endpoint right?",
				  bucket_of(j), said);
}

static void complain_denied(const struct job *j, const char *said, struct bucket_error *ret_e)
{
	static const char *const rights[BUCKET_OPS] = {"write to (s3:PutObject)", "read from (s3:GetObject)",
						       "read from (s3:GetObject)", "list (s3:ListBucket)",
						       "delete from (s3:DeleteObject)"};

	(void) bucket_fail(
		ret_e, BUCKET_DENIED, 0,
		"the access key may not %s the bucket %.80s at %.100s (%s): its policy must allow that",
		rights[j->op], bucket_of(j), at(j), said);
}

static void complain_clock(const struct job *j, const char *said, struct bucket_error *ret_e)
{
	int64_t server_s, off_s;

	if (date_parse_http(j->http.fields.date, &server_s) < 0) {
		(void) bucket_fail(ret_e, BUCKET_CLOCK, 0,
				  "the clock of this machine is off, says %.120s (%s): set it", at(j), said);
		return;
	}
	off_s = (int64_t)(clock_real_ns() / 1000000000u) - server_s;
	(void) bucket_fail(ret_e, BUCKET_CLOCK, 0,
			  "the clock of this machine is %" PRId64 " seconds %s that of %.120s (%s): set it",
			  off_s < 0 ? -off_s : off_s, off_s < 0 ? "behind" : "ahead of", at(j), said);
}

static void complain_credentials(const struct job *j, const struct answer_error *e, const char *said,
				 struct bucket_error *ret_e)
{
	const char *what = "the access key or its secret is wrong";

	if (strcmp(e->code, "InvalidAccessKeyId") == 0)
		what = "the access key is not known";
	else if (strcmp(e->code, "SignatureDoesNotMatch") == 0)
		what = "the secret key is wrong";
	else if (strstr(e->code, "Token"))
		what = "the session token is wrong or has expired";
	(void) bucket_fail(ret_e, BUCKET_CREDENTIALS, 0,
			  "%s at %.100s (%s): see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
			  "AWS_SESSION_TOKEN, or the AWS profile",
			  what, at(j), said);
}

void complain_answer(const struct job *j, enum bucket_fault fault, const struct answer_error *e,
		     struct bucket_error *ret_e)
{
	char said[180];

	quote(j, e, said, sizeof(said));
	switch (fault) {
	case BUCKET_ABSENT:
		(void) bucket_fail(ret_e, fault, 0, "no such object in the bucket %.80s at %.100s",
				  bucket_of(j), at(j));
		break;
	case BUCKET_NONE:
		(void) bucket_fail(ret_e, fault, 0,
				  "there is no bucket %.80s at %.100s: create it, or mend [cold] url or endpoint",
				  bucket_of(j), at(j));
		break;
	case BUCKET_DENIED:
		complain_denied(j, said, ret_e);
		break;
	case BUCKET_CREDENTIALS:
		complain_credentials(j, e, said, ret_e);
		break;
	case BUCKET_REGION:
		complain_region(j, e, said, ret_e);
		break;
	case BUCKET_CLOCK:
		complain_clock(j, said, ret_e);
		break;
	case BUCKET_FULL:
		(void) bucket_fail(
			ret_e, fault, 0,
			"the bucket %.80s at %.100s takes no more (%s): make room there, or raise its quota",
			bucket_of(j), at(j), said);
		break;
	case BUCKET_BUSY:
		(void) bucket_fail(ret_e, fault, 0, "%.120s asks for fewer requests (%s)", at(j), said);
		break;
	default:
		(void) bucket_fail(ret_e, fault, 0, "%.120s answers with an error (%s)", at(j), said);
	}
}

void complain_nonsense(const struct job *j, const char *what, struct bucket_error *ret_e)
{
	(void) bucket_fail(ret_e, BUCKET_NONSENSE, 0, "%.120s sent %.120s (HTTP %d)", at(j), what,
			  j->http.status);
}

void complain_unknown(const struct job *j, const char *what, struct bucket_error *ret_e)
{
	(void) bucket_fail(
		ret_e, BUCKET_UNKNOWN, 0,
		"whether a conditional write to the bucket %.80s at %.100s happened is not known (%.100s)",
		bucket_of(j), at(j), what);
}
