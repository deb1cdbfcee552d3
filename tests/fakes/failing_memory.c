/* SPDX-License-Identifier: MIT */
/* Without sanitizers these functions take the place of the C library's, which has other names for its own. A
 * sanitizer has taken that place already: there the linker (--wrap) leads calls of the program here. */
#include "tests/fakes/failing_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int lack = -1; /* enum memory_lack, or none */
static atomic_uint left;     /* until one fails */
static atomic_bool failed;

void memory_fail(unsigned nth, enum memory_lack how)
{
	atomic_store(&failed, false);
	atomic_store(&left, nth);
	atomic_store(&lack, (int)how);
}

bool memory_end(void)
{
	atomic_store(&lack, -1);
	return atomic_load(&failed);
}

/* True when this allocation is one that fails. */
static bool fails(void)
{
	int how = atomic_load(&lack);
	unsigned before;

	if (how < 0)
		return false;
	before = atomic_load(&left);
	while (before > 0 && !atomic_compare_exchange_weak(&left, &before, before - 1))
		;
	if (before > 1 || (before == 0 && how == MEMORY_ONCE))
		return false;
	atomic_store(&failed, true);
	errno = ENOMEM;
	return true;
}

#ifdef MEMORY_WRAPPED
#define NAME(function) __wrap_##function
#define REAL(function) __real_##function
#else
#define NAME(function) function
#define REAL(function) __libc_##function
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t size);
void *NAME(malloc)(size_t size);
void *NAME(calloc)(size_t n, size_t size);
void *NAME(realloc)(void *p, size_t size);
void *NAME(aligned_alloc)(size_t align, size_t size);
void *NAME(mmap)(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int NAME(pthread_create)(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *), void *context);

void *NAME(malloc)(size_t size)
{
	return fails() ? NULL : REAL(malloc)(size);
}

void *NAME(calloc)(size_t n, size_t size)
{
	return fails() ? NULL : REAL(calloc)(n, size);
}

void *NAME(realloc)(void *p, size_t size)
{
	return fails() ? NULL : REAL(realloc)(p, size);
}

#ifdef MEMORY_WRAPPED

/* What lies in the C library and allocates there, where --wrap does not reach. */
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *), void *context);
void *__real_reallocarray(void *p, size_t n, size_t size);
int __real_vasprintf(char **ret_text, const char *format, va_list args);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
int __wrap_vasprintf(char **ret_text, const char *format, va_list args);
int __wrap_asprintf(char **ret_text, const char *format, ...);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(align, size);
}

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap(at, len, protection, flags, fd, offset);
}

int __wrap_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *), void *context)
{
	return fails() ? EAGAIN : __real_pthread_create(ret_thread, attr, run, context);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

char *__wrap_strndup(const char *s, size_t len)
{
	size_t n = strnlen(s, len);
	char *copy = __wrap_malloc(n + 1);

	if (copy) {
		memcpy(copy, s, n);
		copy[n] = 0;
	}
	return copy;
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
	return fails() ? -1 : __real_vasprintf(ret_text, format, args);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = __wrap_vasprintf(ret_text, format, args);
	va_end(args);
	return n;
}

#else

void *__libc_memalign(size_t align, size_t size);
int posix_memalign(void **ret_p, size_t align, size_t size);

void *aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **ret_p, size_t align, size_t size)
{
	void *p = fails() ? NULL : __libc_memalign(align, size);

	if (p)
		*ret_p = p;
	return p ? 0 : ENOMEM;
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *), void *context)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (!real)
		real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT,
													  "pthread_create");
	return fails() ? EAGAIN : real(ret_thread, attr, run, context);
}

#endif
