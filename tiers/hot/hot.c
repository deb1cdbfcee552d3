/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/partner.h"
#include "catalog/catalog.h"
#include "tiers/hot/hot_impl.h"

#define OBJECTS_CACHED 1024u

uint8_t *hot_staging_get(struct hot *h)
{
	uint8_t *staging = NULL;

	(void) pthread_mutex_lock(&h->staging_lock);
	if (h->n_staging > 0)
		staging = h->staging[--h->n_staging];
	(void) pthread_mutex_unlock(&h->staging_lock);
	return staging ? staging : aligned_alloc(BLOCK_SIZE, OBJECT_STORED_MAX);
}

void hot_staging_put(struct hot *h, uint8_t *staging)
{
	(void) pthread_mutex_lock(&h->staging_lock);
	if (h->n_staging < STAGING_KEPT) {
		h->staging[h->n_staging++] = staging;
		staging = NULL;
	}
	(void) pthread_mutex_unlock(&h->staging_lock);
	free(staging);
}

static void hot_free(struct tier *t)
{
	struct hot *h = (struct hot *)t;

	h->partner = partner_stop(h->partner);
	h->segments = segments_close(h->segments);
	h->objects = object_cache_free(h->objects);
	while (h->n_staging > 0)
		free(h->staging[--h->n_staging]);
	(void) pthread_mutex_destroy(&h->staging_lock);
	free(h);
}

static const struct tier_ops hot_ops = { .read = hot_read, .verify = hot_verify, .free = hot_free };

static int next_number(void *context, uint64_t *ret_number)
{
	struct hot *h = context;

	return catalog_next_number(h->catalog, COUNTER_SEGMENT, ret_number);
}

int hot_open(const struct hot_config *config, struct hot **ret_h)
{
	struct segments_config segments = {
		.dirfd = config->dirfd,
		.size = config->segment_size,
		.read_only = config->read_only,
		.next_number = next_number,
	};
	struct hot *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->tier.ops = &hot_ops;
	h->config = *config;
	(void) pthread_mutex_init(&h->staging_lock, NULL);
	segments.context = h;
	r = segments_open(&segments, &h->segments);
	if (r >= 0)
		r = object_cache_new(OBJECTS_CACHED, &h->objects);
	if (r >= 0 && !config->read_only && sysconf(_SC_NPROCESSORS_ONLN) > 1)
		r = partner_start("brainy-seal", &h->partner);
	if (r < 0) {
		hot_free(&h->tier);
		return r;
	}
	*ret_h = h;
	return 0;
}

void hot_set_catalog(struct hot *h, struct catalog *c)
{
	h->catalog = c;
}

struct tier *hot_tier(struct hot *h)
{
	return &h->tier;
}

struct segments *hot_segments(struct hot *h)
{
	return h->segments;
}

struct extent hot_extent(const struct hot_object *o, uint64_t offset, uint64_t len, uint32_t skip)
{
	return (struct extent){
		.offset = offset,
		.len = len,
		.kind = EXTENT_HOT,
		.run = o->run,
		.segment = segment_number(o->segment),
		.place = o->place,
		.object_len = o->object_len,
		.skip = skip,
	};
}

void hot_add_memory(struct hot *h, struct memory_parts *m)
{
	unsigned kept;

	(void) pthread_mutex_lock(&h->staging_lock);
	kept = h->n_staging;
	(void) pthread_mutex_unlock(&h->staging_lock);
	memory_part_add(m, "objects", object_cache_memory(h->objects), object_cache_bound(h->objects));
	memory_part_add(m, "staging", kept * (uint64_t)OBJECT_STORED_MAX, STAGING_KEPT * (uint64_t)OBJECT_STORED_MAX);
}
