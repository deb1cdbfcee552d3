/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <signal.h>
#include <time.h>

int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context)
{
	sigset_t all, old;
	int r;

	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(ret_thread, NULL, run, context);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		(void) pthread_setname_np(*ret_thread, name);
	return -r;
}

void cond_init(pthread_cond_t *ret_c)
{
	pthread_condattr_t monotonic;

	(void) pthread_condattr_init(&monotonic);
	(void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void) pthread_cond_init(ret_c, &monotonic);
	(void) pthread_condattr_destroy(&monotonic);
}

int cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ms)
{
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
				  .tv_nsec = (long)(until_ms % 1000) * 1000000 };

	return -pthread_cond_timedwait(c, lock, &until);
}
