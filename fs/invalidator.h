/* SPDX-License-Identifier: MIT */
/* Tells the kernel what it must forget, from a thread that holds no lock and serves no request: a
 * notification can wait for a request that is under way. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

int invalidator_start(struct fs *fs, struct invalidator **ret_v);
/* Ends the thread; what is added later is ignored. */
void invalidator_stop(struct invalidator *v);
struct invalidator *invalidator_free(struct invalidator *v);
/* Drops the attributes that the kernel holds. File bytes never change behind its back. */
void invalidator_add(struct invalidator *v, uint64_t ino);
