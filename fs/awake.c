/* SPDX-License-Identifier: MIT */
#include "fs/awake.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

/* A burst: so many requests in so short a time, as the coarse clock sees it. */
#define BURST_REQUESTS 8u
#define BURST_MS 20u
/* Microseconds. A real processor has a shallow sleep that it leaves in less; a virtual one has to be woken by
 * its host, whatever the guest takes it for. */
#define WAKE_UP_LIMIT 2
#define WAKE_UP_LIMIT_VIRTUAL 0
/* What the kernel takes for "no wish", in microseconds (PM_QOS_CPU_LATENCY_DEFAULT_VALUE). */
#define NO_WISH 2000000000

/* Virtual processors have this idle driver, where the host's allows it. */
static bool is_virtual(void)
{
	_cleanup_close_ int fd = open("/sys/devices/system/cpu/cpuidle/current_driver", O_RDONLY | O_CLOEXEC);
	char name[16];

	return fd >= 0 && read(fd, name, sizeof(name)) >= 8 && memcmp(name, "haltpoll", 8) == 0;
}

static void wish(struct awake *a, int32_t microseconds)
{
	(void) !write(a->fd, &microseconds, sizeof(microseconds));
}

/* With the lock held. */
static void hold(struct awake *a, bool on)
{
	atomic_store_explicit(&a->held, on, memory_order_relaxed);
	wish(a, on ? a->limit : NO_WISH);
}

/* With the lock held; releases it while it waits. Returns when a burst is over, or at the end. */
static void outlast_burst(struct awake *a)
{
	uint64_t seen, now = atomic_load_explicit(&a->noted, memory_order_relaxed);

	do {
		uint64_t until_ms = clock_mono_ms() + AWAKE_END_MS;

		seen = now;
		while (!a->ending && cond_wait_until(&a->wake, &a->lock, until_ms) != -ETIMEDOUT)
			;
		now = atomic_load_explicit(&a->noted, memory_order_relaxed);
	} while (now != seen && !a->ending);
}

static void *run(void *context)
{
	struct awake *a = context;
	LOCKED(&a->lock);

	while (!a->ending) {
		if (atomic_load_explicit(&a->held, memory_order_relaxed)) {
			outlast_burst(a);
			hold(a, false);
		} else {
			(void) pthread_cond_wait(&a->wake, &a->lock);
		}
	}
	return NULL;
}

static void release(struct awake *a)
{
	(void) pthread_cond_destroy(&a->wake);
	(void) pthread_mutex_destroy(&a->lock);
	(void) close(a->fd);
	a->fd = -1;
}

void awake_init(struct awake *a)
{
	*a = (struct awake){ .fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC),
			     .limit = is_virtual() ? WAKE_UP_LIMIT_VIRTUAL : WAKE_UP_LIMIT };
	if (a->fd < 0)
		return;
	wish(a, NO_WISH); /* opening it is a wish for 0 */
	(void) pthread_mutex_init(&a->lock, NULL);
	cond_init(&a->wake);
	if (thread_start(&a->thread, "brainy-awake", run, a) < 0)
		release(a);
}

static void end(struct awake *a)
{
	LOCKED(&a->lock);

	a->ending = true;
	(void) pthread_cond_signal(&a->wake);
}

void awake_done(struct awake *a)
{
	if (a->fd < 0)
		return;
	end(a);
	(void) pthread_join(a->thread, NULL);
	release(a);
}

/* Reading the exact clock would cost as much as everything else here. */
static uint64_t coarse_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begin(struct awake *a)
{
	LOCKED(&a->lock);

	a->requests = 0;
	hold(a, true);
	(void) pthread_cond_signal(&a->wake);
}

void awake_note(struct awake *a)
{
	uint64_t now;

	if (a->fd < 0)
		return;
	if (atomic_load_explicit(&a->held, memory_order_relaxed)) {
		uint64_t noted = atomic_load_explicit(&a->noted, memory_order_relaxed);

		/* Written by this thread alone, so it need not be one step. */
		atomic_store_explicit(&a->noted, noted + 1, memory_order_relaxed);
		return;
	}
	now = coarse_ms();
	if (now - a->since_ms > BURST_MS) {
		a->since_ms = now;
		a->requests = 0;
	}
	if (++a->requests == BURST_REQUESTS)
		begin(a);
}
