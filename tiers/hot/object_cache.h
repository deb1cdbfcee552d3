/* SPDX-License-Identifier: MIT */
/* The tables of extent objects that were read lately: their opened runs and tags, so that a random
 * read costs one pread and one block. An object never changes and its id never names another one, so
 * nothing is ever invalidated.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "tiers/hot/segment_format.h"

struct object_cache;

struct object {
	struct object_head head;
	struct seal_run *run;  /* owned */
	uint8_t *tags;         /* owned; object_blocks() of them */

	unsigned users;        /* guarded by the cache's lock, as all below */
	struct object *next;   /* in its bucket */
	struct object *newer, *older;
};

int object_cache_new(unsigned max, struct object_cache **ret_cache);
struct object_cache *object_cache_free(struct object_cache *cache);

size_t object_cache_memory(struct object_cache *cache);
/* At most, when nothing is in use. */
size_t object_cache_bound(const struct object_cache *cache);

/* NULL: not there. The caller gives it back with object_put(). */
struct object *object_get(struct object_cache *cache, struct id128 id);
/* Takes over `o`; returns it, or the one that another thread added meanwhile, with a reference. */
struct object *object_add(struct object_cache *cache, struct object *o);
void object_put(struct object_cache *cache, struct object *o);
/* Of an object that was not added. */
struct object *object_free(struct object *o);
