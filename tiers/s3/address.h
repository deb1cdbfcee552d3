/* SPDX-License-Identifier: MIT */
/* Where a bucket's objects are: from endpoint, bucket and prefix to host, path and URL. Pure.
 *
 *   path     http://127.0.0.1:9000/BUCKET/PREFIX/KEY
 *   virtual  https://BUCKET.s3.eu-central-1.amazonaws.com/PREFIX/KEY */
#pragma once

#include "base/buf.h"
#include "tiers/s3/bucket.h"

enum s3_addressing { S3_PATH, S3_VIRTUAL };

struct address {
	char *scheme;   /* "https"; owned, as the others */
	char *host;     /* as the header Host has it: with the port, unless it is the scheme's own */
	char *root;     /* what paths begin with: "/BUCKET" or "" */
	char *prefix;   /* "" or ends in '/' */
	char *bucket;
};

/* `endpoint`: scheme (http or https; https when there is none), host and port, nothing else. NULL: AWS in
 * `region`. `prefix`: NULL or ""; otherwise a '/' is added at its end when there is none. -EINVAL with the reason. */
int address_init(struct address *ret_a, const char *endpoint, const char *region, const char *bucket,
		 const char *prefix, enum s3_addressing addressing, struct bucket_error *ret_why);
void address_done(struct address *a);

/* Appends the plain path of a key (with the prefix), or of the bucket itself (NULL). -ENOMEM. */
int address_add_path(const struct address *a, const char *key, struct buf *out);
