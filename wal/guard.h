/* SPDX-License-Identifier: MIT */
/* Turns SIGBUS inside one call into -EIO: a store into a mapped file whose page cannot be read or allocated
 * raises it. Private to wal/. The handler is installed once, for the process; a SIGBUS elsewhere goes to the
 * handler that was there before. */
#pragma once

/* Once, before the first guard_call(). */
int guard_install(void);
/* Returns what `call` returns, or -EIO when it was ended by SIGBUS half way: it must hold nothing then. */
int guard_call(int (*call)(void *context), void *context);
