/* SPDX-License-Identifier: MIT */
/* VOLUME/lock: held by the keeper for as long as the volume is in use. Its text says by whom and how
 * the last use ended, one `name value` a line: pid, mount, state (serving | stopping | clean | failed). */
#pragma once

#include <sys/types.h>

/* Takes the lock. While an owner is on its way out (its mount is gone, it drains) waits up to 30 s.
 * -EBUSY with *ret_why, which names the mount point and pid; freed by the caller. */
int lock_take(int volume_dirfd, int *ret_fd, char **ret_why);
/* Writes who holds it. */
int lock_describe(int fd, pid_t pid, const char *mount_point, const char *state);
/* For `brainy umount`: waits until the lock is free, at most `timeout_ms`; copies the final state.
 * -ETIMEDOUT. */
int lock_wait_free(int volume_dirfd, unsigned timeout_ms, char ret_state[32]);
