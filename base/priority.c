/* SPDX-License-Identifier: MIT */
#include "base/priority.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ioprio_set(2), which has no header. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE        0
#define IOPRIO_IDLE        (3 << 13)

static void set(int tid, int policy, int io)
{
	(void) sched_setscheduler(tid, policy, &(struct sched_param){ 0 });
	(void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, io);
}

void priority_lower(int tid)
{
	set(tid, SCHED_IDLE, IOPRIO_IDLE);
}

void priority_raise(int tid)
{
	set(tid, SCHED_OTHER, IOPRIO_NONE);
}

static void *try_idle(void *ret)
{
	struct sched_param zero = { 0 };

	*(bool *)ret = pthread_setschedparam(pthread_self(), SCHED_IDLE, &zero) == 0 &&
		       pthread_setschedparam(pthread_self(), SCHED_OTHER, &zero) == 0;
	return NULL;
}

bool priority_may_change(void)
{
	pthread_t t;
	bool may = false;

	if (pthread_create(&t, NULL, try_idle, &may) != 0)
		return false;
	(void) pthread_join(t, NULL);
	return may;
}
