/* SPDX-License-Identifier: MIT */
/* Carries out what the policy wants: one run gathers the moves of a volume, does them, and takes away what became dead
 * by them. Every move is safe to interrupt anywhere (packing.h, promote.h, sweep.h).
 *
 * Thread-safety: safe, except new and free; runs follow each other. */
#pragma once

#include "tiers/move/capacity.h"
#include "tiers/move/cost.h"
#include "tiers/move/gather.h"
#include "tiers/move/packing.h"
#include "tiers/move/policy.h"
#include "tiers/move/sweep.h"

struct mover;

/* What a change of the configuration changes. */
struct mover_rules {
	struct policy *policy;              /* owned from the call on, also when that fails */
	struct partition_config warm, cold; /* packs here, and in the bucket */
	struct capacity_config capacity;
	uint64_t move_rate;                 /* bytes a second; 0: no limit */
	struct bucket_pace pace;            /* of the bucket */
	int64_t grace_s;                    /* before an object is removed */
};

/* The cold tier. */
struct mover_bucket {
	struct bucket *bucket;  /* borrowed; outlives the mover */
	struct id128 volume;    /* whose it is to be */
	bool dated_keys, metered; /* made by metered_new() */
};

struct mover_config {
	struct files *files;               /* borrowed */
	struct mover_rules rules;
	/* The MIME type of a file, or nothing; may be NULL. */
	void (*get_type)(void *context, uint64_t ino, struct buf *ret_type);
	/* Opens the cold tier; with bucket NULL and 0 there is none. On failure *ret_why says why, and it is tried again by
	 * the next run. May be NULL. */
	int (*open_bucket)(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why);
	/* How many requests programs have made so far: rounds in the background stand back behind them. May be NULL. */
	uint64_t (*requests)(void *context);
	/* A run begins that is no dry one: what programs have open is to count as used. May be NULL. */
	void (*note_uses)(void *context);
	void *context;
};

int mover_new(const struct mover_config *config, struct mover **ret_m);
struct mover *mover_free(struct mover *m);
/* From now on: the run at hand begins again with what is left. Does not wait. */
void mover_set_rules(struct mover *m, const struct mover_rules *rules);
/* Opens the cold tier, if there is one and it is not open. Errors of open_bucket. */
int mover_attach(struct mover *m, struct bucket_error *ret_why);
/* Lets go of the cold tier, calls `change` with config.context, and opens what there is then, if anything. The bucket
 * before may still be in use by readers, until mover_free(). A run lets it in between two files, and begins again.
 * Errors of open_bucket. */
int mover_exchange_bucket(struct mover *m, void (*change)(void *context), struct bucket_error *ret_why);
/* Runs leave the cold tier alone, also the one at hand, until it is taken back. Reading goes on. */
void mover_hold_cold(struct mover *m, bool hold);
/* Makes the prefix ours (owner.h), or sees that it still is, as each run does before it moves anything. `take_over`: with
 * OWNER_TAKE_OVER. Errors of owner_claim(). */
int mover_claim(struct mover *m, bool take_over, struct bucket_error *ret_why);
/* Does the bucket keep what is removed from it? */
enum mover_versions { MOVER_VERSIONS_UNKNOWN, MOVER_VERSIONS_NONE, MOVER_VERSIONS_KEPT };
enum mover_versions mover_get_versions(struct mover *m);
/* As it is now; NULL: not open. Stays until mover_free(). */
struct bucket *mover_get_bucket(struct mover *m);

/* Why the cold tier cannot be used at all: it could not be opened, or (owner_is_trouble()) it is another's, and only read.
 * Error 0: it can, as far as is known, or there is none. */
void mover_get_trouble(struct mover *m, struct bucket_error *ret_why);
/* Why the bucket took nothing from the last run: it is read-only or full. Error 0: it took all that went there. */
void mover_get_refusal(struct mover *m, struct bucket_error *ret_why);
/* Takes down in the catalog what was asked of the bucket, when something was. Any time. True: there is a bucket. */
bool mover_save_meter(struct mover *m);

struct mover_run {
	int64_t now_s;  /* since 1970: the clock of all that it decides */
	bool dry_run;   /* tells, and does nothing */
	bool background; /* nobody waits for it */
	/* A move that is due, in words; may be NULL. */
	void (*tell)(void *context, const struct gathered *item, const char *why);
	void *context;
};

struct mover_report {
	uint64_t planned;                   /* moves */
	uint64_t files[POLICY_TIERS];       /* moved to each tier; AUTO: deleted */
	uint64_t bytes[POLICY_TIERS];
	uint64_t busy;                      /* open, or changed meanwhile: they stay until the next run */
	uint64_t unfit;                     /* that no pack has room for (POLICY_UNFIT): they stay */
	bool limited;                       /* the bucket was not asked for all, because of [limits]: the rest waits; see bucket_error */
	uint64_t failed;
	int error;                          /* of the first that failed; */
	struct bucket_error bucket_error;   /* what the bucket said then, if it was the bucket */
	struct sweep_result swept;
	uint64_t removed;                   /* objects, from the bucket */
	struct cost_estimate estimate;      /* of what is planned, .. */
	struct traffic traffic;             /* .. and what it asks of the bucket */
	bool more;                          /* there is more to do than one run does */
};

/* How many files the last run, also a dry one, found to fit no pack. */
uint64_t mover_get_unfit(struct mover *m);
/* Runs end after the file they are at, with -ECANCELED, from now on, and nothing waits for the bucket any more: the
 * volume is about to be closed. */
void mover_interrupt(struct mover *m);
/* Is one under way? */
bool mover_is_running(struct mover *m);
/* 0 also when moves failed: the report says so. -ENOMEM, -EIO, -ECANCELED: the run came to no end. */
int mover_run(struct mover *m, const struct mover_run *run, struct mover_report *ret);
/* How many moves are due at `now_s`, if no run is under way: -EBUSY. Changes nothing. */
int mover_count_due(struct mover *m, int64_t now_s, uint64_t *ret_due);
/* Takes away what became dead, as the end of a run does. */
int mover_sweep(struct mover *m, int64_t now_s, struct mover_report *ret);
