/* SPDX-License-Identifier: MIT */
/* Looks for files whose documents break the rules, and queues them for EVENT_RULES, which has them read
 * again: among all inodes after a change of the rules (rules.h), and below a directory after it was renamed,
 * into or out of an excluded name. Links that wait for a path, or go from one, are looked at there, too (catalog/links.h).
 *
 * A directory that is renamed gets a queue entry in the batch that renames it, as a file does, and keeps it
 * until all that lies below was looked at: so a stop at any point has the next mount look again. What is moved
 * away meanwhile, or to where the walk was already, was renamed itself.
 *
 * Of the worker's thread, but for rules_directory_renamed(). */
#pragma once

#include "index/index_impl.h"

/* One step among all inodes, by what x->doubt says. 1: there is more. */
int rules_walk_all(struct index *x);
/* One step below a renamed directory. 1: there may be more. 0: there was none. */
int rules_walk_below(struct index *x);
/* What lies below it is to be looked at. -ENOMEM. Call with table_lock. */
int rules_directory_renamed(struct index *x, uint64_t ino);
