/* SPDX-License-Identifier: MIT */
/* Folding: the bytes of inline extents move from the catalog's records into extent objects, many
 * files to an object, before a checkpoint would copy them into the store.
 *
 * What to fold is a list of ranges in memory, fed by the batches that put inline extents. It may name
 * too much; what it does not name (after a crash) stays inline until fold_scan() finds it, which costs
 * place in the store and nothing else.
 *
 * Thread-safety: fold_add() is safe; the others are called by one thread at a time. */
#pragma once

#include <stdint.h>

struct files;
struct fold;

struct fold *fold_new(void);
struct fold *fold_free(struct fold *fold);
/* Inline extents of `bytes` bytes together were put in [from, to). Without memory they are forgotten. */
void fold_add(struct fold *fold, uint64_t ino, uint64_t from, uint64_t to, uint64_t bytes);
/* About how many inline bytes wait to be folded, or are being folded. */
uint64_t fold_pending(struct fold *fold);
/* From now on fold_run() folds the smallest amounts, too: the mount is about to end. */
void fold_everything(struct fold *fold);
/* Folds what is on the list, once it is worth an object. What changed meanwhile comes back to it. -ENOSPC. -EIO. */
int fold_run(struct files *f);
/* Walks all extents and lists the inline ones; at most `limit` a call, from *at on (two zeros at
 * first). 1: there is more. */
struct fold_position {
	uint64_t ino, end;
};
int fold_scan(struct files *f, struct fold_position *at, unsigned limit);
