/* SPDX-License-Identifier: MIT */
/* fsync: what the dispatcher collects is answered by one sync for all. On a fast disk it is done
 * where it was asked for, because a wake-up on another core costs more; on a slow one a thread of its
 * own keeps the mount answering meanwhile.
 *
 * Thread-safety: syncs_add(), syncs_waiting() and syncs_commit() are the dispatcher's. */
#pragma once

#include "fs/fs_impl.h"

#define SYNCS_MAX 256u

int syncs_start(struct fs *fs, struct syncs **ret_s);
/* Answers what is left. */
struct syncs *syncs_stop(struct syncs *s);
/* Makes durable what was executed so far, here and now. */
int syncs_now(const struct fs *fs);
/* Takes the request over: an fsync, or a write of so many bytes that is to be durable before its reply. */
void syncs_add(struct syncs *s, fuse_req_t req, size_t written);
unsigned syncs_waiting(const struct syncs *s);
/* Syncs and answers, or hands them to the thread. */
void syncs_commit(struct syncs *s);
