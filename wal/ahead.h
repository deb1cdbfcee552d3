/* SPDX-License-Identifier: MIT */
/* Makes the segments of a folder durable while they are read: an open that somebody waits for would else wait for one
 * fdatasync after the other, when the disk has much to do. What is clean afterwards stays so until it is written to.
 * Private to wal/. Thread-safety: one thread; the segments must not be written to or freed before ahead_end(). */
#pragma once

#include <pthread.h>

#include "wal/segment.h"

#define AHEAD_MAX 8u

struct ahead {
	struct ahead_one {
		pthread_t thread;
		struct segment *segment; /* borrowed */
		int result;
	} one[AHEAD_MAX];
	unsigned n;
};

/* Begins with as many as threads can be had for. */
void ahead_begin(struct ahead *a, struct segment **segments, size_t n);
/* Waits for all; notes which segments are clean. Negative: one could not be synced. Once more does nothing. */
int ahead_end(struct ahead *a);
