/* SPDX-License-Identifier: MIT */
/* Tells the kernel what it must forget, by way of a process that serves no request: a notification can
 * wait for one that is under way (daemon/notifier.h). It has the news before the caller goes on, and so
 * before a reply that follows, unless it has very much to tell already; the kernel has it soon
 * afterwards.
 *
 * Who says it before a change is committed, and afterwards again, is heard though the server is killed
 * in between: the latest news are told once more when it has ended. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

int invalidator_start(struct fs *fs, struct invalidator **ret_v);
/* Ends the thread that waits where there is no room; what is added later is ignored. */
void invalidator_stop(struct invalidator *v);
struct invalidator *invalidator_free(struct invalidator *v);
/* Drops the attributes that the kernel holds. File bytes change behind its back in one case only: */
void invalidator_add(struct invalidator *v, uint64_t ino);
/* a direct write may have overtaken pages of its range (fetched.h). Drops them. */
void invalidator_add_range(struct invalidator *v, uint64_t ino, uint64_t offset, size_t len);
/* The same at once (-1, 0: attributes alone). 0: the kernel has done so, for which it may have waited: for who reads one
 * of the pages, or for an inode that is being evicted. -EINTR: serving has ended meanwhile. */
int invalidator_drop(struct invalidator *v, uint64_t ino, off_t offset, size_t len);
/* A name of a file that is gone. Programs that watch the folder are told, too. `ino` 0: the file itself
 * is not, and they are told nothing. */
void invalidator_add_name(struct invalidator *v, uint64_t dir, const char *name, uint64_t ino);
