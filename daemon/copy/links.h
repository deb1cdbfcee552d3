/* SPDX-License-Identifier: MIT */
/* Where files that have several names were copied to: the source's (device, inode) to a path. Not
 * thread-safe. */
#pragma once

#include <sys/types.h>

struct links {
	void *tree; /* owned; of tsearch(3) */
};

/* Copies the path; the last one counts. -ENOMEM. */
int links_put(struct links *l, dev_t dev, ino_t ino, const char *path);
/* Borrowed until the next links_put(); NULL: not known. */
const char *links_get(const struct links *l, dev_t dev, ino_t ino);
void links_done(struct links *l);
