/* SPDX-License-Identifier: MIT */
#include "fs/fetched.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define PLACES (1u << 14)
#define LATELY (1u << 18)

/* In a place: the upper half of what the inode's number hashes to, or ANY for several inodes, and when. 0: never. */
#define ANY 0u

struct fetched {
	const struct shared *shared; /* borrowed: its count of requests is the clock */
	_Atomic uint64_t places[PLACES];
};

static uint64_t pack(uint32_t tag, uint32_t when)
{
	return (uint64_t)tag << 32 | when;
}

/* Never 0. */
static uint32_t now(const struct fetched *f)
{
	return (uint32_t)__atomic_load_n(&f->shared->header.received, __ATOMIC_RELAXED) | 1u;
}

static bool is_late(uint32_t when, uint32_t now)
{
	return when && now - when < LATELY;
}

int fetched_new(const struct shared *shared, struct fetched **ret_f)
{
	struct fetched *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->shared = shared;
	*ret_f = f;
	return 0;
}

struct fetched *fetched_free(struct fetched *f)
{
	free(f);
	return NULL;
}

/* Sequentially consistent, as the other: a fetch that a write does not see here sees what was written. */
void fetched_note(struct fetched *f, uint64_t ino)
{
	uint64_t hash = hash_mix64(ino);
	_Atomic uint64_t *place = &f->places[hash % PLACES];
	uint32_t tag = (uint32_t)(hash >> 32) | 1u, time = now(f);
	uint64_t was = atomic_load(place), is;

	do {
		bool other = (uint32_t)(was >> 32) != tag && is_late((uint32_t)was, time);

		is = pack(other ? ANY : tag, time);
	} while (!atomic_compare_exchange_weak(place, &was, is));
}

bool fetched_lately(struct fetched *f, uint64_t ino)
{
	uint64_t hash = hash_mix64(ino), is;
	uint32_t tag;

	atomic_thread_fence(memory_order_seq_cst);
	is = atomic_load(&f->places[hash % PLACES]);
	tag = (uint32_t)(is >> 32);
	return (tag == ANY || tag == ((uint32_t)(hash >> 32) | 1u)) && is_late((uint32_t)is, now(f));
}
