/* SPDX-License-Identifier: MIT */
/* Verifying: reads all that is stored once in so many days, a share at a time, to find damage while there is still
 * another copy somewhere. A round goes over the hot tier, then packs here, then packs in the bucket; how far it is lies
 * in the catalog, so that it goes on there after a restart. A pack that is damaged in one place and whole in another is
 * mended; what else is damaged is taken down, with the files whose bytes it holds, until a look finds it sound, or the
 * file has other bytes. Changes no file.
 *
 * Thread-safety: safe, except new and free; runs follow each other. */
#pragma once

#include "tiers/s3/bucket.h"
#include "tiers/scrub/scrub_record.h"

struct files;
struct scrub;

#define SCRUB_NEVER UINT64_MAX

struct scrub_rules {
	uint64_t days;    /* in which all is looked at once; 0: 7; SCRUB_NEVER: only when it is asked for */
	uint64_t cold_days; /* in which what is in the bucket is read once; until then a pack there is asked for its size alone, as
			     * reading costs; 0: 365; SCRUB_NEVER: only when it is asked for */
	uint64_t bytes_s; /* read a second; 0: no limit */
};

struct scrub_config {
	struct files *files; /* borrowed; outlives it */
	struct scrub_rules rules;
	/* How many requests programs have made so far: shares in the background stand back behind them. May be NULL. */
	uint64_t (*requests)(void *context);
	void *context;
};

int scrub_new(const struct scrub_config *config, struct scrub **ret_s);
struct scrub *scrub_free(struct scrub *s);
/* From now on, also for the run at hand. */
void scrub_set_rules(struct scrub *s, const struct scrub_rules *rules);
/* Runs end with -ECANCELED at the next frame or object, from now on: the volume is about to be closed. */
void scrub_interrupt(struct scrub *s);

struct scrub_run {
	int64_t now_s;     /* since 1970: the clock that says what is due */
	bool whole;        /* a new round, from its beginning to its end */
	bool background;   /* nobody waits for it: it stands back behind programs, and ends when somebody asks for a run */
	uint64_t until_ms; /* by clock_mono_ms(): it ends then; 0: when it is done */
};

struct scrub_report {
	struct scrub_counts did;
	uint64_t objects;                 /* extent objects and packs that were read */
	bool ended;                       /* a round */
	struct bucket_error bucket_error; /* why packs in the bucket were not read; error 0: they were, or none is due */
};

/* What is due, or all. What is damaged is no failure. -ECANCELED: interrupted. -ENOMEM, -EIO, -ENOSPC, -EROFS: of the
 * catalog. */
int scrub_run(struct scrub *s, const struct scrub_run *run, struct scrub_report *ret);

struct scrub_status {
	struct scrub_progress progress;
	uint64_t total;       /* bytes that a round reads */
	uint64_t days;        /* SCRUB_NEVER */
	uint64_t damaged;     /* files and packs that are known to be damaged, now */
	bool running;
};
/* Costs a look at each pack. */
int scrub_get_status(struct scrub *s, struct scrub_status *ret);
/* What is known to be damaged and still in use. Other than 0 from `damage` ends it and is returned. */
int scrub_foreach_damage(struct scrub *s, int (*damage)(void *context, const struct scrub_damage *d), void *context);
/* How many that are; cheap when there are none. */
uint64_t scrub_count_damage(struct scrub *s);
