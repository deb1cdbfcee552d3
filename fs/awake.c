/* SPDX-License-Identifier: MIT */
#include "fs/awake.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A burst: so many requests in so short a time, as the coarse clock sees it. */
#define BURST_REQUESTS 8u
#define BURST_MS 20u
/* Microseconds. A real processor has a shallow sleep that it leaves in less; a virtual one has to be woken by its
 * host, whatever the guest takes it for. */
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

void awake_init(struct awake *a)
{
	*a = (struct awake){ .fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC),
			     .limit = is_virtual() ? WAKE_UP_LIMIT_VIRTUAL : WAKE_UP_LIMIT };
	awake_end(a);
}

void awake_done(struct awake *a)
{
	if (a->fd >= 0)
		(void) close(a->fd);
	a->fd = -1;
}

static void wish(struct awake *a, int32_t microseconds)
{
	if (write(a->fd, &microseconds, sizeof(microseconds)) < 0)
		awake_done(a);
}

/* Reading the exact clock would cost as much as everything else here. */
static uint64_t coarse_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void awake_note(struct awake *a)
{
	uint64_t now;

	if (a->held || a->fd < 0)
		return;
	now = coarse_ms();
	if (now - a->since_ms > BURST_MS) {
		a->since_ms = now;
		a->requests = 0;
	}
	if (++a->requests < BURST_REQUESTS)
		return;
	a->held = true;
	wish(a, a->limit);
}

void awake_end(struct awake *a)
{
	a->held = false;
	a->requests = 0;
	if (a->fd >= 0)
		wish(a, NO_WISH);
}
