/* SPDX-License-Identifier: MIT */
#include "fs/fetched.h"

#include <errno.h>
#include <stdlib.h>

#define PLACES (1u << 14)
#define LATELY (1u << 18)

struct fetched {
	const struct shared *shared;    /* borrowed: its count of requests is the clock */
	_Atomic uint32_t when[PLACES];  /* 0: never */
};

/* Never 0. */
static uint32_t now(const struct fetched *f)
{
	return (uint32_t)__atomic_load_n(&f->shared->header.received, __ATOMIC_RELAXED) | 1u;
}

static _Atomic uint32_t *place(struct fetched *f, uint64_t ino)
{
	return &f->when[(ino * 0x9e3779b97f4a7c15ull) >> 50];
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
	atomic_store(place(f, ino), now(f));
}

bool fetched_lately(struct fetched *f, uint64_t ino)
{
	uint32_t when;

	atomic_thread_fence(memory_order_seq_cst);
	when = atomic_load(place(f, ino));
	return when && now(f) - when < LATELY;
}
