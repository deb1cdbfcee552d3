/* SPDX-License-Identifier: MIT */
/* Runs a function that reads mapped files so that a fault in it (SIGBUS: the disk does not answer or
 * the file became shorter; SIGSEGV: damaged bytes led a library astray) is an error and not the end
 * of the process.
 *
 * What the function had allocated or locked is lost after a fault: the caller stops using it.
 *
 * Thread-safety: safe. Faults outside go to the handlers that were there before. */
#pragma once

/* Once in a process, before the first run; further calls do nothing. -errno of sigaction(2). */
int fault_guard_install(void);
/* What call(context) returns, or `fault`. May be nested. */
int fault_guard_run(int (*call)(void *context), void *context, int fault);
/* Ends the innermost run of this thread as a fault would; returns when there is none. */
void fault_guard_raise(void);
