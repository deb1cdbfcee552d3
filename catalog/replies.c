/* SPDX-License-Identifier: MIT */
#include "catalog/replies.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/batch_record.h"

#define BUCKETS (2 * REPLIES_KEPT)
#define NONE UINT16_MAX

struct slot {
	uint64_t number; /* 0: empty */
	struct reply_record reply;
	uint16_t next;   /* slot in the same bucket */
};

/* Beside the ring. */
struct held {
	uint64_t number; /* 0: empty */
	struct reply_record reply;
	bool stored;
};

struct replies {
	bool (*in_flight)(void *context, uint64_t unique); /* set before the first use; NULL: nobody knows */
	void *context;
	pthread_mutex_t lock;     /* rank 35; guards all */
	uint64_t last;            /* number of the newest */
	uint64_t stored;          /* the newest that replies_store() has given out */
	struct slot slots[REPLIES_KEPT];
	uint16_t buckets[BUCKETS];
	struct held held[REPLIES_HELD];
	unsigned held_used;       /* none at or beyond it was ever taken */
};

int replies_new(struct replies **ret_r)
{
	struct replies *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	(void) pthread_mutex_init(&r->lock, NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		r->buckets[i] = NONE;
	*ret_r = r;
	return 0;
}

size_t replies_memory(void)
{
	return sizeof(struct replies);
}

void replies_ask(struct replies *r, bool (*in_flight)(void *context, uint64_t unique), void *context)
{
	r->in_flight = in_flight;
	r->context = context;
}

struct replies *replies_free(struct replies *r)
{
	if (r)
		(void) pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

static uint16_t *bucket_of(struct replies *r, uint64_t unique)
{
	return &r->buckets[hash_mix64(unique) % BUCKETS];
}

static void unlink_slot(struct replies *r, uint16_t slot)
{
	uint16_t *at = bucket_of(r, r->slots[slot].reply.unique);

	while (*at != slot)
		at = &r->slots[*at].next;
	*at = r->slots[slot].next;
}

static bool is_wanted(const struct replies *r, const struct reply_record *reply)
{
	return r->in_flight && r->in_flight(r->context, reply->unique);
}

/* Where there is no room it is given up, as if nobody had asked. */
static void hold(struct replies *r, const struct slot *s)
{
	unsigned i = 0;

	while (i < r->held_used && r->held[i].number && is_wanted(r, &r->held[i].reply))
		i++;
	if (i == REPLIES_HELD)
		return;
	r->held[i] = (struct held){ .number = s->number, .reply = s->reply };
	r->held_used = MAX(r->held_used, i + 1);
}

static void fill_slot(struct replies *r, uint64_t number, const struct reply_record *reply)
{
	uint16_t slot = (uint16_t)(number % REPLIES_KEPT);
	struct slot *s = &r->slots[slot];
	uint16_t *bucket = bucket_of(r, reply->unique);

	if (s->number && is_wanted(r, &s->reply))
		hold(r, s);
	if (s->number)
		unlink_slot(r, slot);
	s->number = number;
	s->reply = *reply;
	s->next = *bucket;
	*bucket = slot;
}

void replies_add(struct replies *r, const struct reply_record *reply)
{
	LOCKED(&r->lock);

	fill_slot(r, ++r->last, reply);
}

static int find_held(const struct replies *r, struct id128 mount, uint64_t unique, struct reply_record *ret_reply)
{
	for (unsigned i = 0; i < r->held_used; i++) {
		const struct held *h = &r->held[i];

		if (h->number && h->reply.unique == unique && id128_equal(h->reply.mount, mount)) {
			*ret_reply = h->reply;
			return 0;
		}
	}
	return -ENOENT;
}

int replies_find(struct replies *r, struct id128 mount, uint64_t unique, struct reply_record *ret_reply)
{
	LOCKED(&r->lock);

	for (uint16_t i = *bucket_of(r, unique); i != NONE; i = r->slots[i].next) {
		const struct reply_record *reply = &r->slots[i].reply;

		if (reply->unique == unique && id128_equal(reply->mount, mount)) {
			*ret_reply = *reply;
			return 0;
		}
	}
	return find_held(r, mount, unique, ret_reply);
}

/* The slot that stands in a key, or a negative errno. */
static int slot_of_key(const void *key, size_t len)
{
	const uint8_t *bytes = key;

	return len == 3 ? bytes[1] << 8 | bytes[2] : -EBADMSG;
}

static void load_held(struct replies *r, unsigned i, uint64_t number, const struct reply_record *reply)
{
	r->held[i] = (struct held){ .number = number, .reply = *reply, .stored = true };
	r->held_used = MAX(r->held_used, i + 1);
}

int replies_load(struct replies *r, const void *key, size_t key_len, const void *value, size_t len)
{
	LOCKED(&r->lock);
	struct reader in = reader_over(value, len);
	uint64_t number = reader_le64(&in);
	const uint8_t *bytes = reader_take(&in, REPLY_SIZE);
	struct reply_record reply;
	int slot = slot_of_key(key, key_len);

	if (!bytes || number == 0 || slot < 0 || slot >= (int)(REPLIES_KEPT + REPLIES_HELD))
		return -EBADMSG;
	reply_load(bytes, &reply);
	if (slot >= (int)REPLIES_KEPT) {
		load_held(r, (unsigned)slot - REPLIES_KEPT, number, &reply);
		return 0;
	}
	if (number > r->slots[number % REPLIES_KEPT].number)
		fill_slot(r, number, &reply);
	r->last = MAX(r->last, number);
	r->stored = r->last;
	return 0;
}

static int store_one(unsigned slot, uint64_t number, const struct reply_record *reply, struct buf *ret_record)
{
	struct key key = key_start('R');
	uint8_t value[8 + REPLY_SIZE];

	store_be16(key.bytes + key.len, (uint16_t)slot);
	key.len += 2;
	store_le64(value, number);
	reply_store(reply, value + 8);
	return record_add_put(ret_record, key.bytes, key.len, value, sizeof(value));
}

static int store_held(struct replies *r, struct buf *ret_record)
{
	for (unsigned i = 0; i < r->held_used; i++) {
		struct held *h = &r->held[i];
		int e = h->stored || !h->number ? 0 : store_one(REPLIES_KEPT + i, h->number, &h->reply, ret_record);

		if (e < 0)
			return e;
		h->stored = true;
	}
	return 0;
}

int replies_store(struct replies *r, struct buf *ret_record)
{
	LOCKED(&r->lock);
	uint64_t from = r->last > REPLIES_KEPT ? r->last - REPLIES_KEPT : 0;

	for (uint64_t n = MAX(from, r->stored) + 1; n <= r->last; n++) {
		int e = store_one(n % REPLIES_KEPT, n, &r->slots[n % REPLIES_KEPT].reply, ret_record);

		if (e < 0)
			return e;
	}
	r->stored = r->last;
	return store_held(r, ret_record);
}
