/* SPDX-License-Identifier: MIT */
/* Entries of folders that came or went without a request that the kernel would report to inotify: a process
 * makes and removes them once more (daemon/announcer.h), and its requests are recognized here, answered as if
 * they did something, and do nothing. One after the other, from a thread that the first one starts, each once, by
 * the next server if need be (announcements.h). Thread-safety: safe.
 *
 * In folders of the volume entries are announced that are there only, and by a symlink with a target that
 * nobody else can give one: a request that comes late, when nobody waits for it any more, is refused. */
#pragma once

#include "fs/fs_impl.h"

struct announcing;
struct caller;

int announcing_new(struct fs *fs, struct announcing **ret_a);
/* Goes on with what the server before has left. Requests must be served soon. */
void announcing_start(struct announcing *a);
/* Waits for the announcement under way; the others are left to the next server, and what is added later is dropped. */
void announcing_stop(struct announcing *a);
struct announcing *announcing_free(struct announcing *a);

/* A file that a saved search finds now, or does not find any more. */
struct found_change {
	bool came;
	uint64_t search, ino; /* the change that was announced is there once the search has this member, or has not */
	uint64_t dir;         /* the folder of the search */
	const char *folder;   /* its path below the mount */
	const char *name;     /* of the entry */
	const struct caller *as; /* whose folder it is, who is found there by another name than by the owner of the
				    mount; NULL: the owner's */
};
/* Is told once announcing_settle() says that this was committed. Of very many, the last ones are dropped. */
void announcing_prepare(struct announcing *a, const struct found_change *change);
/* All that was prepared. */
void announcing_settle(struct announcing *a, bool committed);
/* The entry `name` of a folder of the volume came, in which it is, a moment ago. */
void announcing_add_in(struct announcing *a, uint64_t dir, const char *name);

/* Is something being announced, and this the process that announces it? */
bool announcing_is_by(struct announcing *a, int pid);
/* Is it the announcer who asks, on its way to somebody else's folder? Copies who that is: 1. 0. -ENOMEM. */
int announcing_caller(fuse_req_t req, struct caller *ret_c);
/* Requests that may be the announcer's. True: it was, and has its reply. */
bool announcing_lookup(fuse_req_t req, uint64_t dir, const char *name);
bool announcing_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name);
bool announcing_unlink(fuse_req_t req, uint64_t dir, const char *name);
