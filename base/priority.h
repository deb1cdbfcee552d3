/* SPDX-License-Identifier: MIT */
/* Background priority of a thread, for processor and disk: the nicest value and the idle I/O class. Lower it only while no
 * lock is held: who waits for such a thread waits for the whole machine. Thread-safe.
 *
 * Not SCHED_IDLE: the kernel takes a processor that runs nothing else for one that is free, and wakes programs on it, which
 * then wait for the next tick where it does not preempt (PREEMPT_NONE, PREEMPT_LAZY), up to 4 ms, though the processor
 * beside it has nothing to do. On two of them, with one busy thread: creating a file took 0.3 ms at the 99th percentile
 * without it, 0.3 with it at the nicest value, 1.5 to 2.6 under SCHED_IDLE. */
#pragma once

#include <stdbool.h>

/* May a thread of this process come back from being nice? That can need a privilege, so a thread that is of no further use
 * tries. Asked of the kernel once. */
bool priority_may_change(void);
/* `tid`: 0 is the calling thread. */
void priority_lower(int tid);
void priority_raise(int tid);
/* The calling thread gets a third of what others get where they want the same processor; for good. */
void priority_step_back(void);

/* From now on the calling thread is background work: lowered, but for the time between priority_urgent_begin() and
 * priority_urgent_end(), when it holds a lock that others wait for. False: it is not, because it is already, or
 * because this process could not come back. */
bool priority_background_begin(void);
void priority_background_end(void);
/* Of a thread that is no background work they do nothing. They do not nest. */
void priority_urgent_begin(void);
void priority_urgent_end(void);
