/* SPDX-License-Identifier: MIT */
/* Background priority of a thread, for processor and disk: SCHED_IDLE and the idle I/O class. Lower it only
 * while no lock is held: who waits for such a thread waits for the whole machine. Thread-safe. */
#pragma once

#include <stdbool.h>

/* May a thread of this process come back from SCHED_IDLE? That can need a privilege, so a thread that is of
 * no further use tries. */
bool priority_may_change(void);
/* `tid`: 0 is the calling thread. */
void priority_lower(int tid);
void priority_raise(int tid);
/* The calling thread gets a third of what others get where they want the same processor; for good. */
void priority_step_back(void);
