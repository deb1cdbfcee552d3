/* SPDX-License-Identifier: MIT */
/* The XML that S3 servers answer with; document.h says what is refused. Whatever the bytes: parsed, or -EBADMSG;
 * -ENOMEM. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tiers/s3/bucket.h"

#define ANSWER_CODE_SIZE 64

/* An <Error>: what is missing is "". */
struct answer_error {
	char code[ANSWER_CODE_SIZE]; /* "NoSuchKey" */
	char message[160];           /* for people; UTF-8, without control characters */
	char region[ANSWER_CODE_SIZE];
};

/* Of a document whose root is <Error>. -ENOENT: it has another root. -EBADMSG. */
int answer_parse_error(const void *text, size_t len, struct answer_error *ret_e);

/* A page of <ListBucketResult>. `object` is called with each key; its non-zero return ends it and is returned.
 * *ret_next: where the next page begins, owned by the caller; NULL after the last page. */
int answer_parse_list(const void *text, size_t len, bucket_object_fn object, void *context, char **ret_next);

/* A <DeleteResult>: the first of its errors, and how many there are (0: all removed). -EBADMSG. */
int answer_parse_removed(const void *text, size_t len, struct answer_error *ret_first, size_t *ret_failed);

/* <InitiateMultipartUploadResult>: the upload's id, owned by the caller. -EBADMSG. -ENOMEM. */
int answer_parse_upload(const void *text, size_t len, char **ret_upload_id);

/* Where a page of a <ListMultipartUploadsResult> ends; NULL: it is the last. */
struct answer_marker {
	char *key, *id; /* owned */
};

void answer_marker_done(struct answer_marker *m);
/* Calls `upload` for each; its non-zero return ends it and is returned. `begun_s`: 0 when it cannot be read. */
typedef int (*answer_upload_fn)(void *context, const char *key, const char *upload_id, int64_t begun_s);
int answer_parse_uploads(const void *text, size_t len, answer_upload_fn upload, void *context,
			 struct answer_marker *ret_next);

/* <CompleteMultipartUploadResult>: the ETag without quotes. -EBADMSG. */
int answer_parse_completed(const void *text, size_t len, char ret_etag[BUCKET_ETAG_SIZE]);
/* <VersioningConfiguration>: whether old versions of objects are kept. -EBADMSG. */
int answer_parse_versioning(const void *text, size_t len, bool *ret_versioned);

/* Copies an ETag without its quotes; one that is longer becomes "". */
void answer_copy_etag(const char *text, char ret_etag[BUCKET_ETAG_SIZE]);
