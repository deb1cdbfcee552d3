/* SPDX-License-Identifier: MIT */
/* The client of an S3 server, a bucket (bucket.h). Signs with its own signer (sigv4.h) and hashes all that it
 * sends; repeats what failed, with full jitter, within a budget; asks a server that complains for less, and
 * one that does not answer not at all for a while (pace.h, breaker.h); corrects for a clock that is off.
 *
 * One thread, "brainy-s3", owns the connections and does all of that; bodies of PUTs are hashed in the thread
 * that starts them. What a request found out about the whole bucket stands in bucket_get_stats(). */
#pragma once

#include "tiers/s3/address.h"
#include "tiers/s3/bucket.h"
#include "tiers/s3/credentials.h"

/* Zero and NULL mean the default in brackets. Strings are copied. Times are upper bounds; those of a request
 * with a body grow by a second for each 64 KiB (or for what the limits below let through in half a second, if
 * that is less), so that large ones are not cut off. */
struct s3_config {
	const char *endpoint; /* [AWS in `region`] */
	const char *region;   /* [us-east-1] */
	const char *bucket;
	const char *prefix;            /* of all keys; callers do not see it [none] */
	enum s3_addressing addressing; /* [S3_PATH] */
	const char *ca_file;           /* PEM [the system's] */
	const char *proxy;             /* "http://HOST:PORT" [none; the environment is not asked] */
	const char *profile;           /* for credentials_load() [what the environment says] */
	credentials_fn credentials;    /* [credentials_load] */
	void *credentials_context;     /* borrowed [profile] */

	unsigned min_connections; /* requests in flight that the server's complaints do not go below [1] */
	unsigned max_connections; /* requests in flight at most, a quarter for recalls alone; connections kept [64] */
	uint32_t idle_timeout_ms; /* whole seconds; a connection unused for longer is not used again [60 000] */
	uint32_t connect_timeout_ms; /* [10 000] */
	uint32_t request_timeout_ms; /* one attempt [30 000] */
	uint32_t overall_timeout_ms; /* all attempts and waiting [120 000] */

	uint64_t up_bytes_s, down_bytes_s; /* of bodies [no limit] */
	unsigned requests_s;               /* [no limit] */

	unsigned attempts;         /* of one request [6] */
	uint32_t retry_base_ms;    /* the first wait is up to this, the next up to twice that, .. [100] */
	uint32_t retry_most_ms;    /* .. up to this [20 000] */
	unsigned retry_budget;     /* repetitions beyond half of the successes, in all [100] */
	unsigned breaker_failures; /* in a row, then it is open [12] */
	uint32_t breaker_pause_ms; /* the first pause [1 000] */
	uint32_t breaker_pause_most_ms; /* [30 000] */
	uint32_t part_size;     /* bytes of a part of a large PUT; 5 MiB at least on most servers [16 MiB] */
	unsigned parts_at_once; /* [4] */
};

/* Loads the credentials, asks the server nothing. bucket_free() ends it. -EINVAL: the configuration, with the
 * reason in *ret_why (may be NULL). -EKEYREJECTED: no credentials. -ENOMEM. */
int s3_open(const struct s3_config *config, struct bucket **ret_b, struct bucket_error *ret_why);

/* Whether the bucket keeps old versions of objects (then removing frees no room). `b` is what s3_open() made,
 * else -EOPNOTSUPP; errors as those of bucket_head(). */
int s3_versioned(struct bucket *b, const struct bucket_call *c, bool *ret_versioned);

/* Takes back large PUTs below the prefix that were begun more than `older_than_s` seconds ago and never ended, as
 * those of a killed process: they are in no list, and cost. *ret_n: how many. As s3_versioned() otherwise. */
int s3_abort_uploads(struct bucket *b, const struct bucket_call *c, uint32_t older_than_s, unsigned *ret_n);
