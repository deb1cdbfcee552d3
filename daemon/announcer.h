/* SPDX-License-Identifier: MIT */
/* A process that does to the mount what makes the kernel tell inotify of an entry that came or went: it does
 * not report what a filesystem's own server has changed. It must not be the server, which would wait for
 * itself. It knows no keys, and ends with the server.
 *
 * Not thread-safe: one thread announces. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct announcer;

/* Started when it is first needed, and again when it has ended. */
struct announcer *announcer_new(void);
struct announcer *announcer_free(struct announcer *a);
/* The entry `path` came, or went: makes a symlink there, or unlinks it, and waits for that. -ETIMEDOUT: the mount is
 * slow; the same call again goes on waiting, and is what comes next. -errno. */
int announcer_tell(struct announcer *a, bool came, const char *path);
/* 0: it does not run. Any thread. */
pid_t announcer_pid(struct announcer *a);
