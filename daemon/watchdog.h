/* SPDX-License-Identifier: MIT */
/* Tells a server that hangs from one that has nothing to do, or much, or a slow disk. It hangs when, at each
 * of WATCHDOG_LOOKS looks in a row, requests wait, none was taken or answered since the look before, and no
 * thread has run, is runnable or is in a call that reaches a disk: all sleep on locks, or were stopped.
 *
 * Which call a sleeping thread is in is told to root only (the server's memory holds keys, so its owner may
 * not look into it). For others a thread that can be interrupted in its sleep does not wait for a disk: local
 * filesystems sleep deeper. Only where the volume lies on a FUSE filesystem could it, and there nothing but a
 * stopped server is found.
 *
 * Looks are counted, not time: a machine that slept, or a keeper that was stopped too, finds no hang in the
 * gap. On an idle mount nothing looks: the keeper then waits for the next request, as the server does.
 *
 * Thread-safety: one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WATCHDOG_LOOK_MS 2000
#define WATCHDOG_LOOKS 8u
#define WATCHDOG_HANG_S (WATCHDOG_LOOKS * WATCHDOG_LOOK_MS / 1000)

struct shared;

/* All fields are the watchdog's own, except that others may read `hung`. */
struct watchdog {
	struct shared *shared; /* owned mapping; NULL: sees nothing */
	bool shallow;          /* who waits for the disk can look like one that waits for a lock */
	bool watching;
	bool hung;             /* the last look has found it so */
	unsigned still;        /* looks in a row without a sign of life */
	uint64_t received, answered, ran; /* at the last look; ran: processor time of all threads, in ticks */
};

/* Maps the keeper's table of handles; asks on what the volume lies. */
int watchdog_init(struct watchdog *w, int handles_fd, int volume_dirfd);
void watchdog_done(struct watchdog *w);
/* Another server is looked at from now on. */
void watchdog_reset(struct watchdog *w);

/* True: watchdog_look() is to be called every WATCHDOG_LOOK_MS. False: watchdog_wake(), when a request comes.
 */
bool watchdog_watches(const struct watchdog *w);
void watchdog_wake(struct watchdog *w);
/* True when the server hangs. `serving`: it has begun to; before that it always has something to do. */
bool watchdog_look(struct watchdog *w, pid_t server, int fuse_fd, bool serving);
