/* SPDX-License-Identifier: MIT */
/* From a job to what goes over the wire: URL, headers, signature, time-outs. Made anew for each attempt,
 * since time and credentials may have changed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/s3_impl.h"

/* Host, range, and those that the signer has beside the job's own. */
#define PAIRS_MAX    (JOB_PAIRS_MAX + 2)
#define LINES_MAX    (PAIRS_MAX + 5)
#define SLOW_BYTES_S (64u << 10)
#define RANGE_SIZE   64

struct lines {
	char *at[LINES_MAX]; /* owned */
	size_t n;
};

/* One of them is the session token. */
static void lines_done(struct lines *l)
{
	while (l->n > 0) {
		char *line = l->at[--l->n];

		explicit_bzero(line, strlen(line));
		free(line);
	}
}

static int add_line(struct lines *l, const char *name, const char *value)
{
	char *line;

	if (asprintf(&line, *value ? "%s: %s" : "%s;%s", name, value) < 0)
		return -ENOMEM;
	l->at[l->n++] = line;
	return 0;
}

static int add_url(const struct s3 *s, const struct job *j, const char *path, struct buf *out)
{
	int r = buf_addf(out, "%s://%s", s->address.scheme, s->address.host);

	if (r >= 0)
		r = sigv4_encode(out, path, true);
	if (r >= 0 && j->n_query > 0)
		r = buf_add_str(out, "?");
	if (r >= 0)
		r = sigv4_add_query(out, j->query, j->n_query);
	return r < 0 || !buf_cstr(out) ? -ENOMEM : 0;
}

/* `range` holds the text of the header as long as the pairs are used. */
static size_t gather_pairs(const struct s3 *s, const struct job *j, char range[RANGE_SIZE],
			   struct sigv4_pair pairs[PAIRS_MAX])
{
	size_t n = 0, last = j->explaining ? 0 : j->sink_size - 1;

	pairs[n++] = (struct sigv4_pair){ "host", s->address.host };
	if (j->sink || j->explaining) {
		(void) snprintf(range, RANGE_SIZE, "bytes=%" PRIu64 "-%" PRIu64, j->from, j->from + last);
		pairs[n++] = (struct sigv4_pair){ "range", range };
	}
	for (size_t i = 0; i < j->n_headers; i++)
		pairs[n++] = j->headers[i];
	return n;
}

static int add_signature(const struct s3 *s, const struct sigv4_request *q, struct lines *l)
{
	_cleanup_buf_ struct buf authorization = BUF_INIT;
	char time[SIGV4_TIME_SIZE];
	int r = sigv4_sign(q, &s->credentials, &authorization);

	if (r < 0 || !buf_cstr(&authorization))
		return -ENOMEM;
	sigv4_time(q->time_s, time);
	r = add_line(l, "x-amz-date", time);
	if (r >= 0)
		r = add_line(l, "x-amz-content-sha256", q->payload_hash);
	if (r >= 0 && s->credentials.session_token)
		r = add_line(l, "x-amz-security-token", s->credentials.session_token);
	return r < 0 ? r : add_line(l, "Authorization", (const char *)authorization.data);
}

static int add_headers(const struct s3 *s, const struct job *j, const char *path, struct lines *l)
{
	struct sigv4_pair pairs[PAIRS_MAX];
	char range[RANGE_SIZE];
	struct sigv4_request q = {
		.method = j->explaining ? "GET" : j->method,
		.path = path,
		.query = j->query,
		.n_query = j->n_query,
		.headers = pairs,
		.payload_hash = j->payload_hash,
		.region = s->region,
		.time_s = (int64_t)(clock_real_ns() / 1000000000u) + s->skew_s,
	};
	int r = add_line(l, "User-Agent", "brainyfs");

	q.n_headers = gather_pairs(s, j, range, pairs);
	for (size_t i = 0; i < q.n_headers && r >= 0; i++)
		r = add_line(l, pairs[i].name, pairs[i].value);
	return r < 0 ? r : add_signature(s, &q, l);
}

static uint64_t slowest(uint64_t limit)
{
	return limit > 0 && limit / 2 < SLOW_BYTES_S ? MAX(limit / 2, UINT64_C(1)) : SLOW_BYTES_S;
}

uint64_t request_slack_ms(const struct s3 *s, const struct job *j)
{
	uint64_t limit = j->has_body ? s->up_bytes_s : s->down_bytes_s;

	return job_bytes(j) * 1000 / slowest(limit);
}

static void set_limits(const struct s3 *s, struct job *j, uint64_t now_ms)
{
	uint64_t left_ms = j->deadline_ms > now_ms ? j->deadline_ms - now_ms : 1;
	uint64_t attempt_ms = s->config.request_timeout_ms + request_slack_ms(s, j);
	struct http_transfer *t = &j->http;

	attempt_ms = MIN(attempt_ms, left_ms);
	t->timeout_ms = (uint32_t)MIN(attempt_ms, (uint64_t)INT32_MAX);
	t->connect_ms = MIN(s->config.connect_timeout_ms, t->timeout_ms);
	t->stall_ms = s->config.request_timeout_ms;
	t->speed_up = s->up_bytes_s;
	t->speed_down = s->down_bytes_s;
}

int request_begin(struct s3 *s, struct job *j)
{
	_cleanup_(lines_done) struct lines lines = { 0 };
	_cleanup_buf_ struct buf path = BUF_INIT, url = BUF_INIT;
	struct http_transfer *t = &j->http;
	int r = address_add_path(&s->address, j->key, &path);

	if (r < 0 || !buf_cstr(&path))
		return -ENOMEM;
	r = add_url(s, j, (const char *)path.data, &url);
	if (r >= 0)
		r = add_headers(s, j, (const char *)path.data, &lines);
	if (r < 0)
		return r;
	t->method = j->explaining ? "GET" : j->method;
	t->url = (const char *)url.data;
	t->headers = (const char *const *)lines.at;
	t->n_headers = lines.n;
	t->body = j->has_body ? &j->body : NULL;
	t->sink = j->sink;
	t->sink_size = j->sink_size;
	j->sent_ms = clock_mono_ms();
	set_limits(s, j, j->sent_ms);
	r = http_begin(s->http, t); /* copies URL and headers */
	t->url = NULL;
	t->headers = NULL;
	return r;
}
