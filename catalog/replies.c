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

struct replies {
	pthread_mutex_t lock;     /* rank 35; guards all */
	uint64_t last;            /* number of the newest */
	uint64_t stored;          /* the newest that replies_store() has given out */
	struct slot slots[REPLIES_KEPT];
	uint16_t buckets[BUCKETS];
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

static void fill_slot(struct replies *r, uint64_t number, const struct reply_record *reply)
{
	uint16_t slot = (uint16_t)(number % REPLIES_KEPT);
	struct slot *s = &r->slots[slot];
	uint16_t *bucket = bucket_of(r, reply->unique);

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
	return -ENOENT;
}

int replies_load(struct replies *r, const void *value, size_t len)
{
	LOCKED(&r->lock);
	struct reader in = reader_over(value, len);
	uint64_t number = reader_le64(&in);
	const uint8_t *bytes = reader_take(&in, REPLY_SIZE);
	struct reply_record reply;

	if (!bytes || number == 0)
		return -EBADMSG;
	reply_load(bytes, &reply);
	if (number > r->slots[number % REPLIES_KEPT].number)
		fill_slot(r, number, &reply);
	r->last = MAX(r->last, number);
	r->stored = r->last;
	return 0;
}

static int store_one(const struct slot *s, struct buf *ret_record)
{
	struct key key = key_start('R');
	uint8_t value[8 + REPLY_SIZE];

	store_be16(key.bytes + key.len, (uint16_t)(s->number % REPLIES_KEPT));
	key.len += 2;
	store_le64(value, s->number);
	reply_store(&s->reply, value + 8);
	return record_add_put(ret_record, key.bytes, key.len, value, sizeof(value));
}

int replies_store(struct replies *r, struct buf *ret_record)
{
	LOCKED(&r->lock);
	uint64_t from = r->last > REPLIES_KEPT ? r->last - REPLIES_KEPT : 0;

	for (uint64_t n = MAX(from, r->stored) + 1; n <= r->last; n++) {
		int e = store_one(&r->slots[n % REPLIES_KEPT], ret_record);

		if (e < 0)
			return e;
	}
	r->stored = r->last;
	return 0;
}
