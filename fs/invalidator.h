/* SPDX-License-Identifier: MIT */
/* Tells the kernel what it must forget, from a thread that holds no lock and serves no request: a
 * notification can wait for a request that is under way. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

int invalidator_start(struct fs *fs, struct invalidator **ret_v);
/* Ends the thread; what is added later is ignored. */
void invalidator_stop(struct invalidator *v);
struct invalidator *invalidator_free(struct invalidator *v);
/* Drops the attributes that the kernel holds. File bytes change behind its back in one case only: */
void invalidator_add(struct invalidator *v, uint64_t ino);
/* a direct write may have overtaken pages of its range (fetched.h). Drops them. */
void invalidator_add_range(struct invalidator *v, uint64_t ino, uint64_t offset, size_t len);
/* A name of a file that is gone. Programs that watch the folder are told, too. `ino` 0: the file itself is not, and they
 * are told nothing. */
void invalidator_add_name(struct invalidator *v, uint64_t dir, const char *name, uint64_t ino);
