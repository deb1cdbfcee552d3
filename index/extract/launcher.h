/* SPDX-License-Identifier: MIT */
/* Keeps brainy-extract running and sends it requests. Thread-safety: safe, except launcher_free(). */
#pragma once

#include <stdbool.h>

#include "index/extract/protocol.h"

struct launcher;

/* -errno: PATH cannot be run. */
int launcher_new(const char *path, struct launcher **ret_l);
/* Ends the program and all its workers. */
struct launcher *launcher_free(struct launcher *l);
/* See extractor_missing(). */
int launcher_missing(struct launcher *l);

/* Lets all other sessions of this machine go first, or not: the program's autogroup is at nice 19 or 0, see
 * sched(7). Has no effect on a kernel without autogroups. Returns at once. */
void launcher_pace(struct launcher *l, bool background);

/* Gives the request an id and sends it with descriptors, which stay the caller's; to a new program if the
 * old one is gone. -EIO: it was started a moment ago, and died. */
int launcher_request(struct launcher *l, struct extract_request *q, const int *fds, unsigned n);
/* Ends the processes of a request. */
void launcher_kill(struct launcher *l, uint64_t id);
