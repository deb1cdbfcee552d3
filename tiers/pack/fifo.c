/* SPDX-License-Identifier: MIT */
#include "tiers/pack/fifo.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define BUCKETS_FIRST 64u
#define SMALL_SHARE 10u /* the small queue's part of the capacity */
#define USES_MAX 3u
#define GHOSTS_MIN 64u

enum queue_of { SMALL, MAIN, GHOST, QUEUES };

struct entry {
	struct fifo_key key;
	uint64_t size;
	void *value;
	struct entry *older, *newer;  /* in its queue */
	struct entry *next;           /* in its bucket */
	uint8_t queue, uses;
};

struct queue {
	struct entry *oldest, *newest;
	uint64_t size;
	size_t n;
};

struct fifo {
	uint64_t capacity;
	void (*evicted)(void *context, struct fifo_key key, void *value);
	void *context;
	struct queue queues[QUEUES];
	struct entry **buckets; /* owned, as the entries */
	size_t n_buckets, n;
};

/* ---- entries by name */

static struct entry **place(const struct fifo *f, struct fifo_key key)
{
	struct entry **at = &f->buckets[hash_mix64(key.pack * 31 + key.part) & (f->n_buckets - 1)];

	while (*at && ((*at)->key.pack != key.pack || (*at)->key.part != key.part))
		at = &(*at)->next;
	return at;
}

static int grow(struct fifo *f)
{
	size_t was = f->n_buckets;
	struct entry **old = f->buckets, **more;

	if (f->n < was)
		return 0;
	more = calloc(was * 2, sizeof(struct entry *));
	if (!more)
		return -ENOMEM;
	f->buckets = more;
	f->n_buckets = was * 2;
	for (size_t k = 0; k < was; k++) {
		for (struct entry *e = old[k], *next; e; e = next) {
			struct entry **at;

			next = e->next;
			at = place(f, e->key);
			e->next = NULL;
			*at = e;
		}
	}
	free(old);
	return 0;
}

/* ---- queues */

static void append(struct fifo *f, struct entry *e, enum queue_of queue)
{
	struct queue *q = &f->queues[queue];

	e->queue = (uint8_t)queue;
	e->newer = NULL;
	e->older = q->newest;
	if (q->newest)
		q->newest->newer = e;
	else
		q->oldest = e;
	q->newest = e;
	q->size += e->size;
	q->n++;
}

static void take_out(struct fifo *f, struct entry *e)
{
	struct queue *q = &f->queues[e->queue];

	if (e->older)
		e->older->newer = e->newer;
	else
		q->oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		q->newest = e->older;
	q->size -= e->size;
	q->n--;
}

static void forget(struct fifo *f, struct entry *e)
{
	struct entry **at = place(f, e->key);

	take_out(f, e);
	*at = e->next;
	f->n--;
	free(e);
}

static void leave(struct fifo *f, struct entry *e)
{
	f->evicted(f->context, e->key, e->value);
	e->value = NULL;
}

/* Its name stays for as long as as many others have come as there are in the main queue. */
static void become_ghost(struct fifo *f, struct entry *e)
{
	struct queue *ghosts = &f->queues[GHOST];

	take_out(f, e);
	leave(f, e);
	append(f, e, GHOST);
	while (ghosts->n > f->queues[MAIN].n + GHOSTS_MIN)
		forget(f, ghosts->oldest);
}

static void evict_from_small(struct fifo *f)
{
	struct entry *e = f->queues[SMALL].oldest;

	if (!e->uses) {
		become_ghost(f, e);
		return;
	}
	take_out(f, e);
	e->uses = 0;
	append(f, e, MAIN);
}

static void evict_from_main(struct fifo *f)
{
	struct entry *e = f->queues[MAIN].oldest;

	if (!e->uses) {
		leave(f, e);
		forget(f, e);
		return;
	}
	take_out(f, e);
	e->uses--;
	append(f, e, MAIN);
}

static void make_room(struct fifo *f)
{
	while (fifo_size(f) > f->capacity) {
		if (f->queues[SMALL].n && (f->queues[SMALL].size > f->capacity / SMALL_SHARE || !f->queues[MAIN].n))
			evict_from_small(f);
		else
			evict_from_main(f);
	}
}

/* ---- the cache */

int fifo_new(uint64_t capacity, void (*evicted)(void *context, struct fifo_key key, void *value), void *context,
	     struct fifo **ret_f)
{
	struct fifo *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->capacity = capacity;
	f->evicted = evicted;
	f->context = context;
	f->n_buckets = BUCKETS_FIRST;
	f->buckets = calloc(f->n_buckets, sizeof(struct entry *));
	if (!f->buckets) {
		free(f);
		return -ENOMEM;
	}
	*ret_f = f;
	return 0;
}

struct fifo *fifo_free(struct fifo *f)
{
	if (!f)
		return NULL;
	for (unsigned q = 0; q < QUEUES; q++)
		while (f->queues[q].oldest)
			forget(f, f->queues[q].oldest);
	free(f->buckets);
	free(f);
	return NULL;
}

void *fifo_get(struct fifo *f, struct fifo_key key)
{
	struct entry *e = *place(f, key);

	if (!e || e->queue == GHOST)
		return NULL;
	if (e->uses < USES_MAX)
		e->uses++;
	return e->value;
}

int fifo_put(struct fifo *f, struct fifo_key key, uint64_t size, void *value)
{
	struct entry *e = *place(f, key);
	bool known = e != NULL;

	if (known) {
		take_out(f, e);
	} else {
		if (grow(f) < 0)
			return -ENOMEM;
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->key = key;
		*place(f, key) = e;
		f->n++;
	}
	/* Who has left and is wanted again was worth keeping. */
	e->size = size;
	e->value = value;
	e->uses = 0;
	append(f, e, known ? MAIN : SMALL);
	make_room(f);
	return 0;
}

void *fifo_remove(struct fifo *f, struct fifo_key key)
{
	struct entry *e = *place(f, key);
	void *value = e ? e->value : NULL;

	if (e)
		forget(f, e);
	return value;
}

void fifo_foreach(struct fifo *f, void (*part)(void *context, struct fifo_key key, void *value), void *context)
{
	for (unsigned q = 0; q < GHOST; q++)
		for (struct entry *e = f->queues[q].oldest; e; e = e->newer)
			part(context, e->key, e->value);
}

uint64_t fifo_size(const struct fifo *f)
{
	return f->queues[SMALL].size + f->queues[MAIN].size;
}

size_t fifo_memory(const struct fifo *f)
{
	return sizeof(*f) + f->n * sizeof(struct entry) + f->n_buckets * sizeof(struct entry *);
}
