/* SPDX-License-Identifier: MIT */
/* Kills the server of a mount, again and again, for tests that run on a real one. Before each kill the server is stopped
 * and the keeper's table is read: which requests were begun and not answered. Three of four kills are aimed at a moment when
 * there is one.
 *
 * Thread-safety: one thread, except kills_done. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct shared;

struct kills {
	pid_t keeper;
	struct shared *table; /* the keeper's; NULL: may not be read */
	unsigned seed;
	atomic_uint done;     /* kills so far */
	unsigned hits;        /* of them at least one request was begun and not answered */
	unsigned requests;    /* that the kills hit */
	uint64_t slowest_ms;  /* until another server had come */
};

/* Finds the keeper by the volume's lock file. False: there is none. */
bool kills_begin(struct kills *k, const char *lock_file, unsigned seed);
/* Waits 0.5 to 1 s, then kills. False: no other server has come, or the keeper has gone. */
bool kills_next(struct kills *k);
/* Prints what there is to count. */
void kills_report(const struct kills *k);
