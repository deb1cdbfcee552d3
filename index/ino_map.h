/* SPDX-License-Identifier: MIT */
/* Inode numbers to a pointer and a number, in memory; inode 0 cannot be a key. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ino_entry {
	uint64_t ino;    /* 0: empty place */
	void *value;     /* borrowed */
	uint32_t number;
};

struct ino_map {
	struct ino_entry *places; /* owned */
	size_t n, mask;
};

void ino_map_done(struct ino_map *m);
/* NULL when it is not there; valid until the map changes. */
struct ino_entry *ino_map_find(const struct ino_map *m, uint64_t ino);
/* Sets or replaces. -ENOMEM. */
int ino_map_set(struct ino_map *m, uint64_t ino, void *value, uint32_t number);
void ino_map_remove(struct ino_map *m, uint64_t ino);
/* Of memory. */
size_t ino_map_bytes(const struct ino_map *m);
