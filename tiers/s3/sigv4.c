/* SPDX-License-Identifier: MIT */
/* The canonical request, hashed into the string to sign:
 *
 *   METHOD \n encoded path \n encoded, sorted query \n name:value \n .. \n\n names;.. \n payload hash
 *
 *   AWS4-HMAC-SHA256 \n 20130524T000000Z \n 20130524/us-east-1/s3/aws4_request \n hex(SHA-256(the above))
 *
 * signed with HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), "s3"), "aws4_request"). That key is made
 * again for each request: it costs some microseconds, and nothing has to be kept or wiped later. */
#include "tiers/s3/sigv4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define SERVICE    "s3"
#define TERMINATOR "aws4_request"
#define DAY_LEN    8
/* For all but the session token, which should not be left behind by a buffer that moves. */
#define CANONICAL_ROOM 8192u

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

int sigv4_encode(struct buf *out, const char *text, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	int r = 0;

	for (; *text && r >= 0; text++) {
		unsigned char c = (unsigned char)*text;
		char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (unreserved(c) || (keep_slash && c == '/'))
			r = buf_add_u8(out, c);
		else
			r = buf_add(out, escaped, sizeof(escaped));
	}
	return r;
}

void sigv4_time(int64_t time_s, char ret_text[SIGV4_TIME_SIZE])
{
	time_t t = (time_t)time_s;
	struct tm tm = { 0 };

	(void) gmtime_r(&t, &tm);
	if (strftime(ret_text, SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		memcpy(ret_text, "19700101T000000Z", SIGV4_TIME_SIZE);
}

/* Sorted in the encoded form, by name and then by value: of whole "name=value" texts the order would be
 * another. */
struct parameter {
	char *name, *value; /* owned */
};

static int parameter_compare(const void *x, const void *y)
{
	const struct parameter *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->value, b->value);
}

static char *encoded(const char *text)
{
	struct buf b = BUF_INIT;

	if (sigv4_encode(&b, text, false) < 0) {
		buf_done(&b);
		return NULL;
	}
	return buf_cstr(&b);
}

static int add_parameters(struct buf *out, struct parameter *p, size_t n)
{
	int r = 0;

	qsort(p, n, sizeof(*p), parameter_compare);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = buf_addf(out, "%s%s=%s", i > 0 ? "&" : "", p[i].name, p[i].value);
	return r;
}

int sigv4_add_query(struct buf *out, const struct sigv4_pair *query, size_t n)
{
	struct parameter *p = calloc(n + 1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r >= 0; i++) {
		p[i].name = encoded(query[i].name);
		p[i].value = encoded(query[i].value);
		if (!p[i].name || !p[i].value)
			r = -ENOMEM;
	}
	if (r >= 0)
		r = add_parameters(out, p, n);
	for (size_t i = 0; p && i < n; i++) {
		free(p[i].name);
		free(p[i].value);
	}
	free(p);
	return r;
}

static int pair_compare(const void *x, const void *y)
{
	return strcmp(((const struct sigv4_pair *)x)->name, ((const struct sigv4_pair *)y)->name);
}

/* The headers that are signed, in order. */
struct signed_headers {
	struct sigv4_pair pairs[SIGV4_HEADERS_MAX + 3];
	size_t n;
};

static int gather_headers(const struct sigv4_request *q, const struct s3_credentials *c, const char *time,
			  struct signed_headers *ret_h)
{
	if (q->n_headers > SIGV4_HEADERS_MAX)
		return -E2BIG;
	ret_h->n = q->n_headers;
	if (q->n_headers > 0)
		memcpy(ret_h->pairs, q->headers, q->n_headers * sizeof(*q->headers));
	ret_h->pairs[ret_h->n++] = (struct sigv4_pair){ "x-amz-content-sha256", q->payload_hash };
	ret_h->pairs[ret_h->n++] = (struct sigv4_pair){ "x-amz-date", time };
	if (c->session_token)
		ret_h->pairs[ret_h->n++] = (struct sigv4_pair){ "x-amz-security-token", c->session_token };
	qsort(ret_h->pairs, ret_h->n, sizeof(*ret_h->pairs), pair_compare);
	return 0;
}

/* Without spaces at the ends, and runs of spaces as one. */
static int add_trimmed(struct buf *out, const char *value)
{
	int r = 0;

	value += strspn(value, " ");
	for (; *value && r >= 0; value++) {
		if (*value == ' ' && (value[1] == ' ' || value[1] == '\0'))
			continue;
		r = buf_add_u8(out, (uint8_t)*value);
	}
	return r;
}

static int add_names(struct buf *out, const struct signed_headers *h)
{
	int r = 0;

	for (size_t i = 0; i < h->n && r >= 0; i++)
		r = buf_addf(out, "%s%s", i > 0 ? ";" : "", h->pairs[i].name);
	return r;
}

static int add_headers(struct buf *out, const struct signed_headers *h)
{
	int r = 0;

	for (size_t i = 0; i < h->n && r >= 0; i++) {
		r = buf_addf(out, "%s:", h->pairs[i].name);
		if (r >= 0)
			r = add_trimmed(out, h->pairs[i].value);
		if (r >= 0)
			r = buf_add_str(out, "\n");
	}
	return r < 0 ? r : buf_add_str(out, "\n");
}

static int add_canonical(struct buf *out, const struct sigv4_request *q, const struct signed_headers *h)
{
	int r = buf_addf(out, "%s\n", q->method);

	if (r >= 0)
		r = sigv4_encode(out, q->path, true);
	if (r >= 0)
		r = buf_add_str(out, "\n");
	if (r >= 0)
		r = sigv4_add_query(out, q->query, q->n_query);
	if (r >= 0)
		r = buf_add_str(out, "\n");
	if (r >= 0)
		r = add_headers(out, h);
	if (r >= 0)
		r = add_names(out, h);
	return r < 0 ? r : buf_addf(out, "\n%s", q->payload_hash);
}

static void mac_text(const uint8_t key[SHA256_SIZE], const char *text, uint8_t ret_mac[SHA256_SIZE])
{
	hmac_sha256(key, SHA256_SIZE, text, strlen(text), ret_mac);
}

static int derive_key(const char *secret, const char *day, const char *region, uint8_t ret_key[SHA256_SIZE])
{
	_cleanup_(buf_wipe) struct buf start = BUF_INIT;
	uint8_t key[SHA256_SIZE];

	/* Room first: a buffer that grows would leave the secret behind. */
	if (buf_reserve(&start, strlen(secret) + 5) < 0 || buf_add_str(&start, "AWS4") < 0 ||
	    buf_add_str(&start, secret) < 0)
		return -ENOMEM;
	hmac_sha256(start.data, start.len, day, DAY_LEN, key);
	mac_text(key, region, key);
	mac_text(key, SERVICE, key);
	mac_text(key, TERMINATOR, ret_key);
	explicit_bzero(key, sizeof(key));
	return 0;
}

static int add_string_to_sign(struct buf *out, const char *time, const char *scope,
			      const struct buf *canonical)
{
	uint8_t hash[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	sha256_of(canonical->data, canonical->len, hash);
	sha256_hex(hash, hex);
	return buf_addf(out, "AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, hex);
}

static int add_authorization(struct buf *out, const struct s3_credentials *c, const char *scope,
			     const struct signed_headers *h, const char *signature)
{
	int r = buf_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", c->access_key, scope);

	if (r >= 0)
		r = add_names(out, h);
	return r < 0 ? r : buf_addf(out, ", Signature=%s", signature);
}

int sigv4_sign(const struct sigv4_request *q, const struct s3_credentials *c, struct buf *ret_authorization)
{
	_cleanup_(buf_wipe) struct buf canonical = BUF_INIT; /* holds the session token */
	_cleanup_buf_ struct buf to_sign = BUF_INIT, scope = BUF_INIT;
	uint8_t key[SHA256_SIZE], mac[SHA256_SIZE];
	char time[SIGV4_TIME_SIZE], hex[SHA256_HEX_SIZE];
	struct signed_headers h;
	int r;

	sigv4_time(q->time_s, time);
	r = buf_addf(&scope, "%.*s/%s/" SERVICE "/" TERMINATOR, DAY_LEN, time, q->region);
	if (r < 0 || !buf_cstr(&scope))
		return -ENOMEM;
	r = buf_reserve(&canonical, CANONICAL_ROOM + (c->session_token ? strlen(c->session_token) : 0));
	if (r >= 0)
		r = gather_headers(q, c, time, &h);
	if (r >= 0)
		r = add_canonical(&canonical, q, &h);
	if (r >= 0)
		r = add_string_to_sign(&to_sign, time, (const char *)scope.data, &canonical);
	if (r >= 0)
		r = derive_key(c->secret_key, time, q->region, key);
	if (r < 0)
		return r;
	hmac_sha256(key, sizeof(key), to_sign.data, to_sign.len, mac);
	explicit_bzero(key, sizeof(key));
	sha256_hex(mac, hex);
	return add_authorization(ret_authorization, c, (const char *)scope.data, &h, hex);
}
