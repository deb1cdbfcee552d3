/* SPDX-License-Identifier: MIT */
/* Threads and condition variables as all of brainyfs uses them. Thread-safe. */
#pragma once

#include <pthread.h>

/* A thread with all signals blocked, so that those of the process go to its first one; `name`, at most 15
 * bytes, is for ps(1). -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context);

/* A condition variable whose time-outs are clock_mono_*() times. */
void cond_init(pthread_cond_t *ret_c);
