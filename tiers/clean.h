/* SPDX-License-Identifier: MIT */
/* Cleaning: segments that nothing refers to are deleted; what is alive in mostly dead ones moves to
 * the current segment first. Also the tier's other background work: finishing interrupted
 * truncations, finding inline extents that no list knows, refilling the reserve. */
#pragma once

#define CLEAN_STUCK_MAX 64u

struct files;
struct cleaner;

/* Starts the thread. */
int cleaner_start(struct files *f, struct cleaner **ret_c);
/* Ends it, after the step it is at. NULL is allowed. */
struct cleaner *cleaner_stop(struct cleaner *c);
/* Something was freed: look soon. NULL is allowed. */
void cleaner_wake(struct cleaner *c);

/* One round, as the thread does it. Returns how many segments were deleted. */
int clean_once(struct files *f);
/* Deletes the segments that a crash left without an account, unless an extent refers to them. */
int clean_unaccounted(struct files *f);
