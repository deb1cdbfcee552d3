/* SPDX-License-Identifier: MIT */
/* An object store: immutable blobs under names, as S3 has them. Three kinds: the client of an S3 server
 * (s3.h), a folder, such as a mounted NAS (folder.h), and one in memory for tests (tests/fakes/mem_bucket.h).
 * Knows nothing of packs, seals or the catalog.
 *
 * Keys are bytes other than NUL, 1 to BUCKET_KEY_MAX of them. What holds everywhere: an object is seen whole or
 * not at all; after a successful PUT everybody reads it; PUT over an object replaces it; removing what is not there
 * succeeds. A failure that is not ABSENT says nothing about whether the object is there.
 *
 * Thread-safety: safe, except bucket_free(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_KEY_MAX      900u  /* S3 has 1024, of which the prefix takes some */
#define BUCKET_ETAG_SIZE    128   /* with the NUL */
#define BUCKET_TEXT_SIZE    384
#define BUCKET_REMOVE_MAX   1000u /* keys in one BUCKET_REMOVE */
#define BUCKET_SINGLE_MAX   (64u << 20) /* a longer body is sent in parts */

struct bucket;

/* What is asked; also what requests are counted by. Parts of a large PUT count as PUT, as they are billed. */
enum bucket_op { BUCKET_PUT, BUCKET_GET, BUCKET_HEAD, BUCKET_LIST, BUCKET_REMOVE, BUCKET_OPS };
/* On whose behalf; RECALL goes first when requests wait. */
enum bucket_cause { BUCKET_OTHER, BUCKET_RECALL, BUCKET_DEMOTION, BUCKET_SCRUB, BUCKET_BACKUP, BUCKET_CAUSES };

/* What went wrong, and the -errno that comes with it. */
enum bucket_fault {
	BUCKET_FINE,
	BUCKET_ABSENT,      /* -ENOENT: the store answered that there is no such object */
	BUCKET_UNKNOWN,     /* BUCKET_EUNKNOWN: see bucket_put_if() */
	BUCKET_UNREACHABLE, /* -EHOSTUNREACH: no host, refused, reset; or not asked, because it was so just now */
	BUCKET_TIMEOUT,     /* -ETIMEDOUT */
	BUCKET_BUSY,        /* -EBUSY: asks for fewer requests */
	BUCKET_CREDENTIALS, /* -EKEYREJECTED: missing, wrong or expired */
	BUCKET_DENIED,      /* -EACCES: known, but not allowed; a read-only bucket */
	BUCKET_REGION,      /* -EREMOTE: the bucket is elsewhere */
	BUCKET_NONE,        /* -ENXIO: no such bucket or folder */
	BUCKET_CLOCK,       /* -ETIME: the clock is off, and correcting for it did not help */
	BUCKET_CERTIFICATE, /* -EPROTO: not trusted, or no TLS at all */
	BUCKET_FULL,        /* -ENOSPC: no room, or a quota */
	BUCKET_BROKEN,      /* -EREMOTEIO: errors that last; it may be well soon */
	BUCKET_NONSENSE,    /* -EBADMSG: it answers that all is well, with what was not asked for; again and again */
	BUCKET_LOCAL,       /* the error itself: -ENOMEM, -EIO of the body's file, .. */
	BUCKET_STOPPED,     /* -ECANCELED: bucket_cancel(), bucket_free() */
	BUCKET_LIMITED,     /* -EDQUOT: not asked, as that would be more than is allowed */
	BUCKET_FAULTS
};

/* Of a conditional PUT: it may have happened or not. */
#define BUCKET_EUNKNOWN (-ESTALE)

struct bucket_error {
	int error;                   /* -errno */
	enum bucket_fault fault;
	char text[BUCKET_TEXT_SIZE]; /* for people: what, why, and which setting mends it; no key, no secret */
};

struct bucket_object {
	uint64_t size;
	int64_t modified_s;           /* since 1970 by the store's clock; 0: not told, as after PUT */
	char etag[BUCKET_ETAG_SIZE];  /* opaque, without quotes */
};

/* What a PUT sends: `len` bytes at `data`, or, when that is NULL, from `offset` of `fd` on. Borrowed until the
 * request is done, and not changed meanwhile. */
struct bucket_body {
	const void *data;
	int fd;
	uint64_t offset, len;
};

/* How a blocking call is to be made; NULL for the defaults. */
struct bucket_call {
	enum bucket_cause cause;
	uint32_t timeout_ms;            /* for all attempts and waiting; 0: the bucket's own */
	struct bucket_error *ret_error; /* filled when the call fails; may be NULL */
};

/* The object's ETag and size are in *ret_object, which may be NULL. Bodies beyond BUCKET_SINGLE_MAX are sent in
 * parts; what was sent is taken back when one fails. */
int bucket_put(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
	       struct bucket_object *ret_object);
/* Only if the object has this ETag or, with NULL, if there is none. -EFBIG beyond BUCKET_SINGLE_MAX.
 * BUCKET_EUNKNOWN: it had another, or the answer was lost (404, 409, 412, 5xx, time-out): read again and
 * look for your own mark. Any other error: nothing was written. */
int bucket_put_if(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
		  const char *etag, struct bucket_object *ret_object);
/* Reads `len` bytes from `from` on. Returns how many: fewer only at the object's end. */
int64_t bucket_get(struct bucket *b, const struct bucket_call *c, const char *key, uint64_t from, void *ret_data,
		   size_t len);
int bucket_head(struct bucket *b, const struct bucket_call *c, const char *key, struct bucket_object *ret_object);
/* Calls `object` for each key that begins with `prefix`, in the order of their bytes. Ends when it returns other
 * than 0, with that. It is called in this thread, with no lock held, and may use the bucket. */
typedef int (*bucket_object_fn)(void *context, const char *key, const struct bucket_object *o);
int bucket_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
		void *context);
/* Any number of keys. On failure some are removed, some not. */
int bucket_remove(struct bucket *b, const struct bucket_call *c, const char *const *keys, size_t n);
/* Does the store keep what is replaced and removed as old versions, which cost on? False where there is no such thing. */
int bucket_versioned(struct bucket *b, const struct bucket_call *c, bool *ret_versioned);

/* ---- without waiting ---- */

struct bucket_request {
	enum bucket_op op;        /* not BUCKET_LIST */
	enum bucket_cause cause;
	uint32_t timeout_ms;      /* as in struct bucket_call */
	const char *key;          /* copied; not of REMOVE */
	uint64_t from;            /* GET */
	void *data;               /* GET: borrowed until done; its contents are undefined until then */
	size_t len;               /* GET */
	struct bucket_body body;  /* PUT: hashed before bucket_start() returns */
	bool conditional;         /* PUT: as bucket_put_if(), with .. */
	const char *etag;         /* .. this; copied */
	const char *const *keys;  /* REMOVE: copied */
	size_t n_keys;            /* REMOVE: at most BUCKET_REMOVE_MAX */
};

struct bucket_result {
	int error;                      /* 0 or -errno, as the blocking calls return */
	size_t len;                     /* GET: bytes read */
	struct bucket_object object;    /* PUT, HEAD */
	const struct bucket_error *why; /* NULL unless it failed; lost after the call */
};

/* Called once, from a thread of the bucket's (then it must not wait for anything, not even another request,
 * which it may start), or by bucket_start() itself. */
typedef void (*bucket_done_fn)(void *context, const struct bucket_result *result);
/* On failure `done` is not called. -EINVAL. -EFBIG: a body beyond BUCKET_SINGLE_MAX. -ENOMEM. */
int bucket_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context);

/* How fast it may be asked; 0: no limit. */
struct bucket_pace {
	uint64_t up_bytes_s, down_bytes_s; /* of bodies */
	uint64_t requests_s;
};

/* From now on. Nothing happens where a bucket knows no pace. Any time. */
void bucket_set_pace(struct bucket *b, const struct bucket_pace *p);

/* Takes back writes of keys that begin with `prefix`, which end in '/', that were begun more than `older_than_s` seconds
 * ago and never ended, as those of a killed process: they are in no list, and take room. 0: whatever was begun before now;
 * only for who knows that nobody else writes. *ret_n: how many. */
int bucket_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s,
		 unsigned *ret_n);

/* ---- what it costs, and how it is ---- */

struct bucket_usage {
	uint64_t requests[BUCKET_OPS]; /* sent, those that failed and were repeated among them */
	uint64_t bytes_up, bytes_down; /* of bodies */
};

enum bucket_breaker { BUCKET_CLOSED, BUCKET_OPEN, BUCKET_HALF_OPEN };

struct bucket_stats {
	struct bucket_usage by[BUCKET_CAUSES];
	uint64_t retries, throttled, failed;  /* requests repeated; told to slow down; given up */
	unsigned in_flight, waiting, window;  /* requests now; how many may be in flight at once */
	enum bucket_breaker breaker;          /* OPEN: it does not answer, and is not asked for a while */
	uint64_t breaker_opened;              /* how often */
	uint64_t connections;                 /* made so far */
	uint32_t reopen_ms;                   /* OPEN: until it is asked again */
	int64_t clock_skew_s;                 /* what is added to our clock to please the server */
	struct bucket_error last;             /* of the last failure; BUCKET_FINE: none since the last success */
};

/* Since the bucket was opened. */
void bucket_get_stats(struct bucket *b, struct bucket_stats *ret_stats);

/* The -errno of a fault; 0 of BUCKET_FINE, -EIO of BUCKET_LOCAL. */
int bucket_fault_errno(enum bucket_fault fault);
const char *bucket_cause_name(enum bucket_cause cause);
const char *bucket_op_name(enum bucket_op op);

/* Requests that are not done yet fail with -ECANCELED, soon, and so do all later ones. */
void bucket_cancel(struct bucket *b);
/* Requests that are not done yet fail with -ECANCELED. */
struct bucket *bucket_free(struct bucket *b);
