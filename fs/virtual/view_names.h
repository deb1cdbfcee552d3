/* SPDX-License-Identifier: MIT */
/* What views that make names of their own need of view_names.c. */
#pragma once

#include "catalog/tree.h"

/* Appends the file's name, without its folder. -ENOENT: it has gone, or was renamed just now. */
int view_base_name(struct catalog *c, const struct inode *i, struct buf *ret_name);
/* Appends that name with the inode's number in it. */
int view_numbered_name(const struct buf *name, uint64_t ino, struct buf *ret_name);
