/* SPDX-License-Identifier: MIT */
/* A set of inode numbers in little memory: numbers that are close to each other share a chunk, which is a sorted list
 * of their low halves, or bits once that is smaller (Roaring bitmaps: Lemire et al. 2016). A million files made one
 * after the other take 130 KB; scattered ones some 3 bytes each and 32 a chunk of 65536 numbers. What was bits stays bits
 * until it is empty.
 *
 * Begins as { 0 }. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ino_chunk;

struct ino_set {
	struct ino_chunk *chunks; /* owned; ascending */
	size_t n_chunks, cap;
	uint64_t n;               /* numbers */
	size_t bytes;             /* of memory */
};

void ino_set_done(struct ino_set *s);
#define _cleanup_ino_set_ _cleanup_(ino_set_done)
/* 1: it is new. 0: it was there. -ENOMEM. */
int ino_set_add(struct ino_set *s, uint64_t ino);
/* Was it there? */
bool ino_set_remove(struct ino_set *s, uint64_t ino);
bool ino_set_has(const struct ino_set *s, uint64_t ino);
/* The least number at or above `from`. False: there is none. */
bool ino_set_next(const struct ino_set *s, uint64_t from, uint64_t *ret_ino);
/* Adds all of `other`. -ENOMEM: perhaps not all. */
int ino_set_merge(struct ino_set *s, const struct ino_set *other);
