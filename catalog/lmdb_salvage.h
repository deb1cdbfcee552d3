/* SPDX-License-Identifier: MIT */
/* Gives out the records of a store whose structure is damaged, as far as its pages hold them. Private to the
 * store and its repair.
 *
 * Thread-safety: safe. */
#pragma once

#include "catalog/lmdb_check.h"

/* Gives records in this order: those of the tree, as far as it can be followed; those of leaves that no tree
 * names and no list of free pages; then, `stale`, those of free pages: former states. */
typedef void (*salvage_fn)(void *context, const void *key, size_t key_len, const void *value, size_t len, bool stale);

/* A key may come more than once: then the first one is the likelier. Of pages of 4096 bytes only. 1: nobody
 * knows which pages are free, and former states came with the others. -EBADMSG: there is nothing to read. */
int lmdb_salvage(int fd, salvage_fn record, void *context);
