/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 by libcurl, which is known to http.c only: one thread owns the connections and carries any number of
 * transfers. Knows nothing of S3.
 *
 * The thread calls `tick` before each wait, and the `done` of each transfer. http_begin() and http_cancel() are
 * for that thread alone; http_wake() is for any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tiers/s3/bucket.h"

#define HTTP_NEVER      UINT64_MAX
#define HTTP_TEXT_MAX   (8u << 20) /* of a body that goes to `text` */
#define HTTP_FIELD_MAX  128
#define HTTP_NO_LENGTH  UINT64_MAX

struct http;

struct http_config {
	const char *name;       /* of the thread; at most 15 bytes */
	const char *ca_file;    /* PEM; NULL: those of the system. Borrowed, as `proxy` */
	const char *proxy;      /* NULL: none, whatever the environment says */
	unsigned connections;   /* kept open */
	unsigned idle_s;        /* unused for so long, a connection is not used again */
	/* Does what is due and returns in how many milliseconds it wants to be called again, or HTTP_NEVER.
	 * With `stopping` it must cancel all transfers. */
	uint64_t (*tick)(void *context, bool stopping);
	void *context;
};

/* Why there is no answer. */
enum http_failure {
	HTTP_FINE,
	HTTP_NO_HOST,    /* the name is not known */
	HTTP_REFUSED,    /* nobody listens, or no route */
	HTTP_TIMEOUT,
	HTTP_UNTRUSTED,  /* the certificate */
	HTTP_NO_CA,      /* `ca_file` cannot be read */
	HTTP_NO_TLS,     /* the other side does not speak it */
	HTTP_RESET,      /* the connection ended before the answer */
	HTTP_SHORT,      /* the body ended before its length */
	HTTP_GARBAGE,    /* what came is not HTTP */
	HTTP_TOO_LONG,   /* more bytes than there is room for */
	HTTP_BODY,       /* what is to be sent cannot be read: `error` */
	HTTP_NO_MEMORY,
	HTTP_OTHER
};

/* Header fields that S3 clients look at; "" where there is none. */
struct http_fields {
	char date[HTTP_FIELD_MAX], last_modified[HTTP_FIELD_MAX], etag[HTTP_FIELD_MAX], content_range[HTTP_FIELD_MAX];
	char region[HTTP_FIELD_MAX];      /* x-amz-bucket-region */
	char retry_after[HTTP_FIELD_MAX];
};

struct http_transfer {
	/* Set by the caller, borrowed until `done`. */
	const char *method, *url;
	const char *const *headers;       /* whole lines, "name: value" */
	size_t n_headers;
	const struct bucket_body *body;   /* NULL: none */
	void *sink;                       /* where the body of a 2xx goes; NULL: to `text`, as all others */
	size_t sink_size;
	uint32_t timeout_ms;              /* for the whole transfer; at least 1 */
	uint32_t connect_ms, stall_ms;    /* to connect; without a byte (whole seconds) */
	uint64_t speed_up, speed_down;    /* bytes a second, at most; 0: any */
	void (*done)(struct http_transfer *t);

	/* The answer. */
	enum http_failure failure;
	int error;                        /* HTTP_BODY: -errno */
	const char *reason;               /* of a failure, for people; valid as long as `t` */
	bool untouched;                   /* nothing was sent: the server cannot have acted */
	int status;
	uint64_t length;                  /* Content-Length, or HTTP_NO_LENGTH */
	uint64_t sent, got;               /* bytes of bodies */
	struct http_fields fields;
	struct buf text;                  /* owned by the transfer: http_transfer_done() */

	/* http.c's own. */
	void *easy, *list;
	uint64_t body_at;
	char complaint[256]; /* libcurl's */
};

/* -ENOMEM, -EAGAIN: no thread. -EIO: libcurl cannot be used. */
int http_start(const struct http_config *config, struct http **ret_h);
void http_wake(struct http *h);
/* Returns when the thread has ended. */
struct http *http_stop(struct http *h);

/* `t` may be used before: answer and text are reset. -ENOMEM, and `done` is not called. */
int http_begin(struct http *h, struct http_transfer *t);
/* Ends a transfer without `done`. Tolerates one that is not under way. */
void http_cancel(struct http *h, struct http_transfer *t);
void http_transfer_done(struct http_transfer *t);
/* Connections made so far. */
uint64_t http_connections(struct http *h);
