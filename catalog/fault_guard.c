/* SPDX-License-Identifier: MIT */
#include "catalog/fault_guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

struct guard {
	sigjmp_buf back;
	struct guard *outer;
};

static _Thread_local struct guard *volatile innermost;
static struct sigaction before_bus, before_segv;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_result;

void fault_guard_raise(void)
{
	struct guard *g = innermost;

	if (!g)
		return;
	innermost = g->outer;
	siglongjmp(g->back, 1);
}

/* Not ours: as if this handler were not there. A default action happens when the instruction is
 * repeated. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *before = signal == SIGBUS ? &before_bus : &before_segv;

	if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(signal, info, context);
	else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
		before->sa_handler(signal);
	else
		(void) sigaction(signal, before, NULL);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	fault_guard_raise();
	pass_on(signal, info, context);
}

/* SA_NODEFER: the handler is left by a jump, which must not leave the signal blocked. */
static void install(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };

	(void) sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &before_bus) < 0 || sigaction(SIGSEGV, &action, &before_segv) < 0)
		install_result = -errno;
}

int fault_guard_install(void)
{
	(void) pthread_once(&once, install);
	return install_result;
}

/* The jump leaves the signal as blocked as the handler had it; a sanitizer may block in spite of
 * SA_NODEFER. */
static void unblock(void)
{
	sigset_t faults;

	(void) sigemptyset(&faults);
	(void) sigaddset(&faults, SIGBUS);
	(void) sigaddset(&faults, SIGSEGV);
	(void) pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
}

int fault_guard_run(int (*call)(void *context), void *context, int fault)
{
	struct guard g = { .outer = innermost };
	int r;

	if (sigsetjmp(g.back, 0) != 0) {
		unblock();
		return fault;
	}
	innermost = &g;
	r = call(context);
	innermost = g.outer;
	return r;
}
