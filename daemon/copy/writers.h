/* SPDX-License-Identifier: MIT */
/* Does somebody write to a file? Asked by file leases (fcntl(2), F_SETLEASE), which tell the owner of a file
 * and root; for others, and on filesystems without leases, a file that was left alone for WRITERS_QUIET_MS
 * counts as finished. In any case it must have been left alone for WRITERS_TICK_MS: by then a later change
 * has another mtime. The process must ignore SIGIO. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#define WRITERS_QUIET_MS 1000u
#define WRITERS_TICK_MS  20u
#define WRITERS_HELD_MS  2000u

/* `fd` is open for reading only; `st` is what it is now. One that was not left alone for `quiet_ms` is
 * written to, too. 0: nobody writes to it; otherwise when to ask again, at the latest when it is closed. */
unsigned writers_wait_ms(int fd, const struct stat *st, unsigned quiet_ms);

/* Whoever opens the file from now on waits for writers_let_in(). False: somebody has it open. True, and
 * nothing is done, where there are no leases. */
bool writers_keep_out(int fd);
void writers_let_in(int fd);
