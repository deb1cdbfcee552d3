/* SPDX-License-Identifier: MIT */
/* Requests that wait for something without holding a thread: one thread asks every few milliseconds
 * whether what they wait for has come, and lets go of those whose time is over or whose program was
 * interrupted (within 50 ms: a program that waits for a reply cannot be killed before).
 *
 * Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

struct parked {
	struct parked *next;
	fuse_req_t req;
	uint64_t unique;
	uint64_t deadline_ms;              /* CLOCK_MONOTONIC */
	atomic_bool interrupted;
	/* Asked by the parking thread, which holds no lock; quick. */
	bool (*ready)(struct parked *p);
	/* Called once, on the parking thread or, after its end, by parking_add(); quick. `why`: 0,
	 * -ETIMEDOUT, -EINTR; takes `p` over. */
	void (*resume)(struct parked *p, int why);
};

int parking_start(struct fs *fs, struct parking **ret_parking);
/* Resumes what is left, and what is added from now on, with -EINTR. */
void parking_end(struct parking *parking);
/* After its end, when nobody adds any more. */
struct parking *parking_free(struct parking *parking);
void parking_add(struct parking *parking, struct parked *p);
