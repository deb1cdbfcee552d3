/* SPDX-License-Identifier: MIT */
/* Opened blocks of index segments, the least recently used dropped first; bounded in bytes. Does not
 * know how blocks are sealed: segment_file.c fills it. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct block_cache;
struct block {
	struct block_cache *cache; /* borrowed */
	uint64_t owner, number;
	unsigned users;            /* guarded by the cache's lock */
	struct block *next_in_bucket, *newer, *older;
	size_t len;
	uint8_t data[] __attribute__((aligned(64)));
};

int block_cache_new(size_t max_bytes, struct block_cache **ret_c);
/* No block may be in use. */
struct block_cache *block_cache_free(struct block_cache *c);
/* The block of this owner and number with one more user, or NULL. */
struct block *block_cache_get(struct block_cache *c, uint64_t owner, uint64_t number);
/* Room for `len` bytes that the caller fills before block_cache_put(). NULL without memory. */
struct block *block_new(struct block_cache *c, uint64_t owner, uint64_t number, size_t len);
/* Makes it known. Returns the block to use: another one when somebody was faster. */
struct block *block_cache_put(struct block *b);
/* Gives back one use; NULL is fine. Returns NULL. */
struct block *block_unref(struct block *b);
/* Drops what is cached of an owner that is gone. */
void block_cache_forget(struct block_cache *c, uint64_t owner);
size_t block_cache_bytes(struct block_cache *c);
size_t block_cache_max(const struct block_cache *c);
