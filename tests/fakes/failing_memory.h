/* SPDX-License-Identifier: MIT */
/* Memory that runs out when a test says so. Stands before the C library's allocation functions, mmap(2) and
 * pthread_create(3), for the program and, but in sanitized builds, for its libraries too.
 *
 * Thread-safety: safe; allocations of all threads count. */
#pragma once

#include <stdbool.h>

enum memory_lack {
	MEMORY_ONCE,  /* one allocation fails, the next ones do not */
	MEMORY_STAYS, /* from that one on all fail */
};

/* The `nth` allocation from now fails, 1 is the next. */
void memory_fail(unsigned nth, enum memory_lack lack);
/* There is memory again. True when an allocation has failed. */
bool memory_end(void);
