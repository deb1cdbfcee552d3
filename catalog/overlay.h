/* SPDX-License-Identifier: MIT */
/* An ordered map in memory of what batches put and removed since a freeze: a skip list for order
 * (Pugh 1990; one writer and readers without locks as in LevelDB's memtable) and a hash table over
 * the same nodes for single keys. Entries are never taken out: a removal is a value of its own, and
 * the whole map is released at once.
 *
 * Each value carries the LSN of its batch and leads to the value before it, so that a reader who
 * picks an LSN sees batches whole or not at all.
 *
 * Thread-safety: one writer at a time; readers at any time while they hold a reference. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERLAY_REMOVED UINT32_MAX

struct overlay;
struct overlay_node;

struct overlay_value {
	uint64_t lsn;
	const struct overlay_value *older; /* NULL: the first */
	uint32_t len;                      /* bytes, or OVERLAY_REMOVED */
	uint8_t data[];
};

/* Memory that released overlays leave to later ones: fresh pages cost more than what is then put into them. Thread-safety:
 * safe. */
struct overlay_pool;

#define OVERLAY_POOL_BYTES (48u << 20) /* that it keeps at most */

int overlay_pool_new(struct overlay_pool **ret_p);
/* After the last overlay that uses it. */
struct overlay_pool *overlay_pool_free(struct overlay_pool *p);
/* Gives back what it keeps. */
void overlay_pool_trim(struct overlay_pool *p);
/* Bytes that it keeps now. */
size_t overlay_pool_memory(struct overlay_pool *p);

/* With one reference. `pool` is borrowed, or NULL. -ENOMEM. */
int overlay_new(struct overlay_pool *pool, struct overlay **ret_o);
struct overlay *overlay_ref(struct overlay *o);
/* Releases everything with the last reference. */
struct overlay *overlay_unref(struct overlay *o);

/* Makes room so that `records` puts and removals of `bytes` bytes of keys and values together cannot
 * fail. -ENOMEM. */
int overlay_reserve(struct overlay *o, size_t records, size_t bytes);
/* Requires room. LSNs never go down. */
void overlay_put(struct overlay *o, uint64_t lsn, const void *key, size_t key_len, const void *value,
		 size_t value_len);
void overlay_remove(struct overlay *o, uint64_t lsn, const void *key, size_t key_len);

/* The value (or removal) as of `lsn`; NULL: nothing is known of this key. Borrowed. */
const struct overlay_value *overlay_get(const struct overlay *o, uint64_t lsn, const void *key, size_t key_len);

/* The first node at `key`, or after it, or strictly after it; NULL: none. */
const struct overlay_node *overlay_seek(const struct overlay *o, const void *key, size_t key_len, bool after);
const struct overlay_node *overlay_next(const struct overlay_node *n);
const void *overlay_key(const struct overlay_node *n, size_t *ret_len);
/* As overlay_get(). */
const struct overlay_value *overlay_value_at(const struct overlay_node *n, uint64_t lsn);

/* Distinct keys, and bytes that they and their values take. */
size_t overlay_records(const struct overlay *o);
size_t overlay_bytes(const struct overlay *o);
/* Of memory, hash tables included; and how much that is at most with so many records and bytes. */
size_t overlay_memory(const struct overlay *o);
size_t overlay_memory_of(size_t records, size_t bytes);

/* memcmp() order, shorter first. */
int key_compare(const void *a, size_t a_len, const void *b, size_t b_len);
