/* SPDX-License-Identifier: MIT */
#include "fs/handles.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"

#define BUCKETS (1u << 16)
#define NONE UINT32_MAX

/* Slots of one inode are linked from its bucket; free ones, newest first, from `free`. */
struct handles {
	struct shared *shared;              /* borrowed */
	pthread_mutex_t lock;               /* rank 50: nothing is locked under it */
	atomic_uint passed;                 /* handles with HANDLE_PASSED; changed under the lock */
	uint32_t free;                      /* guarded by lock, as all below and the slots */
	uint32_t buckets[BUCKETS];
	uint32_t next[HANDLE_TABLE_SLOTS];  /* by slot */
	uint32_t prev[HANDLE_TABLE_SLOTS];
};

/* Stored as number + 1, so that calloc()ed memory, which costs nothing until touched, means none. */
static uint32_t unlink_number(uint32_t stored)
{
	return stored - 1;
}

static uint32_t *bucket_of(struct handles *h, uint64_t ino)
{
	return &h->buckets[hash_mix64(ino) % BUCKETS];
}

static void chain_add(struct handles *h, uint32_t slot)
{
	uint32_t *bucket = bucket_of(h, h->shared->slots[slot].ino);

	h->prev[slot] = 0;
	h->next[slot] = *bucket;
	if (*bucket)
		h->prev[unlink_number(*bucket)] = slot + 1;
	*bucket = slot + 1;
}

static void chain_remove(struct handles *h, uint32_t slot)
{
	uint32_t next = h->next[slot], prev = h->prev[slot];

	if (next)
		h->prev[unlink_number(next)] = prev;
	if (prev)
		h->next[unlink_number(prev)] = next;
	else
		*bucket_of(h, h->shared->slots[slot].ino) = next;
}

static void free_add(struct handles *h, uint32_t slot)
{
	h->next[slot] = h->free;
	h->free = slot + 1;
}

/* A free slot, or NONE. */
static uint32_t free_take(struct handles *h)
{
	uint32_t slot;

	if (h->free) {
		slot = unlink_number(h->free);
		h->free = h->next[slot];
		return slot;
	}
	if (h->shared->header.slots_used == HANDLE_TABLE_SLOTS)
		return NONE;
	return h->shared->header.slots_used++;
}

/* The next open slot of `ino` after `slot`; NONE begins and ends. */
static uint32_t chain_next(struct handles *h, uint64_t ino, uint32_t slot)
{
	uint32_t stored = slot == NONE ? *bucket_of(h, ino) : h->next[slot];

	while (stored && h->shared->slots[unlink_number(stored)].ino != ino)
		stored = h->next[unlink_number(stored)];
	return unlink_number(stored);
}

static uint64_t fh_of(struct handles *h, uint32_t slot)
{
	return (uint64_t)h->shared->slots[slot].generation << 32 | slot;
}

static struct handle_slot *slot_of(struct handles *h, uint64_t fh)
{
	uint32_t slot = (uint32_t)fh;
	struct handle_slot *s = &h->shared->slots[slot % HANDLE_TABLE_SLOTS];

	if (slot >= h->shared->header.slots_used || s->ino == 0 || s->generation != fh >> 32)
		return NULL;
	return s;
}

static void fill(struct handles *h, const struct handle_slot *s, struct handle *ret)
{
	uint32_t slot = (uint32_t)(s - h->shared->slots);

	*ret = (struct handle){
		.fh = fh_of(h, slot),
		.ino = s->ino,
		.flags = s->flags,
		.kind = (enum handle_kind)s->kind,
	};
}

int handles_new(struct shared *shared, struct handles **ret_h)
{
	struct handles *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->shared = shared;
	(void) pthread_mutex_init(&h->lock, NULL);
	for (uint32_t i = shared->header.slots_used; i-- > 0;) {
		if (shared->slots[i].ino) {
			chain_add(h, i);
			h->passed += (shared->slots[i].flags & HANDLE_PASSED) != 0;
		} else
			free_add(h, i);
	}
	*ret_h = h;
	return 0;
}

struct handles *handles_free(struct handles *h)
{
	if (h) {
		(void) pthread_mutex_destroy(&h->lock);
		free(h);
	}
	return NULL;
}

int handles_add(struct handles *h, uint64_t unique, uint64_t ino, enum handle_kind kind, uint32_t flags,
		uint64_t *ret_fh)
{
	LOCKED(&h->lock);
	uint32_t slot = free_take(h);
	struct handle_slot *s;

	if (slot == NONE)
		return -ENFILE;
	s = &h->shared->slots[slot];
	s->unique = unique;
	s->generation++;
	s->flags = flags;
	s->kind = kind;
	s->wrote_s = 0;
	__atomic_store_n(&s->ino, ino, __ATOMIC_RELEASE);
	chain_add(h, slot);
	*ret_fh = fh_of(h, slot);
	return 0;
}

/* Only for requests that are sent again, so a walk over all slots will do. */
int handles_find(struct handles *h, uint64_t unique, struct handle *ret)
{
	LOCKED(&h->lock);

	for (uint32_t i = 0; i < h->shared->header.slots_used; i++) {
		struct handle_slot *s = &h->shared->slots[i];

		if (s->ino && s->unique == unique) {
			fill(h, s, ret);
			return 0;
		}
	}
	return -ENOENT;
}

int handles_get(struct handles *h, uint64_t fh, struct handle *ret)
{
	LOCKED(&h->lock);
	struct handle_slot *s = slot_of(h, fh);

	if (!s)
		return -EBADF;
	fill(h, s, ret);
	return 0;
}

int handles_remove(struct handles *h, uint64_t fh, struct handle *ret_was, bool *ret_last)
{
	LOCKED(&h->lock);
	struct handle_slot *s = slot_of(h, fh);
	uint32_t slot = (uint32_t)fh;

	if (!s)
		return -EBADF;
	fill(h, s, ret_was);
	if (s->flags & HANDLE_PASSED)
		atomic_fetch_sub(&h->passed, 1);
	chain_remove(h, slot);
	*ret_last = chain_next(h, s->ino, NONE) == NONE;
	__atomic_store_n(&s->ino, 0, __ATOMIC_RELEASE);
	free_add(h, slot);
	return 0;
}

uint32_t handles_wrote(struct handles *h, uint64_t fh, bool passed)
{
	LOCKED(&h->lock);
	struct handle_slot *s = slot_of(h, fh);

	if (!s)
		return 0;
	passed |= s->flags & HANDLE_ALONE;
	if (passed && !(s->flags & HANDLE_PASSED))
		atomic_fetch_add(&h->passed, 1);
	s->wrote_s = (uint32_t)(clock_mono_ms() / 1000);
	s->flags |= HANDLE_WROTE | (passed ? HANDLE_PASSED : 0u);
	s->flags &= ~HANDLE_EMPTIED;
	return s->flags;
}

void handles_emptied(struct handles *h, uint64_t fh)
{
	LOCKED(&h->lock);
	struct handle_slot *s = slot_of(h, fh);

	if (s)
		s->flags |= HANDLE_EMPTIED;
}

static bool any_passed(struct handles *h, uint64_t ino)
{
	LOCKED(&h->lock);

	for (uint32_t i = NONE; (i = chain_next(h, ino, i)) != NONE;)
		if (h->shared->slots[i].flags & HANDLE_PASSED)
			return true;
	return false;
}

bool handles_is_passed(struct handles *h, uint64_t ino)
{
	return atomic_load(&h->passed) && any_passed(h, ino);
}

void handles_forget_use(struct handles *h, uint64_t ino)
{
	LOCKED(&h->lock);

	for (uint32_t i = NONE; (i = chain_next(h, ino, i)) != NONE;)
		h->shared->slots[i].flags |= HANDLE_NOATIME;
}

bool handles_next(struct handles *h, uint32_t *at, struct handle *ret)
{
	LOCKED(&h->lock);

	while (*at < h->shared->header.slots_used) {
		const struct handle_slot *s = &h->shared->slots[(*at)++];

		if (s->ino) {
			fill(h, s, ret);
			return true;
		}
	}
	return false;
}

bool handles_is_open(struct handles *h, uint64_t ino)
{
	LOCKED(&h->lock);

	return chain_next(h, ino, NONE) != NONE;
}

bool handles_is_busy(struct handles *h, uint64_t ino)
{
	uint32_t now_s = (uint32_t)(clock_mono_ms() / 1000);
	LOCKED(&h->lock);

	for (uint32_t i = NONE; (i = chain_next(h, ino, i)) != NONE;) {
		struct handle_slot *s = &h->shared->slots[i];

		if (s->flags & HANDLE_WROTE && now_s - s->wrote_s < HANDLE_BUSY_S)
			return true;
	}
	return false;
}

void handles_add_memory(struct handles *h, struct memory_parts *m)
{
	uint64_t each = sizeof(h->next[0]) + sizeof(h->prev[0]) + sizeof(h->shared->slots[0]), used;
	uint64_t all = HANDLE_TABLE_SLOTS;
	LOCKED(&h->lock);

	used = h->shared->header.slots_used;
	memory_part_add(m, "handles", used * each + MIN(used * 4096, sizeof(h->buckets)),
			all * each + sizeof(h->buckets));
}
