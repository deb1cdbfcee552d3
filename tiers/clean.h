/* SPDX-License-Identifier: MIT */
/* Cleaning: segments that nothing refers to are deleted; what is alive in mostly dead ones moves to
 * the current segment first. Also the tier's other background work: finishing interrupted
 * truncations, finding inline extents that no list knows, refilling the reserve. */
#pragma once

#include <stdint.h>

#define CLEAN_STUCK_MAX 64u

struct files;
struct cleaner;

/* `f` is borrowed and outlives it. NULL without memory. */
struct cleaner *cleaner_new(struct files *f);
struct cleaner *cleaner_free(struct cleaner *c);
/* Starts the thread, unless it runs. */
int cleaner_start(struct cleaner *c);
/* Ends it, after the step it is at. News may still come. */
void cleaner_stop(struct cleaner *c);
/* clean_all(), between the rounds of the thread. */
int cleaner_run_all(struct cleaner *c);
/* An account has changed. Costs nothing when that is known. */
void cleaner_notice(struct cleaner *c);
/* Something was freed: look soon. */
void cleaner_wake(struct cleaner *c);

/* One round, as the thread does it. Returns how many segments were deleted. */
int clean_once(struct files *f);
/* Rounds, until there is nothing left to clean; not even the segment that is being written to is spared. */
int clean_all(struct files *f);
/* What rounds to come will free. */
int clean_get_waiting(struct files *f, uint64_t *ret_bytes);
/* Deletes the segments that a crash left without an account, unless an extent refers to them. */
int clean_unaccounted(struct files *f);
