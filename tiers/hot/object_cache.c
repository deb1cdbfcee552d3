/* SPDX-License-Identifier: MIT */
#include "tiers/hot/object_cache.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define BUCKETS 1024u

struct object_cache {
	pthread_mutex_t lock;
	unsigned max;
	unsigned count;                 /* guarded by lock, as all below */
	size_t bytes;
	struct object *buckets[BUCKETS];
	struct object *newest, *oldest;
};

static size_t memory_of(uint32_t object_len)
{
	return sizeof(struct object) + seal_run_memory() + object_blocks(object_len) * SEAL_TAG_SIZE;
}

struct object *object_free(struct object *o)
{
	if (!o)
		return NULL;
	(void) seal_run_free(o->run);
	free(o->tags);
	free(o);
	return NULL;
}

/* Ids are random: any bytes of them are a hash. */
static struct object **bucket_of(struct object_cache *cache, struct id128 id)
{
	return &cache->buckets[(id.bytes[0] | id.bytes[1] << 8) % BUCKETS];
}

static struct object *find(struct object_cache *cache, struct id128 id)
{
	struct object *o = *bucket_of(cache, id);

	while (o && !id128_equal(o->head.run.id, id))
		o = o->next;
	return o;
}

static void unlink_age(struct object_cache *cache, struct object *o)
{
	*(o->newer ? &o->newer->older : &cache->newest) = o->older;
	*(o->older ? &o->older->newer : &cache->oldest) = o->newer;
}

static void link_newest(struct object_cache *cache, struct object *o)
{
	o->newer = NULL;
	o->older = cache->newest;
	*(o->older ? &o->older->newer : &cache->oldest) = o;
	cache->newest = o;
}

static struct object *touch(struct object_cache *cache, struct object *o)
{
	if (cache->newest != o) {
		unlink_age(cache, o);
		link_newest(cache, o);
	}
	o->users++;
	return o;
}

struct object *object_get(struct object_cache *cache, struct id128 id)
{
	struct object *o;

	LOCKED(&cache->lock);
	o = find(cache, id);
	return o ? touch(cache, o) : NULL;
}

/* The oldest that nobody uses, when there are too many. */
static struct object *take_oldest(struct object_cache *cache)
{
	struct object *o = cache->oldest, **at;

	if (cache->count <= cache->max)
		return NULL;
	while (o && o->users > 0)
		o = o->newer;
	if (!o)
		return NULL;
	unlink_age(cache, o);
	for (at = bucket_of(cache, o->head.run.id); *at != o; at = &(*at)->next)
		;
	*at = o->next;
	cache->count--;
	cache->bytes -= memory_of(o->head.object_len);
	return o;
}

struct object *object_add(struct object_cache *cache, struct object *o)
{
	struct object *there, *spare, **bucket;

	(void) pthread_mutex_lock(&cache->lock);
	there = find(cache, o->head.run.id);
	if (there) {
		spare = o;
	} else {
		bucket = bucket_of(cache, o->head.run.id);
		o->next = *bucket;
		*bucket = o;
		link_newest(cache, o);
		cache->count++;
		cache->bytes += memory_of(o->head.object_len);
		there = o;
		there->users++;
		spare = take_oldest(cache);
		there->users--;
	}
	(void) touch(cache, there);
	(void) pthread_mutex_unlock(&cache->lock);
	(void) object_free(spare);
	return there;
}

void object_put(struct object_cache *cache, struct object *o)
{
	LOCKED(&cache->lock);
	o->users--;
}

int object_cache_new(unsigned max, struct object_cache **ret_cache)
{
	struct object_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->max = max;
	(void) pthread_mutex_init(&cache->lock, NULL);
	*ret_cache = cache;
	return 0;
}

struct object_cache *object_cache_free(struct object_cache *cache)
{
	if (!cache)
		return NULL;
	while (cache->newest) {
		struct object *o = cache->newest;

		unlink_age(cache, o);
		(void) object_free(o);
	}
	(void) pthread_mutex_destroy(&cache->lock);
	free(cache);
	return NULL;
}

size_t object_cache_memory(struct object_cache *cache)
{
	LOCKED(&cache->lock);

	return sizeof(*cache) + cache->bytes;
}

size_t object_cache_bound(const struct object_cache *cache)
{
	return sizeof(*cache) + cache->max * memory_of(OBJECT_MAX);
}
