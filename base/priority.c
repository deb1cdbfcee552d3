/* SPDX-License-Identifier: MIT */
#include "base/priority.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ioprio_set(2), which has no header. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE        0
#define IOPRIO_IDLE        (3 << 13)

#define STEP_BACK_NICE 5

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

void priority_step_back(void)
{
	(void) setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), STEP_BACK_NICE);
}

/* Until the other end of the pipe is closed. */
static void *sleep_on(void *pipe_end)
{
	int fd = (int)(intptr_t)pipe_end;
	char byte;

	(void) !read(fd, &byte, 1);
	(void) close(fd);
	return NULL;
}

static bool set_policy(pthread_t t, int policy)
{
	struct sched_param zero = { 0 };

	return pthread_setschedparam(t, policy, &zero) == 0;
}

/* A thread that made itself idle would have to wait for a processor that is, before it could come back. */
bool priority_may_change(void)
{
	int ends[2];
	pthread_t t;
	bool may;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	if (pthread_create(&t, NULL, sleep_on, (void *)(intptr_t)ends[0]) != 0) {
		(void) close(ends[0]);
		(void) close(ends[1]);
		return false;
	}
	may = set_policy(t, SCHED_IDLE) && set_policy(t, SCHED_OTHER);
	(void) close(ends[1]);
	(void) (may ? pthread_join(t, NULL) : pthread_detach(t));
	return may;
}
