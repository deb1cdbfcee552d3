/* SPDX-License-Identifier: MIT */
/* Keeps idle processors from sleeping while requests come in bursts.
 *
 * A program that works through a mount and the dispatcher take turns, on two processors as a rule, and each
 * turn wakes one of them. From an idle state that takes longer than most requests: many times longer in a
 * virtual machine. So, during a burst only, we ask the kernel for wake-ups without delay (its PM QoS
 * interface, /dev/cpu_dma_latency, which forgets us when we die). Root only; without it nothing happens.
 *
 * A thread sees to the end of a burst, so that the dispatcher need not ask before each request whether it is
 * the last one.
 *
 * Thread-safety: none; the dispatcher's own. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct awake {
	int fd;            /* owned; -1: cannot be had, and nothing below is used */
	int32_t limit;     /* microseconds that a wake-up may take during a burst */
	uint64_t since_ms; /* of the requests counted */
	unsigned requests;
	_Atomic uint64_t noted; /* in bursts, since the start */
	atomic_bool held;       /* a burst; written under lock */
	pthread_mutex_t lock;   /* rank 60 */
	pthread_cond_t wake;
	bool ending;            /* guarded by lock */
	pthread_t thread;
};

/* After so long without a request a burst is over. */
#define AWAKE_END_MS 20

/* `a` must stay where it is until awake_done(). */
void awake_init(struct awake *a);
void awake_done(struct awake *a);
/* A request has come. */
void awake_note(struct awake *a);
