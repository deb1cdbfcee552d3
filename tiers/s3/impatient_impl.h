/* SPDX-License-Identifier: MIT */
/* Shared by the files of the impatient bucket. */
#pragma once

#include "tiers/s3/bucket_impl.h"
#include "tiers/s3/impatient.h"

enum task_kind { TASK_OPEN, TASK_REQUEST, TASK_LARGE, TASK_LIST, TASK_SWEEP };

/* What LIST found. */
struct listing {
	struct listed {
		char *key; /* owned */
		struct bucket_object object;
	} *items; /* owned */
	size_t n, cap;
};

/* A request, with copies of all that is needed to carry it out. Before it is begun and while it runs it is in the
 * list of its bucket; who takes it out of there, under the lock, calls `done`. */
struct task {
	struct task *next, *next_queued; /* guarded by the bucket's lock, as the next three */
	bool running;
	bool left;               /* nobody waits for it any more: its thread frees it */
	uint64_t deadline_ms;
	enum task_kind kind;
	struct bucket_request q; /* what it points to is owned */
	char **keys;             /* owned, as q.keys says */
	void *ret_data;          /* GET: the asker's; borrowed until it is left */
	struct listing listing;  /* owned */
	struct listing *ret_listing; /* LIST: the asker's, likewise */
	uint32_t older_than_s;   /* SWEEP */
	unsigned swept, *ret_swept; /* SWEEP: the asker's, likewise */
	bucket_done_fn done;
	void *context;
	struct bucket_result result;
	struct bucket_error why;
	struct bucket *opened;   /* OPEN: owned */
};

/* NULL without memory or descriptors. `q` may be NULL. */
struct task *task_new(enum task_kind kind, const struct bucket_request *q);
void task_free(struct task *t);
void listing_done(struct listing *l);
/* Carries it out: may hang. */
void task_run(struct task *t, struct bucket *inner, const struct impatient_config *config);
