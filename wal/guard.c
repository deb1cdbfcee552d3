/* SPDX-License-Identifier: MIT */
#include "wal/guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static _Thread_local sigjmp_buf *armed; /* of the guarded call on this thread */
static struct sigaction before;
static int install_result;

static void on_sigbus(int number, siginfo_t *info, void *ucontext)
{
	sigjmp_buf *back = armed;

	if (back) {
		armed = NULL;
		siglongjmp(*back, 1);
	}
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, ucontext);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else {
		/* The store is tried again, and this time it is fatal. */
		(void) sigaction(number, &before, NULL);
	}
}

static void install(void)
{
	/* NODEFER: the jump leaves the handler without returning, and with SIGBUS unblocked. */
	struct sigaction a = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	(void) sigemptyset(&a.sa_mask);
	install_result = sigaction(SIGBUS, &a, &before) < 0 ? -errno : 0;
}

int guard_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void) pthread_once(&once, install);
	return install_result;
}

int guard_call(int (*call)(void *context), void *context)
{
	sigjmp_buf back;
	int r;

	if (sigsetjmp(back, 0))
		return -EIO;
	armed = &back;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r = call(context);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	armed = NULL;
	return r;
}
