/* SPDX-License-Identifier: MIT */
/* What inotify is still to be told, in order, in the memory that outlives the server (fs/shared.h): those who
 * watch a folder do not know that another server serves it.
 *
 * A change of a saved search and its announcement cannot be made in one step, so the announcement comes first, as
 * a draft. Drafts that a server leaves were committed if the search has the members that they tell of. The
 * request that makes the kernel tell inotify is noted before it is answered: if the answer was not sent, the
 * kernel sends the request again, and it is known. What was told and not removed is announced once more, in vain, which
 * waits until that request has ended: the kernel lets nobody else change the folder meanwhile.
 *
 * Thread-safety: none; the caller has a lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fs/shared.h"

struct announcement {
	bool came;
	bool for_other;        /* it is of a folder that is there for `uid`, not for the owner of the mount */
	uint32_t uid;
	uint64_t dir;          /* inode of the folder */
	uint64_t due_ms;       /* clock_mono_ms(), which all servers share; 0: at once */
	uint64_t search, ino;  /* a draft: the file that enters or leaves a saved search (catalog/saved.h) */
	const char *path;      /* from the root; borrowed, until it is removed */
	const char *name;      /* within path */
};

/* Drafts wait for announcements_settle(). -ENOBUFS. */
int announcements_add(struct shared_announcements *s, const struct announcement *a, bool draft);
/* All drafts are to be announced, or dropped. */
void announcements_settle(struct shared_announcements *s, bool committed);
/* What a server before has left, also what it has told just now; `was_committed` is asked about each draft. */
void announcements_recover(struct shared_announcements *s,
			   bool (*was_committed)(void *context, const struct announcement *a), void *context);

/* Is there one, and no draft? */
bool announcements_first(struct shared_announcements *s, struct announcement *ret_a);
/* Of the first one: this request, which is not answered yet, tells of it. */
void announcements_tell(struct shared_announcements *s, uint64_t unique);
bool announcements_is_told(const struct shared_announcements *s);
/* Has this request told of the first one, or of the one before? */
bool announcements_was_told_by(const struct shared_announcements *s, uint64_t unique);
/* The first one. */
void announcements_remove(struct shared_announcements *s);
