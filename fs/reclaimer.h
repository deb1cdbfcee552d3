/* SPDX-License-Identifier: MIT */
/* Frees inodes that have lost their last name and their last opener, behind the request that did it.
 * What a stopped server leaves undone stands in the catalog as orphans; the next one begins with
 * them. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

/* Also takes on the orphans in the catalog that nobody has open. */
int reclaimer_start(struct fs *fs, struct reclaimer **ret_c);
struct reclaimer *reclaimer_stop(struct reclaimer *c);
void reclaimer_add(struct reclaimer *c, uint64_t ino);
