/* SPDX-License-Identifier: MIT */
/* Frees inodes that have lost their last name and their last opener, behind the request that did it, and lets
 * what lies below a directory count for its quota. What a stopped server leaves undone stands in the catalog,
 * as orphans and in the records of quotas; the next one begins with it. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

/* Also takes on the orphans in the catalog that nobody has open. */
int reclaimer_start(struct fs *fs, struct reclaimer **ret_c);
struct reclaimer *reclaimer_stop(struct reclaimer *c);
void reclaimer_add(struct reclaimer *c, uint64_t ino);
/* Likewise a second later, when there are not too many, or after the last close of what is open then: another
 * file has its name now, and who looked the name up before may be about to open what it was. */
void reclaimer_add_later(struct reclaimer *c, const struct inode *i);
/* Whether an orphan that nobody else has open may be opened still. The caller has a handle of it already. */
bool reclaimer_lets_open(struct reclaimer *c, uint64_t ino);
/* Frees some of what waits, for a request that found a quota full. False: nothing waits. */
bool reclaimer_help(struct reclaimer *c);
/* A quota was set that a quota_walk is to carry through. */
void reclaimer_walk_quotas(struct reclaimer *c);
