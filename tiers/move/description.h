/* SPDX-License-Identifier: MIT */
/* What a pack would have to say of a file. */
#pragma once

#include <stdbool.h>

struct catalog;
struct inode;

/* Is there room for its names and xattrs in a pack? Reads them only when they may be too large. True also when they
 * cannot be read: packing finds out. */
bool description_fits(struct catalog *c, const struct inode *i);
