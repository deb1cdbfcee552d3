/* SPDX-License-Identifier: MIT */
/* Which files a recall brings back. Not thread-safe. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog;

struct recall_item {
	uint64_t home, ino, packed; /* see struct inode */
};

struct recall_list {
	struct recall_item *items; /* owned by the caller, who frees them, also after an error */
	size_t n, cap;
	uint64_t bytes;
};

/* Does user.brainy.tier of `ino` itself say hot? */
bool recall_is_wanted(struct catalog *c, uint64_t ino);
/* All files at or below `ino` of which something lies in packs, each once, those of a pack side by side, in the order
 * of their numbers. -ECANCELED: *stop. -ENOMEM. -EBADMSG. */
int recall_walk(struct catalog *c, uint64_t ino, const atomic_bool *stop, struct recall_list *ret_list);
