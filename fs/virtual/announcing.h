/* SPDX-License-Identifier: MIT */
/* Entries of folders that came or went without a request that the kernel would report to inotify: a process
 * makes and removes them once more (daemon/announcer.h), and its requests are recognized here, answered as if
 * they did something, and do nothing. One after the other, from a thread that the first one starts. This is
 * for programs that show a folder: what must not be missed is in the journal of events. Thread-safety: safe.
 *
 * In folders of the volume entries are announced that are there only, and by a symlink with a target that
 * nobody else can give one: a request that comes late, when nobody waits for it any more, is refused. */
#pragma once

#include "fs/fs_impl.h"

struct announcing;

int announcing_new(struct fs *fs, struct announcing **ret_a);
/* Waits for the announcement under way; the others are dropped, and what is added later. */
void announcing_stop(struct announcing *a);
struct announcing *announcing_free(struct announcing *a);
/* The entry `name` of the folder `dir`, whose path below the mount is `folder`, came or went. Of very many,
 * the last ones are dropped. */
struct caller;
/* `as`: whose folder it is, who is found there by another name than by the owner of the mount; copied. NULL:
 * the owner's. */
void announcing_add(struct announcing *a, bool came, uint64_t dir, const char *folder, const char *name,
		    const struct caller *as);
/* The same of a folder of the volume, in which the entry is, a moment later. */
void announcing_add_in(struct announcing *a, uint64_t dir, const char *name);

/* Is it the announcer who asks, on its way to somebody else's folder? Copies who that is: 1. 0. -ENOMEM. */
int announcing_caller(fuse_req_t req, struct caller *ret_c);
/* Requests that may be the announcer's. True: it was, and has its reply. */
bool announcing_lookup(fuse_req_t req, uint64_t dir, const char *name);
bool announcing_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name);
bool announcing_unlink(fuse_req_t req, uint64_t dir, const char *name);
