/* SPDX-License-Identifier: MIT */
/* A few threads and a queue of jobs, first come, first served. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

struct job {
	struct job *next;
	void (*run)(struct job *job); /* owns the job from here on */
};

int workers_start(const char *name, unsigned threads, struct workers **ret_w);
/* Runs what is queued, then ends the threads. */
struct workers *workers_stop(struct workers *w);
void workers_add(struct workers *w, struct job *job);
/* Jobs that are queued or running. */
unsigned workers_load(struct workers *w);
