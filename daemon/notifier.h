/* SPDX-License-Identifier: MIT */
/* Processes that tell the kernel what it is to forget. That waits, out of reach of every signal, for
 * whoever changes the folder of a name at the time, and he for the answer to his request. A thread of
 * the server that waits so keeps a server that was killed from coming to its end, for which the keeper
 * waits before another one answers that request: for ever. So does one that waits for a page, which whoever
 * reads it has locked. A process of its own is nobody's to wait for, and tells even what a server that
 * was killed had still to tell. It knows no keys, and ends when all is told and the server has ended. If
 * the keeper has, too, it sees to it that nobody waits for an answer.
 *
 * One process tells the news that nobody waits for, one after the other; who waits until the kernel has
 * been told has another.
 *
 * At the end the latest NOTIFIER_REPEATED notifications are told once more. So whoever tells of a
 * change both before it is committed and afterwards need not care when the server is killed: what the
 * kernel has asked for in between was still as it had been, and it forgets that, too.
 *
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NOTIFIER_REPEATED 64
#define NOTIFIER_WAITING_MAX 16
#define NOTIFIER_MESSAGE_MAX 512 /* bytes */

struct notifier;

/* Started when it is first needed, and again when it has ended. `fuse_fd` is borrowed. Our parent is
 * the keeper. It lasts as long as the server. */
int notifier_new(int fuse_fd, struct notifier **ret_n);
/* Hands on a notification as /dev/fuse takes it. -EAGAIN: much waits already, for a while when it
 * `may_wait`. -errno: nobody is told. */
int notifier_tell(struct notifier *n, const void *message, size_t len, bool may_wait);
/* The same, and returns when the kernel has been told. -EINTR: not before notifier_interrupt(). -EBUSY: so
 * many wait already. */
int notifier_tell_and_wait(struct notifier *n, const void *message, size_t len);
/* Who waits does so no longer, nor does anybody from now on. */
void notifier_interrupt(struct notifier *n);
