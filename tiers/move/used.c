/* SPDX-License-Identifier: MIT */
#include "tiers/move/used.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define PLACES 4096u

struct place {
	uint64_t ino; /* 0: free */
	struct uses uses;
};

struct used {
	pthread_mutex_t lock;         /* rank 50 */
	struct place places[PLACES];  /* guarded by lock; a file's is given by its number, and taken by another one's */
};

struct used *used_new(void)
{
	struct used *u = calloc(1, sizeof(*u));

	if (u)
		(void) pthread_mutex_init(&u->lock, NULL);
	return u;
}

struct used *used_free(struct used *u)
{
	if (u)
		(void) pthread_mutex_destroy(&u->lock);
	free(u);
	return NULL;
}

void used_add_memory(struct used *u, struct memory_parts *m)
{
	memory_part_add(m, "used", sizeof(*u), sizeof(*u));
}

static struct place *place_of(struct used *u, uint64_t ino)
{
	return &u->places[hash_mix64(ino) % PLACES];
}

void used_note(struct used *u, uint64_t ino, int64_t now_ms, int64_t gap_ms)
{
	LOCKED(&u->lock);
	struct place *p = place_of(u, ino);

	if (p->ino != ino)
		*p = (struct place){ .ino = ino };
	(void) uses_note(&p->uses, now_ms, gap_ms);
}

bool used_get(struct used *u, uint64_t ino, struct uses *ret_u)
{
	LOCKED(&u->lock);
	const struct place *p = place_of(u, ino);

	if (p->ino != ino)
		return false;
	*ret_u = p->uses;
	return true;
}
