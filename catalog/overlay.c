/* SPDX-License-Identifier: MIT */
/* Memory comes from chunks that are mapped and unmapped whole, so that what a freeze releases goes
 * back to the pool or the system and does not linger in the heap.
 *
 * Publication: a node is complete before its predecessors' links and its place in the hash table are
 * stored with release order; a value is complete before the node points to it. The hash table is
 * replaced when it grows; old tables live as long as the overlay, because readers may be in them. */
#include "catalog/overlay.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define LEVELS 12 /* at one in four: 16 million keys */
#define KINDS 32u /* first bytes of keys that have fingers of their own: letters */
#define CHUNK_SIZE (2u << 20) /* a huge page, where there are some: one page fault instead of 512 */
#define TABLE_MIN 1024u
#define NODE_MAX (sizeof(struct overlay_node) + LEVELS * sizeof(void *) + 8)

struct overlay_node {
	_Atomic(const struct overlay_value *) value;
	uint32_t hash;
	uint16_t key_len;
	uint8_t levels;
	_Atomic(struct overlay_node *) next[]; /* `levels` links, then the key */
};

struct chunk {
	struct chunk *next;
	size_t size;
	uint8_t data[];
};

struct overlay_pool {
	pthread_mutex_t lock; /* rank 50: guards all below */
	struct chunk *first;  /* all of CHUNK_SIZE */
	size_t bytes;
};

struct table {
	struct table *older;
	size_t mask;
	_Atomic(struct overlay_node *) slots[];
};

struct overlay {
	_Atomic unsigned refs;
	struct overlay_pool *pool;              /* borrowed, or NULL */
	_Atomic size_t records, bytes, table_bytes;
	uint64_t dice;                          /* writer's */
	struct chunk *chunks;                   /* writer's; the first one is being filled */
	size_t used;                            /* of the first chunk */
	_Atomic(struct table *) table;
	struct overlay_node *fingers[KINDS][LEVELS]; /* writer's: by first byte of a key, where the last such was put */
	struct overlay_node *head;              /* before all keys, with all levels */
	uint64_t head_space[(sizeof(struct overlay_node) + LEVELS * sizeof(void *)) / 8];
};

int key_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (r != 0)
		return r;
	return a_len < b_len ? -1 : a_len > b_len;
}

static const uint8_t *node_key(const struct overlay_node *n)
{
	return (const uint8_t *)(n->next + n->levels);
}

static struct overlay_node *node_next(const struct overlay_node *n, unsigned level)
{
	return atomic_load_explicit(&n->next[level], memory_order_acquire);
}

static bool node_before(const struct overlay_node *n, const void *key, size_t key_len)
{
	return key_compare(node_key(n), n->key_len, key, key_len) < 0;
}

/* ---- the pool */

int overlay_pool_new(struct overlay_pool **ret_p)
{
	struct overlay_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	(void) pthread_mutex_init(&p->lock, NULL);
	*ret_p = p;
	return 0;
}

/* NULL: it has none. */
static struct chunk *pool_take(struct overlay_pool *p)
{
	LOCKED(&p->lock);
	struct chunk *c = p->first;

	if (c) {
		p->first = c->next;
		p->bytes -= c->size;
	}
	return c;
}

/* False: it keeps no more, or none of this size. */
static bool pool_give(struct overlay_pool *p, struct chunk *c)
{
	LOCKED(&p->lock);

	if (c->size != CHUNK_SIZE || p->bytes + c->size > OVERLAY_POOL_BYTES)
		return false;
	c->next = p->first;
	p->first = c;
	p->bytes += c->size;
	return true;
}

void overlay_pool_trim(struct overlay_pool *p)
{
	for (struct chunk *c = pool_take(p); c; c = pool_take(p))
		(void) munmap(c, c->size);
}

size_t overlay_pool_memory(struct overlay_pool *p)
{
	LOCKED(&p->lock);

	return p->bytes;
}

struct overlay_pool *overlay_pool_free(struct overlay_pool *p)
{
	if (!p)
		return NULL;
	overlay_pool_trim(p);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

/* ---- its life */

int overlay_new(struct overlay_pool *pool, struct overlay **ret_o)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	atomic_init(&o->refs, 1);
	o->pool = pool;
	o->dice = 0x9e3779b97f4a7c15ull;
	o->head = (struct overlay_node *)o->head_space;
	o->head->levels = LEVELS;
	for (unsigned i = 0; i < KINDS; i++)
		for (unsigned l = 0; l < LEVELS; l++)
			o->fingers[i][l] = o->head;
	*ret_o = o;
	return 0;
}

struct overlay *overlay_ref(struct overlay *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

struct overlay *overlay_unref(struct overlay *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	for (struct chunk *c = o->chunks, *next; c; c = next) {
		next = c->next;
		if (!o->pool || !pool_give(o->pool, c))
			(void) munmap(c, c->size);
	}
	for (struct table *t = atomic_load(&o->table), *older; t; t = older) {
		older = t->older;
		free(t);
	}
	free(o);
	return NULL;
}

/* ---- room */

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	c->size = size;
	return c;
}

static int reserve_bytes(struct overlay *o, size_t bytes)
{
	size_t size = CHUNK_SIZE;
	struct chunk *c = NULL;

	if (o->chunks && o->chunks->size - sizeof(*c) - o->used >= bytes)
		return 0;
	if (bytes > SIZE_MAX / 2)
		return -ENOMEM;
	while (size - sizeof(*c) < bytes)
		size *= 2;
	if (o->pool && size == CHUNK_SIZE)
		c = pool_take(o->pool);
	if (!c)
		c = chunk_new(size);
	if (!c)
		return -ENOMEM;
	c->next = o->chunks;
	o->chunks = c;
	o->used = 0;
	return 0;
}

static void *take(struct overlay *o, size_t size)
{
	void *p = o->chunks->data + o->used;

	size = (size + 7) & ~(size_t)7;
	assert(o->used + size <= o->chunks->size - sizeof(*o->chunks));
	o->used += size;
	atomic_fetch_add_explicit(&o->bytes, size, memory_order_relaxed);
	return p;
}

static void table_add(struct table *t, struct overlay_node *n)
{
	size_t i = n->hash & t->mask;

	while (atomic_load_explicit(&t->slots[i], memory_order_relaxed))
		i = (i + 1) & t->mask;
	atomic_store_explicit(&t->slots[i], n, memory_order_release);
}

/* At most half full, so that probes stay short and always end. */
static int reserve_table(struct overlay *o, size_t records)
{
	struct table *t = atomic_load_explicit(&o->table, memory_order_relaxed), *grown;
	size_t want = overlay_records(o) + records, slots = t ? t->mask + 1 : TABLE_MIN;

	if (t && want <= slots / 2)
		return 0;
	while (want > slots / 2)
		slots *= 2;
	grown = calloc(1, sizeof(*grown) + slots * sizeof(grown->slots[0]));
	if (!grown)
		return -ENOMEM;
	grown->mask = slots - 1;
	grown->older = t;
	atomic_fetch_add_explicit(&o->table_bytes, sizeof(*grown) + slots * sizeof(grown->slots[0]), memory_order_relaxed);
	for (struct overlay_node *n = node_next(o->head, 0); n; n = node_next(n, 0))
		table_add(grown, n);
	atomic_store_explicit(&o->table, grown, memory_order_release);
	return 0;
}

int overlay_reserve(struct overlay *o, size_t records, size_t bytes)
{
	int r = reserve_bytes(o, records * (NODE_MAX + sizeof(struct overlay_value) + 16) + bytes);

	return r < 0 ? r : reserve_table(o, records);
}

/* ---- finding */

static struct overlay_node *find_hashed(const struct overlay *o, uint32_t hash, const void *key, size_t key_len)
{
	struct table *t = atomic_load_explicit(&o->table, memory_order_acquire);
	struct overlay_node *n;

	if (!t)
		return NULL;
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		n = atomic_load_explicit(&t->slots[i], memory_order_acquire);
		if (!n)
			return NULL;
		if (n->hash == hash && n->key_len == key_len && memcmp(node_key(n), key, key_len) == 0)
			return n;
	}
}

static uint32_t key_hash(const void *key, size_t key_len)
{
	return (uint32_t)hash_bytes(key, key_len, 0);
}

const struct overlay_value *overlay_value_at(const struct overlay_node *n, uint64_t lsn)
{
	const struct overlay_value *v = atomic_load_explicit(&n->value, memory_order_acquire);

	while (v && v->lsn > lsn)
		v = v->older;
	return v;
}

const struct overlay_value *overlay_get(const struct overlay *o, uint64_t lsn, const void *key, size_t key_len)
{
	const struct overlay_node *n = find_hashed(o, key_hash(key, key_len), key, key_len);

	return n ? overlay_value_at(n, lsn) : NULL;
}

/* The link at the lowest level is not read once more: an insert may have put a node before the key there. */
const struct overlay_node *overlay_seek(const struct overlay *o, const void *key, size_t key_len, bool after)
{
	const struct overlay_node *at = o->head, *next = NULL;

	for (unsigned level = LEVELS; level-- > 0;)
		while ((next = node_next(at, level)) && node_before(next, key, key_len))
			at = next;
	if (after && next && key_compare(node_key(next), next->key_len, key, key_len) == 0)
		next = node_next(next, 0);
	return next;
}

const struct overlay_node *overlay_next(const struct overlay_node *n)
{
	return node_next(n, 0);
}

const void *overlay_key(const struct overlay_node *n, size_t *ret_len)
{
	*ret_len = n->key_len;
	return node_key(n);
}

size_t overlay_records(const struct overlay *o)
{
	return atomic_load_explicit(&o->records, memory_order_relaxed);
}

size_t overlay_bytes(const struct overlay *o)
{
	return atomic_load_explicit(&o->bytes, memory_order_relaxed);
}

size_t overlay_memory(const struct overlay *o)
{
	return overlay_bytes(o) + atomic_load_explicit(&o->table_bytes, memory_order_relaxed);
}

/* The tables that were outgrown stay, for readers without locks: together they are as large as the last. */
size_t overlay_memory_of(size_t records, size_t bytes)
{
	size_t slots = TABLE_MIN;

	while (records > slots / 2)
		slots *= 2;
	return bytes + CHUNK_SIZE + 2 * slots * sizeof(((struct table *)NULL)->slots[0]);
}

/* ---- writing */

static struct overlay_node *last_before(struct overlay_node *at, unsigned level, const void *key, size_t key_len)
{
	struct overlay_node *next;

	while ((next = node_next(at, level)) && node_before(next, key, key_len))
		at = next;
	return at;
}

static bool brackets(const struct overlay *o, const struct overlay_node *n, unsigned level, const void *key,
		     size_t key_len)
{
	const struct overlay_node *next = node_next(n, level);

	return (n == o->head || node_before(n, key, key_len)) && (!next || !node_before(next, key, key_len));
}

/* Makes finger[l] the last node before `key` on the lowest `levels` levels. Keys that follow each other with the
 * same first byte lie close together, often at the end of their kind: begin at the lowest level that still
 * brackets the key. On the levels above the finger stands before it, but nodes of another kind may have come in
 * between. */
static struct overlay_node **move_finger(struct overlay *o, unsigned levels, const void *key, size_t key_len)
{
	struct overlay_node **finger = o->fingers[*(const uint8_t *)key % KINDS], *at;
	unsigned found = 0;

	while (found < LEVELS && !brackets(o, finger[found], found, key, key_len))
		found++;
	at = found < LEVELS ? finger[found] : o->head;
	for (unsigned l = found; l-- > 0;)
		finger[l] = at = last_before(at, l, key, key_len);
	for (unsigned l = found; l < levels; l++)
		finger[l] = last_before(finger[l], l, key, key_len);
	return finger;
}

static unsigned roll_levels(struct overlay *o)
{
	unsigned levels = 1;

	o->dice ^= o->dice << 13;
	o->dice ^= o->dice >> 7;
	o->dice ^= o->dice << 17;
	for (uint64_t d = o->dice; levels < LEVELS && (d & 3) == 0; d >>= 2)
		levels++;
	return levels;
}

static struct overlay_node *insert(struct overlay *o, uint32_t hash, const void *key, size_t key_len)
{
	unsigned levels = roll_levels(o);
	struct overlay_node *n = take(o, sizeof(*n) + levels * sizeof(n->next[0]) + key_len);
	struct overlay_node **finger = move_finger(o, levels, key, key_len);

	atomic_init(&n->value, NULL);
	n->hash = hash;
	n->key_len = (uint16_t)key_len;
	n->levels = (uint8_t)levels;
	memcpy(n->next + levels, key, key_len);
	for (unsigned l = 0; l < levels; l++)
		atomic_init(&n->next[l], node_next(finger[l], l));
	for (unsigned l = 0; l < levels; l++)
		atomic_store_explicit(&finger[l]->next[l], n, memory_order_release);
	table_add(atomic_load_explicit(&o->table, memory_order_relaxed), n);
	atomic_fetch_add_explicit(&o->records, 1, memory_order_relaxed);
	return n;
}

static void set(struct overlay *o, uint64_t lsn, const void *key, size_t key_len, const void *data, uint32_t len)
{
	size_t size = len == OVERLAY_REMOVED ? 0 : len;
	uint32_t hash = key_hash(key, key_len);
	struct overlay_node *n = find_hashed(o, hash, key, key_len);
	struct overlay_value *v = take(o, sizeof(*v) + size);

	if (!n)
		n = insert(o, hash, key, key_len);
	v->lsn = lsn;
	v->older = atomic_load_explicit(&n->value, memory_order_relaxed);
	v->len = len;
	if (size > 0)
		memcpy(v->data, data, size);
	atomic_store_explicit(&n->value, v, memory_order_release);
}

void overlay_put(struct overlay *o, uint64_t lsn, const void *key, size_t key_len, const void *value,
		 size_t value_len)
{
	set(o, lsn, key, key_len, value, (uint32_t)value_len);
}

void overlay_remove(struct overlay *o, uint64_t lsn, const void *key, size_t key_len)
{
	set(o, lsn, key, key_len, NULL, OVERLAY_REMOVED);
}
