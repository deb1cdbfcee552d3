/* SPDX-License-Identifier: MIT */
#include "catalog/value_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define WAYS 4u
#define SETS (VALUE_CACHE_BYTES / sizeof(struct set))
#define LOCKS 64u
#define RECORD_MAX 248u /* key and value together */

struct entry {
	uint8_t key_len;   /* 0: empty */
	uint8_t value_len;
	uint8_t data[RECORD_MAX + 6];
};

struct set {
	struct entry entries[WAYS];
};

struct value_cache {
	_Atomic uint64_t ticket;
	pthread_mutex_t locks[LOCKS]; /* rank 50: each guards every LOCKS-th set and its place in `oldest` */
	struct set *sets;             /* owned */
	uint8_t oldest[SETS];         /* the entry that is replaced next */
};

int value_cache_new(struct value_cache **ret_c)
{
	struct value_cache *c = calloc(1, sizeof(*c));

	if (c)
		c->sets = calloc(SETS, sizeof(*c->sets));
	if (!c || !c->sets) {
		free(c);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < LOCKS; i++)
		(void) pthread_mutex_init(&c->locks[i], NULL);
	*ret_c = c;
	return 0;
}

struct value_cache *value_cache_free(struct value_cache *c)
{
	if (!c)
		return NULL;
	for (unsigned i = 0; i < LOCKS; i++)
		(void) pthread_mutex_destroy(&c->locks[i]);
	free(c->sets);
	free(c);
	return NULL;
}

static size_t set_of(const void *key, size_t key_len)
{
	return hash_bytes(key, key_len, 0) % SETS;
}

/* With the lock of the set. */
static struct entry *find(struct value_cache *c, size_t set, const void *key, size_t key_len)
{
	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &c->sets[set].entries[i];

		if (e->key_len == key_len && memcmp(e->data, key, key_len) == 0)
			return e;
	}
	return NULL;
}

static bool fits(size_t key_len, size_t value_len)
{
	return key_len > 0 && key_len <= RECORD_MAX && value_len <= RECORD_MAX - key_len;
}

bool value_cache_get(struct value_cache *c, const void *key, size_t key_len, struct buf *ret_value)
{
	size_t set = set_of(key, key_len);
	LOCKED(&c->locks[set % LOCKS]);
	const struct entry *e = fits(key_len, 0) ? find(c, set, key, key_len) : NULL;

	return e && (!ret_value || buf_add(ret_value, e->data + key_len, e->value_len) == 0);
}

uint64_t value_cache_ticket(struct value_cache *c)
{
	return atomic_load(&c->ticket);
}

void value_cache_put(struct value_cache *c, uint64_t ticket, const void *key, size_t key_len, const void *value,
		     size_t value_len)
{
	size_t set = set_of(key, key_len);
	LOCKED(&c->locks[set % LOCKS]);
	struct entry *e;

	if (!fits(key_len, value_len) || ticket != atomic_load(&c->ticket))
		return;
	e = find(c, set, key, key_len);
	if (!e)
		e = &c->sets[set].entries[c->oldest[set]++ % WAYS];
	e->key_len = (uint8_t)key_len;
	e->value_len = (uint8_t)value_len;
	memcpy(e->data, key, key_len);
	if (value_len)
		memcpy(e->data + key_len, value, value_len);
}

void value_cache_change(struct value_cache *c)
{
	(void) atomic_fetch_add(&c->ticket, 1);
}

void value_cache_forget(struct value_cache *c, const void *key, size_t key_len)
{
	size_t set = set_of(key, key_len);
	LOCKED(&c->locks[set % LOCKS]);
	struct entry *e = fits(key_len, 0) ? find(c, set, key, key_len) : NULL;

	if (e)
		e->key_len = 0;
}
