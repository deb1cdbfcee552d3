/* SPDX-License-Identifier: MIT */
/* A transfer as libcurl wants it: options, headers, and the functions that bytes come and go by. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/s3/http_impl.h"

#define BUFFER_SIZE (128L << 10)
#define EXPECT_FROM (1u << 20) /* a refusal should come before the body went */

/* ---- what comes ---- */

/* Of header names: without regard to case, in no locale. */
static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char x = a[i], y = b[i];

		x = x >= 'A' && x <= 'Z' ? (char)(x | 0x20) : x;
		if (x != y)
			return false;
	}
	return b[len] == '\0';
}

static char *field_named(struct http_fields *f, const char *name, size_t len)
{
	const struct {
		const char *name;
		char *place;
	} known[] = {
		{ "date", f->date },
		{ "last-modified", f->last_modified },
		{ "etag", f->etag },
		{ "content-range", f->content_range },
		{ "x-amz-bucket-region", f->region },
		{ "retry-after", f->retry_after },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == len && same_name(name, known[i].name, len))
			return known[i].place;
	return NULL;
}

/* What is too long for its place is as if it had not come. */
static void copy_field(char place[HTTP_FIELD_MAX], const char *value, size_t len)
{
	while (len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", value[len - 1]))
		len--;
	if (len >= HTTP_FIELD_MAX || memchr(value, '\0', len))
		len = 0;
	memcpy(place, value, len);
	place[len] = '\0';
}

/* A status line begins a new answer: "100 Continue" comes before the one that counts. */
static size_t on_header(char *line, size_t size, size_t n, void *context)
{
	struct http_transfer *t = context;
	const char *colon = memchr(line, ':', size * n);
	char *place;

	if (size * n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		t->fields = (struct http_fields){ 0 };
		return size * n;
	}
	place = colon ? field_named(&t->fields, line, (size_t)(colon - line)) : NULL;
	if (place)
		copy_field(place, colon + 1, size * n - (size_t)(colon + 1 - line));
	return size * n;
}

static bool to_sink(struct http_transfer *t)
{
	long status = 0;

	if (!t->sink)
		return false;
	(void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

/* Taking fewer bytes than came ends the transfer. */
static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct http_transfer *t = context;
	size_t len = size * n;

	if (to_sink(t)) {
		if (len > t->sink_size - t->got)
			return 0;
		memcpy((char *)t->sink + t->got, data, len);
	} else if (t->text.len + len > HTTP_TEXT_MAX || buf_add(&t->text, data, len) < 0) {
		return 0;
	}
	t->got += len;
	return len;
}

/* ---- what goes ---- */

static size_t on_read(char *place, size_t size, size_t n, void *context)
{
	struct http_transfer *t = context;
	const struct bucket_body *b = t->body;
	size_t len = MIN((uint64_t)(size * n), b->len - t->body_at);
	int r = 0;

	if (b->data)
		memcpy(place, (const char *)b->data + t->body_at, len);
	else
		r = io_pread_exact(b->fd, place, len, b->offset + t->body_at);
	if (r < 0) {
		t->error = r;
		return CURL_READFUNC_ABORT;
	}
	t->body_at += len;
	return len;
}

/* libcurl begins again when a kept connection turns out to be closed. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct http_transfer *t = context;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->body->len)
		return CURL_SEEKFUNC_FAIL;
	t->body_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- setting up ---- */

static CURLcode set_body(struct http_transfer *t)
{
	CURL *e = t->easy;

	(void) curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	(void) curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	(void) curl_easy_setopt(e, CURLOPT_READDATA, t);
	(void) curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	(void) curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
	return curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body->len);
}

static void set_limits(struct http_transfer *t)
{
	CURL *e = t->easy;

	(void) curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	(void) curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
	(void) curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void) curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)MAX(t->stall_ms / 1000, 1u));
	(void) curl_easy_setopt(e, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)t->speed_up);
	(void) curl_easy_setopt(e, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)t->speed_down);
}

/* Neither the environment nor the user's files decide: no proxy, no .netrc, no signals. S3 speaks HTTP/1.1. */
static void set_manners(struct http *h, struct http_transfer *t)
{
	CURL *e = t->easy;

	(void) curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void) curl_easy_setopt(e, CURLOPT_PROXY, h->config.proxy ? h->config.proxy : "");
	(void) curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	(void) curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void) curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void) curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	(void) curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	(void) curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	(void) curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	(void) curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	(void) curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	(void) curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	(void) curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
	(void) curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)h->config.idle_s);
	if (h->config.ca_file)
		(void) curl_easy_setopt(e, CURLOPT_CAINFO, h->config.ca_file);
}

static void set_receivers(struct http_transfer *t)
{
	CURL *e = t->easy;

	(void) curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void) curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	(void) curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void) curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	(void) curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->complaint);
	(void) curl_easy_setopt(e, CURLOPT_PRIVATE, t);
}

static int add_line(struct http_transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->list, line);

	if (!longer)
		return -ENOMEM;
	t->list = longer;
	return 0;
}

/* Headers that libcurl would add of its own accord are emptied. */
static int set_headers(struct http_transfer *t)
{
	int r = add_line(t, "Accept:");

	if (r >= 0 && t->body)
		r = add_line(t, t->body->len >= EXPECT_FROM ? "Expect: 100-continue" : "Expect:");
	for (size_t i = 0; i < t->n_headers && r >= 0; i++)
		r = add_line(t, t->headers[i]);
	return r < 0 || curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->list) != CURLE_OK ? -ENOMEM : 0;
}

int http_set_up(struct http *h, struct http_transfer *t)
{
	CURLcode c = curl_easy_setopt(t->easy, CURLOPT_URL, t->url);

	set_manners(h, t);
	set_receivers(t);
	set_limits(t);
	if (c == CURLE_OK && t->body)
		c = set_body(t);
	if (c == CURLE_OK && strcmp(t->method, "HEAD") == 0)
		c = curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	else if (c == CURLE_OK)
		c = curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method);
	return c == CURLE_OK ? set_headers(t) : -ENOMEM;
}
