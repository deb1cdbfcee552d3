/* SPDX-License-Identifier: MIT */
/* Shared by the files of the mover: mover.c (what it is told, and the course of a run), mover_moves.c (the moves of
 * one), and mover_cold.c (the bucket: opening, exchanging and claiming it). */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tiers/file_impl.h"
#include "tiers/move/move_rate.h"
#include "tiers/move/mover.h"
#include "tiers/move/relief.h"

struct mover {
	struct mover_config config;
	pthread_mutex_t turn; /* rank 3, I/O: held by a run */
	atomic_bool interrupted, running, metered;
	atomic_uint visitors; /* who want the turn, and do not wait for the end of a run */
	atomic_ullong unfit;
	atomic_int versioned; /* enum mover_versions */
	bool clean;           /* what an earlier mount left is gone; guarded by turn, as all below */
	bool claimed;         /* the bucket is ours, .. */
	struct id128 mark;    /* .. by this mark */
	bool tidy;            /* what an earlier mount was writing there is gone */
	unsigned held;        /* see mover_hold_cold() */
	struct mover_bucket cold;
	struct sending sending;
	struct move_rate rate;
	struct relief relief;

	pthread_mutex_t rules_lock;   /* rank 60 */
	struct mover_rules next;      /* guarded by rules_lock; for config.rules, which a run uses; no policy: none */
	atomic_bool has_next;

	pthread_mutex_t trouble_lock; /* rank 60 */
	struct bucket_error trouble, refusal; /* guarded by trouble_lock */
};

struct running {
	struct mover *m;
	const struct mover_run *run;
	struct mover_report *report;
	struct gathering g;
	bool cold_failed; /* the bucket did not do what it should: nothing more is asked of it in this run */
};

static inline bool running_has_cold(const struct running *rn)
{
	return rn->m->cold.bucket && !rn->cold_failed && !rn->m->held;
}

/* What ends a run: without memory, room or a disk the next file fares no better. */
static inline bool mover_is_final(int error)
{
	return error == -ENOMEM || error == -ENOSPC || error == -EROFS;
}

/* ---- mover.c */

/* Takes the turn; a run lets it in between two of its files. */
void mover_visit(struct mover *m);
/* -EINTR: the volume is closed. -ERESTART: by other rules than it began with, or to another bucket, a run would do
 * what nobody wants any more. */
int mover_check_interrupted(struct mover *m);
/* The present ones are in use from now on, also by the bucket. Called with the turn, or while nothing else runs. */
void mover_use_rules(struct mover *m);
/* For qsort(): by where they go, then by the days of a pack, then side by side as they were made. */
int gathered_compare(const void *a, const void *b);
void running_note_failure(struct running *rn, int error);
/* The files that were to move with it stay where they are until the next run. That a day's requests are used up is what
 * somebody wanted, and no failure. */
void running_fail_cold(struct running *rn, int error, const struct bucket_error *why);

/* ---- mover_moves.c */

/* What was gathered. Errors end the run; what befalls single files is in the report. */
int running_move_all(struct running *rn);

/* ---- mover_cold.c */

/* What the bucket said of the last that was sent; BUCKET_FINE: it took all. */
void mover_set_refusal(struct mover *m, const struct bucket_error *why);
/* Opens the bucket and sees whose it is. What is here moves without it. */
void running_need_cold(struct running *rn);
