/* SPDX-License-Identifier: MIT */
/* The last inodes that lost their last name. The catalog forgets them when no program has them open;
 * one that has a removed directory as its current one, or an O_PATH descriptor, may still ask for
 * attributes. Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

int departed_new(struct departed **ret_d);
struct departed *departed_free(struct departed *d);
void departed_add(struct departed *d, const struct inode *i);
/* -ENOENT: never heard of, or too long ago. */
int departed_get(struct departed *d, uint64_t ino, struct inode *ret_i);
