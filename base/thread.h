/* SPDX-License-Identifier: MIT */
/* Threads and condition variables as all of brainyfs uses them. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdint.h>

/* A thread with all signals blocked, so that those of the process go to its first one; `name`, at most 15
 * bytes, is for ps(1). -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context);

/* A condition variable whose time-outs are those of cond_wait_until(). */
void cond_init(pthread_cond_t *ret_c);
/* As pthread_cond_wait(), which may return for no reason, too. -ETIMEDOUT: clock_mono_ms() has reached
 * `until_ms`. */
int cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ms);
