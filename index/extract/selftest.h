/* SPDX-License-Identifier: MIT */
/* Tries, from inside a worker's sandbox, what a hostile document would try. */
#pragma once

/* Prints a line for each attempt. Returns the exit status: 0 all were refused, 1 not, 77 the kernel has no
 * landlock or no seccomp. */
int selftest_run(void);
