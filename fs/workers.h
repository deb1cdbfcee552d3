/* SPDX-License-Identifier: MIT */
/* Some threads and a queue of jobs, first come, first served. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

struct job {
	struct job *next;
	void (*run)(struct job *job); /* owns the job from here on */
};

/* `threads` from the beginning, up to `max` (64 at most) as jobs wait for one. `name` is borrowed. */
int workers_start(const char *name, unsigned threads, unsigned max, struct workers **ret_w);
/* Runs what is queued, then ends the threads. */
struct workers *workers_stop(struct workers *w);
void workers_add(struct workers *w, struct job *job);
/* Jobs that are queued or running. */
unsigned workers_load(struct workers *w);
