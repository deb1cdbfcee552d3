/* SPDX-License-Identifier: MIT */
#include "fs/virtual/answers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"

#define BUCKETS 4096u

struct node {
	struct answer_node facts;
	struct node *by_ino, *by_key;   /* next in the bucket */
	struct node *newer, *older;     /* by use */
	uint64_t dir, lsn, made_ms, hash;
	unsigned opens;
	struct buf bytes;               /* owned */
	char name[];
};

struct answers {
	pthread_mutex_t lock;           /* rank 50: nothing is locked under it */
	struct node *by_ino[BUCKETS];   /* guarded by lock, as all below */
	struct node *by_key[BUCKETS];
	struct node *newest, *oldest;
	uint64_t next_ino;
	size_t used, max;               /* bytes */
};

static size_t cost(const struct node *n)
{
	return sizeof(*n) + strlen(n->name) + n->bytes.cap;
}

static uint64_t key_hash(const struct answer_key *key)
{
	return hash_bytes(key->name, strlen(key->name), key->dir ^ hash_mix64(key->uid));
}

static bool has_key(const struct node *n, const struct answer_key *key)
{
	return n->dir == key->dir && n->facts.uid == key->uid && strcmp(n->name, key->name) == 0;
}

/* Newest first in its bucket. */
static struct node *find_key(struct answers *a, const struct answer_key *key)
{
	struct node *n = a->by_key[key_hash(key) % BUCKETS];

	while (n && !has_key(n, key))
		n = n->by_key;
	return n;
}

static struct node *find_ino(struct answers *a, uint64_t ino)
{
	struct node *n = a->by_ino[ino % BUCKETS];

	while (n && n->facts.ino != ino)
		n = n->by_ino;
	return n;
}

static void use_remove(struct answers *a, struct node *n)
{
	*(n->newer ? &n->newer->older : &a->newest) = n->older;
	*(n->older ? &n->older->newer : &a->oldest) = n->newer;
}

static void use_add(struct answers *a, struct node *n)
{
	n->newer = NULL;
	n->older = a->newest;
	*(n->older ? &n->older->newer : &a->oldest) = n;
	a->newest = n;
}

static void touch(struct answers *a, struct node *n)
{
	use_remove(a, n);
	use_add(a, n);
}

static void insert(struct answers *a, struct node *n)
{
	struct node **ino = &a->by_ino[n->facts.ino % BUCKETS], **key = &a->by_key[n->hash % BUCKETS];

	n->by_ino = *ino;
	*ino = n;
	n->by_key = *key;
	*key = n;
	use_add(a, n);
	a->used += cost(n);
}

static void drop(struct answers *a, struct node *n)
{
	struct node **at = &a->by_ino[n->facts.ino % BUCKETS];

	while (*at != n)
		at = &(*at)->by_ino;
	*at = n->by_ino;
	at = &a->by_key[n->hash % BUCKETS];
	while (*at != n)
		at = &(*at)->by_key;
	*at = n->by_key;
	use_remove(a, n);
	a->used -= cost(n);
	buf_done(&n->bytes);
	free(n);
}

static void shrink(struct answers *a)
{
	struct node *n = a->oldest;

	/* The newest stays, whatever its size: somebody is about to open it. */
	while (a->used > a->max && n && n != a->newest) {
		struct node *newer = n->newer;

		if (n->opens == 0)
			drop(a, n);
		n = newer;
	}
}

int answers_new(size_t max_bytes, uint64_t first_ino, struct answers **ret_a)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	(void) pthread_mutex_init(&a->lock, NULL);
	a->max = max_bytes;
	a->next_ino = first_ino;
	*ret_a = a;
	return 0;
}

struct answers *answers_free(struct answers *a)
{
	if (!a)
		return NULL;
	while (a->newest)
		drop(a, a->newest);
	(void) pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

int answers_find(struct answers *a, const struct answer_key *key, uint64_t lsn, unsigned max_age_ms,
		 struct answer_node *ret_node)
{
	uint64_t now_ms = clock_mono_ms();
	LOCKED(&a->lock);
	struct node *n = find_key(a, key);

	if (!n || n->lsn != lsn || n->facts.pending || now_ms - n->made_ms > max_age_ms)
		return -ENOENT;
	touch(a, n);
	*ret_node = n->facts;
	return 0;
}

static struct node *node_new(const struct answer_key *key, uint32_t gid, struct buf *bytes)
{
	size_t len = strlen(key->name) + 1;
	struct node *n = calloc(1, sizeof(*n) + len);

	if (!n)
		return NULL;
	memcpy(n->name, key->name, len);
	n->dir = key->dir;
	n->hash = key_hash(key);
	n->facts = (struct answer_node){ .uid = key->uid, .gid = gid, .size = bytes->len };
	(void) clock_gettime(CLOCK_REALTIME, &n->facts.made);
	n->bytes = *bytes;
	*bytes = BUF_INIT;
	return n;
}

static bool is_same(const struct node *n, const struct buf *bytes, uint64_t pending)
{
	return n && n->facts.pending == pending && n->bytes.len == bytes->len &&
	       (bytes->len == 0 || memcmp(n->bytes.data, bytes->data, bytes->len) == 0);
}

static int add(struct answers *a, const struct answer_key *key, const struct answer_node *facts, uint64_t lsn,
	       struct buf *bytes, struct answer_node *ret_node)
{
	LOCKED(&a->lock);
	struct node *n = find_key(a, key);

	if (is_same(n, bytes, facts->pending) && n->facts.is_link == facts->is_link) {
		buf_done(bytes);
		touch(a, n);
	} else {
		n = node_new(key, facts->gid, bytes);
		if (!n)
			return -ENOMEM;
		n->facts.ino = a->next_ino++;
		n->facts.pending = facts->pending;
		n->facts.is_link = facts->is_link;
		insert(a, n);
		shrink(a);
	}
	n->lsn = lsn;
	n->made_ms = clock_mono_ms();
	*ret_node = n->facts;
	return 0;
}

int answers_add(struct answers *a, const struct answer_key *key, uint32_t gid, uint64_t lsn, uint64_t pending,
		struct buf *bytes, struct answer_node *ret_node)
{
	return add(a, key, &(struct answer_node){ .gid = gid, .pending = pending }, lsn, bytes, ret_node);
}

int answers_add_link(struct answers *a, const struct answer_key *key, uint32_t gid, struct buf *target,
		     struct answer_node *ret_node)
{
	return add(a, key, &(struct answer_node){ .gid = gid, .is_link = true }, 0, target, ret_node);
}

int answers_get(struct answers *a, uint64_t ino, struct answer_node *ret_node)
{
	LOCKED(&a->lock);
	struct node *n = find_ino(a, ino);

	if (!n)
		return -ESTALE;
	*ret_node = n->facts;
	return 0;
}

ssize_t answers_read(struct answers *a, uint64_t ino, uint64_t offset, void *ret_data, size_t len)
{
	LOCKED(&a->lock);
	struct node *n = find_ino(a, ino);

	if (!n)
		return -ESTALE;
	touch(a, n);
	if (offset >= n->bytes.len)
		return 0;
	len = MIN(len, n->bytes.len - (size_t)offset);
	memcpy(ret_data, n->bytes.data + offset, len);
	return (ssize_t)len;
}

int answers_open(struct answers *a, uint64_t ino)
{
	LOCKED(&a->lock);
	struct node *n = find_ino(a, ino);

	if (!n)
		return -ESTALE;
	touch(a, n);
	return n->opens++ == 0;
}

void answers_close(struct answers *a, uint64_t ino)
{
	LOCKED(&a->lock);
	struct node *n = find_ino(a, ino);

	if (n && n->opens)
		n->opens--;
	shrink(a);
}

size_t answers_memory(struct answers *a)
{
	LOCKED(&a->lock);

	return a->used;
}
