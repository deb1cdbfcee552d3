/* SPDX-License-Identifier: MIT */
/* Signs HTTP requests as AWS does (Signature Version 4, "Authenticating Requests: Using the Authorization
 * Header" in the Amazon S3 API Reference). Pure: no clock, no environment, no network. Thread-safe.
 *
 * What S3 has of its own: path and query are percent-encoded once (other services encode the path twice),
 * the path is not normalised ("//" and ".." are part of a key), and x-amz-content-sha256 is always sent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/sha256.h"

/* In x-amz-content-sha256 where the body is not hashed. The client does not use it: it hashes all it sends. */
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
/* "20130524T000000Z" and a NUL. */
#define SIGV4_TIME_SIZE 17

/* Wiped by whoever made it: credentials_done(). */
struct s3_credentials {
	char *access_key, *secret_key; /* owned */
	char *session_token;           /* owned; NULL: none */
};

/* A parameter of the query or a header, all borrowed. */
struct sigv4_pair {
	const char *name;  /* of headers: in lower case */
	const char *value; /* plain; "" where there is none */
};

struct sigv4_request {
	const char *method;
	const char *path;                /* plain bytes, begins with '/' */
	const struct sigv4_pair *query;  /* in any order */
	size_t n_query;
	const struct sigv4_pair *headers; /* to be signed: host, and what begins with x-amz-; in any order, names
					   * once. Not x-amz-date, x-amz-content-sha256, x-amz-security-token,
					   * which come from below. */
	size_t n_headers;
	const char *payload_hash; /* hex of the body's SHA-256, or SIGV4_UNSIGNED */
	const char *region;       /* "us-east-1" */
	int64_t time_s;           /* since 1970, UTC; what the server's clock is believed to show */
};

/* Appends `text` percent-encoded as RFC 3986 section 2.3 has it: unreserved characters stay, and '/' when
 * `keep_slash`. -ENOMEM. */
int sigv4_encode(struct buf *out, const char *text, bool keep_slash);
/* Appends the query, encoded and sorted as it is signed: what the URL must then say. -ENOMEM. */
int sigv4_add_query(struct buf *out, const struct sigv4_pair *query, size_t n);

/* Writes the time as x-amz-date has it. */
void sigv4_time(int64_t time_s, char ret_text[SIGV4_TIME_SIZE]);

/* Appends the value of the header Authorization. x-amz-date, x-amz-content-sha256 and, with a session token,
 * x-amz-security-token are signed with it: the caller sends them. At most SIGV4_HEADERS_MAX headers,
 * else -E2BIG. -ENOMEM. */
#define SIGV4_HEADERS_MAX 24
int sigv4_sign(const struct sigv4_request *q, const struct s3_credentials *c, struct buf *ret_authorization);
