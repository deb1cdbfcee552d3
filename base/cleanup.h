/* SPDX-License-Identifier: MIT */
/* Scope-bound cleanup for locals. A cleanup function takes a pointer to the variable,
 * tolerates NULL and -1, and is named after what it releases with a trailing `p`. */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines NAMEp() for `_cleanup_`: calls `f` on the variable's value unless it is NULL. */
#define DEFINE_CLEANUP(type, f)                                                                    \
	static inline __attribute__((unused)) void f##p(type *p)                                   \
	{                                                                                          \
		if (*p)                                                                            \
			f(*p);                                                                     \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Keeps errno, so that it can run between a failed call and the look at its errno. */
static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void) close(*fd);
	errno = saved;
}

static inline void unlockp(pthread_mutex_t **m)
{
	if (*m)
		(void) pthread_mutex_unlock(*m);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

static inline pthread_mutex_t *mutex_lock(pthread_mutex_t *m)
{
	(void) pthread_mutex_lock(m);
	return m;
}

/* Holds `m` until the end of the block; once a block. */
#define LOCKED(m)                                                                                  \
	_cleanup_(unlockp) pthread_mutex_t *locked_mutex __attribute__((unused)) = mutex_lock(m)

/* Hand a local over to the caller, so that its cleanup finds nothing. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__typeof__(*(p)) *_place = (p);                                                    \
		__typeof__(*(p)) _taken = *_place;                                                 \
		*_place = NULL;                                                                    \
		_taken;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a < _b ? _a : _b;                                                                 \
	})
#define MAX(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a > _b ? _a : _b;                                                                 \
	})
