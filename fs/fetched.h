/* SPDX-License-Identifier: MIT */
/* Of which files pages were fetched lately. Thread-safety: safe.
 *
 * Before a write that passes its cache by the kernel drops the pages of the range, and after a synchronous
 * one with O_DIRECT again. After an asynchronous one it does not (fuse_aio_complete() of Linux 6.18), nor, in
 * kernels before, where we have asked for that way (HANDLE_ALONE): a page fetched between the two, before the
 * write was executed here, stays with the old bytes, for ever, since we let the kernel keep its cache. So
 * whoever executes such a write to a file of which pages were fetched lately has them dropped before the
 * reply (late_replies.h).
 *
 * "Lately" is within the last 2^18 requests of the mount: longer than a write that the kernel has begun waits
 * for its turn. Three files that share a place in the table may be taken for each other, which costs time
 * only. */
#pragma once

#include "fs/fs_impl.h"

int fetched_new(const struct shared *shared, struct fetched **ret_f);
struct fetched *fetched_free(struct fetched *f);
/* To be called before the bytes are looked up. */
void fetched_note(struct fetched *f, uint64_t ino);
/* To be asked after the write was executed. */
bool fetched_lately(struct fetched *f, uint64_t ino);
