/* SPDX-License-Identifier: MIT */
/* Values that were read from the store lately, opened, so that the next reader of the same key pays neither for the
 * search nor for the cipher. Only short records are kept: inodes and entries are.
 *
 * The store changes with checkpoints only, and no reader gets as far as the store with a key that the frozen overlay
 * has. So it is enough that a checkpoint takes out what it has written after it is durable and before the frozen
 * overlay goes: value_cache_change() and then value_cache_forget() for each key. A reader that found the old value
 * before, and is late in bringing it, is known by its ticket.
 *
 * The memory, VALUE_CACHE_BYTES at most, is taken as it is used. Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define VALUE_CACHE_BYTES ((size_t)4 << 20)

struct value_cache;

/* -ENOMEM. */
int value_cache_new(struct value_cache **ret_c);
struct value_cache *value_cache_free(struct value_cache *c);

/* True: found, and added to `ret_value`, unless that is NULL. False also when memory lacks. */
bool value_cache_get(struct value_cache *c, const void *key, size_t key_len, struct buf *ret_value);
/* To be taken before the store is looked at, for value_cache_put(). */
uint64_t value_cache_ticket(struct value_cache *c);
void value_cache_put(struct value_cache *c, uint64_t ticket, const void *key, size_t key_len, const void *value,
		     size_t value_len);

/* Tickets given out so far are good for nothing any more. */
void value_cache_change(struct value_cache *c);
void value_cache_forget(struct value_cache *c, const void *key, size_t key_len);
