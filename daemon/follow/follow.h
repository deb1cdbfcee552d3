/* SPDX-License-Identifier: MIT */
/* Keeps a folder like another one, which inotify tells of. What is said to have changed is looked at, at both
 * sides, and made the same by a copier: the news is only where to look. So nothing depends on its order, and
 * when some is lost (the queue is full, the process was not running) all is looked at. Renames within the
 * source are renames at the destination.
 *
 * A folder is watched before it is listed. A file that somebody writes to is copied when it is closed. A file
 * with several names that changes has all of the tree looked at a moment later, because inotify tells of one
 * name only. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/copy/copier.h"

struct follow;

struct follow_config {
	int from_dirfd, to_dirfd;          /* borrowed */
	/* replace, share, prune, take, ignored, stop, tell, fail, step and context of those that a copier
	 * has. */
	struct copy_options options;
	volatile sig_atomic_t *stop;       /* borrowed: the same; set when something must end it */
};

int follow_new(const struct follow_config *config, struct follow **ret_f);
struct follow *follow_free(struct follow *f);

/* Makes them the same, once, waiting some seconds for files that somebody writes to; those are failures then.
 * -errno: it has ended, follow_why() says why. */
int follow_once(struct follow *f);
/* Goes on until *stop (0). `ready` is called when they are the same a first time. -errno as above. */
int follow_run(struct follow *f, void (*ready)(void *context));

/* Is there nothing in the folder? -errno. */
int follow_is_empty(int dirfd);

/* Borrowed; NULL: it has not ended by itself. */
const char *follow_why(const struct follow *f);
const struct copy_counts *follow_counts(const struct follow *f);
size_t follow_folders(const struct follow *f);
