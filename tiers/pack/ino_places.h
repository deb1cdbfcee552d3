/* SPDX-License-Identifier: MIT */
/* Where inodes stand in a list: a hash table from inode number to place. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ino_places {
	uint64_t *inos;   /* owned; `room` of them, a power of two; 0: free */
	uint32_t *places; /* owned */
	size_t n, room;
};

void ino_places_done(struct ino_places *p);
/* `ino` is not 0. One that is there already keeps its place. -ENOMEM. */
int ino_places_put(struct ino_places *p, uint64_t ino, uint32_t place);
/* -ENOENT. */
int ino_places_get(const struct ino_places *p, uint64_t ino, uint32_t *ret_place);
