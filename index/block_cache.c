/* SPDX-License-Identifier: MIT */
/* A hash table and a list by age. A block in use is never dropped: when it is evicted or forgotten it
 * leaves table and list, and its last user frees it. `cache` of such a block is kept for the lock. */
#include "index/block_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define BUCKETS 1024u

struct block_cache {
	pthread_mutex_t lock; /* leaf: nothing is locked after it */
	size_t max_bytes;
	size_t bytes;                  /* guarded by lock, as all below */
	struct block *buckets[BUCKETS];
	struct block *newest, *oldest;
};

int block_cache_new(size_t max_bytes, struct block_cache **ret_c)
{
	struct block_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	(void) pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = max_bytes;
	*ret_c = c;
	return 0;
}

static struct block **bucket_of(struct block_cache *c, uint64_t owner, uint64_t number)
{
	return &c->buckets[hash_mix64(owner * 0x9e3779b97f4a7c15ull + number) % BUCKETS];
}

static struct block *find(struct block_cache *c, uint64_t owner, uint64_t number)
{
	struct block *b = *bucket_of(c, owner, number);

	while (b && (b->owner != owner || b->number != number))
		b = b->next_in_bucket;
	return b;
}

static void list_remove(struct block_cache *c, struct block *b)
{
	*(b->newer ? &b->newer->older : &c->newest) = b->older;
	*(b->older ? &b->older->newer : &c->oldest) = b->newer;
	b->newer = b->older = NULL;
}

static void list_add(struct block_cache *c, struct block *b)
{
	b->older = c->newest;
	b->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = b;
	c->newest = b;
}

/* Takes it out of table and list; the cache's own use is given back. */
static void drop(struct block_cache *c, struct block *b)
{
	struct block **at = bucket_of(c, b->owner, b->number);

	while (*at != b)
		at = &(*at)->next_in_bucket;
	*at = b->next_in_bucket;
	list_remove(c, b);
	c->bytes -= b->len;
	if (--b->users == 0)
		free(b);
}

struct block_cache *block_cache_free(struct block_cache *c)
{
	if (!c)
		return NULL;
	while (c->oldest)
		drop(c, c->oldest);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

struct block *block_cache_get(struct block_cache *c, uint64_t owner, uint64_t number)
{
	LOCKED(&c->lock);
	struct block *b = find(c, owner, number);

	if (!b)
		return NULL;
	b->users++;
	list_remove(c, b);
	list_add(c, b);
	return b;
}

struct block *block_new(struct block_cache *c, uint64_t owner, uint64_t number, size_t len)
{
	struct block *b = aligned_alloc(64, (sizeof(*b) + len + 63) & ~(size_t)63);

	if (b)
		*b = (struct block){ .cache = c, .owner = owner, .number = number, .users = 1, .len = len };
	return b;
}

struct block *block_cache_put(struct block *b)
{
	struct block_cache *c = b->cache;
	LOCKED(&c->lock);
	struct block *there = find(c, b->owner, b->number), **bucket;

	if (there) {
		there->users++;
		free(b);
		return there;
	}
	bucket = bucket_of(c, b->owner, b->number);
	b->next_in_bucket = *bucket;
	*bucket = b;
	list_add(c, b);
	b->users++; /* the cache's */
	c->bytes += b->len;
	while (c->bytes > c->max_bytes && c->oldest != b)
		drop(c, c->oldest);
	return b;
}

struct block *block_unref(struct block *b)
{
	if (b) {
		LOCKED(&b->cache->lock);
		b->users--;
		if (b->users > 0)
			b = NULL;
	}
	free(b);
	return NULL;
}

void block_cache_forget(struct block_cache *c, uint64_t owner)
{
	LOCKED(&c->lock);

	for (struct block *b = c->oldest, *newer; b; b = newer) {
		newer = b->newer;
		if (b->owner == owner)
			drop(c, b);
	}
}

size_t block_cache_bytes(struct block_cache *c)
{
	LOCKED(&c->lock);
	return c->bytes;
}

size_t block_cache_max(const struct block_cache *c)
{
	return c->max_bytes;
}
