/* SPDX-License-Identifier: MIT */
#include "fs/fetched.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define PLACES (1u << 14)
#define LATELY (1u << 18)

/* In a place: the upper half of what the inode's number hashes to, or ANY for several inodes, and when. 0:
 * never. */
#define ANY 0u

struct fetched {
	const struct shared *shared; /* borrowed: its count of requests is the clock */
	_Atomic uint64_t places[PLACES];
};

static _Atomic uint64_t *place(struct fetched *f, uint64_t hash)
{
	return &f->places[hash % PLACES];
}

/* Never ANY. */
static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1u;
}

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
	uint32_t tag = tag_of(hash), time = now(f);
	uint64_t was = atomic_load(place(f, hash)), is;

	do {
		bool other = (uint32_t)(was >> 32) != tag && is_late((uint32_t)was, time);

		is = pack(other ? ANY : tag, time);
	} while (!atomic_compare_exchange_weak(place(f, hash), &was, is));
}

bool fetched_lately(struct fetched *f, uint64_t ino)
{
	uint64_t hash = hash_mix64(ino), is;
	uint32_t tag;

	atomic_thread_fence(memory_order_seq_cst);
	is = atomic_load(place(f, hash));
	tag = (uint32_t)(is >> 32);
	return (tag == ANY || tag == tag_of(hash)) && is_late((uint32_t)is, now(f));
}
