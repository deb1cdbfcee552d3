/* SPDX-License-Identifier: MIT */
/* Keeps idle processors from sleeping while requests come in bursts.
 *
 * A program that works through a mount and the dispatcher take turns, on two processors as a rule, and each
 * turn wakes one of them. From an idle state that takes longer than most requests: many times longer in a
 * virtual machine. So, during a burst only, we ask the kernel for wake-ups without delay (its PM QoS
 * interface, /dev/cpu_dma_latency, which forgets us when we die). Root only; without it nothing happens.
 *
 * Thread-safety: none; the dispatcher's own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct awake {
	int fd;            /* owned; -1: cannot be had */
	int32_t limit;     /* microseconds that a wake-up may take during a burst */
	bool held;
	uint64_t since_ms; /* of the requests counted */
	unsigned requests;
};

/* After so long without a request a burst is over. */
#define AWAKE_END_MS 20

void awake_init(struct awake *a);
void awake_done(struct awake *a);
/* A request has come. */
void awake_note(struct awake *a);
/* None came for AWAKE_END_MS. */
void awake_end(struct awake *a);
