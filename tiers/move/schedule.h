/* SPDX-License-Identifier: MIT */
/* The thread that runs the policy from time to time, where the windows allow it, at idle priority; after rounds in which
 * most moves failed, less often (throttle.h). Between two rounds it verifies what is due (scrub.h). Thread-safety:
 * safe, except new and free. */
#pragma once

#include "tiers/move/mover.h"
#include "tiers/move/window.h"
#include "tiers/scrub/scrub.h"

struct schedule;

struct schedule_config {
	struct mover *mover;    /* borrowed; outlives it */
	struct scrub *scrub;    /* borrowed; outlives it; NULL: nothing is verified */
	uint64_t every_s;       /* 0: 3600 */
	struct time_windows windows;
	bool local_time;        /* of the machine; else: */
	int32_t utc_offset_s;
};

int schedule_new(const struct schedule_config *config, struct schedule **ret_s);
/* Ends the run at hand after the file it is at, and the thread. */
struct schedule *schedule_free(struct schedule *s);
/* Moves pause, since most of them failed; for how long still? */
bool schedule_is_suspended(struct schedule *s, uint64_t *ret_wait_s);
/* Somebody waits for what is due: the next run begins now, if it may. False: it may not; *ret_why (borrowed, static)
 * says what keeps it: a window, or runs that failed. */
bool schedule_hasten(struct schedule *s, const char **ret_why);
/* From now on, also for the run that comes next. The mover stays what it is. */
void schedule_set(struct schedule *s, const struct schedule_config *config);
