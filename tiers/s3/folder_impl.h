/* SPDX-License-Identifier: MIT */
/* Shared by the files that make a folder a bucket. */
#pragma once

#include <pthread.h>
#include <sys/stat.h>

#include "tiers/s3/bucket_impl.h"
#include "tiers/s3/pace.h"

#define FOLDER_TEMPORARY ".tmp-"
#define FOLDER_LOCK      ".lock"

struct folder {
	struct bucket bucket;
	char *path; /* owned */
	int dirfd;  /* owned */
	pthread_mutex_t stats_lock;
	struct bucket_stats stats; /* guarded by stats_lock, as all below */
	pthread_cond_t wake;       /* the pace was set, or waiting ends */
	struct rate up, down, requests;
	bool cancelled;
};

/* Opens the folder in which the key's file lies; `make`: makes it, durably, when there is none. *ret_name is a part of
 * `key`. -ENOENT. */
int folder_open_parent(const struct folder *f, const char *key, bool make, int *ret_dirfd, const char **ret_name);
/* Whether a part of a key may be a name here. */
bool folder_name_fits(const char *name, size_t len);
void folder_describe(const struct stat *st, struct bucket_object *ret_o);
/* Fills *ret_e (may be NULL) from an -errno of a system call. Returns the error of its fault. */
int folder_fail(const struct folder *f, struct bucket_error *ret_e, int error, bool conditional, const char *what);
void folder_count(struct folder *f, enum bucket_cause cause, enum bucket_op op, uint64_t up, uint64_t down);

/* folder_write.c: as bucket_put() and bucket_put_if(). Plain -errno; BUCKET_EUNKNOWN: the condition does not hold. */
int folder_put(struct folder *f, const struct bucket_request *q, struct bucket_object *ret_o);
int folder_remove(struct folder *f, const char *key);
/* folder_list.c: as bucket_list(), bucket_sweep() */
int folder_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object, void *context);
int folder_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n);
/* folder_pace.c: what folder_start() waits for before a request. -ECANCELED: it was cancelled. */
int folder_wait(struct folder *f, const struct bucket_request *q);
void folder_set_pace(struct bucket *b, const struct bucket_pace *p);
void folder_cancel(struct bucket *b);
