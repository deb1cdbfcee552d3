/* SPDX-License-Identifier: MIT */
#include "base/priority.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ioprio_set(2), which has no header. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE        0
#define IOPRIO_IDLE        (3 << 13)

#define NICEST 19
#define STEP_BACK_NICE 5

static __thread bool is_background;
static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool may_change;

/* Linux takes a thread for what POSIX says of a process. */
static int set_nice(int tid, int nice)
{
	return setpriority(PRIO_PROCESS, (id_t)tid, nice);
}

static void set(int tid, int nice, int io)
{
	(void) set_nice(tid, nice);
	(void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, io);
}

void priority_lower(int tid)
{
	set(tid, NICEST, IOPRIO_IDLE);
}

void priority_raise(int tid)
{
	set(tid, 0, IOPRIO_NONE);
}

void priority_step_back(void)
{
	(void) set_nice(0, STEP_BACK_NICE);
}

static void *try_to_change(void *unused)
{
	may_change = set_nice(0, NICEST) == 0 && set_nice(0, 0) == 0;
	return NULL;
}

static void ask(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, try_to_change, NULL) == 0)
		(void) pthread_join(t, NULL);
}

bool priority_may_change(void)
{
	(void) pthread_once(&asked, ask);
	return may_change;
}

bool priority_background_begin(void)
{
	if (is_background || !priority_may_change())
		return false;
	is_background = true;
	priority_lower(0);
	return true;
}

void priority_background_end(void)
{
	is_background = false;
	priority_raise(0);
}

void priority_urgent_begin(void)
{
	if (is_background)
		(void) set_nice(0, 0);
}

void priority_urgent_end(void)
{
	if (is_background)
		(void) set_nice(0, NICEST);
}
