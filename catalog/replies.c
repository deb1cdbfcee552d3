/* SPDX-License-Identifier: MIT */
#include "catalog/replies.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/batch_record.h"
#include "catalog/encode.h"

#define BUCKETS (2 * REPLIES_KEPT)
#define NONE UINT16_MAX
#define SLOTS (REPLIES_KEPT + REPLIES_HELD)
#define GROUPS (SLOTS / REPLIES_GROUP)
#define ITEM_MAX (1 + 16 + 7 * VARINT_MAX)
#define ITEM_MOUNT 128u

struct slot {
	uint64_t number; /* 0: empty */
	struct reply_record reply;
	uint16_t next;   /* slot in the same bucket */
};

/* Beside the ring. */
struct held {
	uint64_t number; /* 0: empty */
	struct reply_record reply;
};

struct replies {
	bool (*in_flight)(void *context, uint64_t unique); /* set before the first use; NULL: nobody knows */
	void *context;
	pthread_mutex_t lock;     /* rank 35; guards all */
	uint64_t last;            /* number of the newest */
	struct slot slots[REPLIES_KEPT];
	uint16_t buckets[BUCKETS];
	struct held held[REPLIES_HELD];
	unsigned held_used;       /* none at or beyond it was ever taken */
	bool changed[GROUPS];     /* since replies_store() */
	bool single[SLOTS];       /* the store has a record of this slot alone */
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
	r->changed[(REPLIES_KEPT + i) / REPLIES_GROUP] = true;
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
	r->changed[r->last % REPLIES_KEPT / REPLIES_GROUP] = true;
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

/* ---- in the store */

static void load_one(struct replies *r, unsigned slot, uint64_t number, const struct reply_record *reply)
{
	if (slot >= REPLIES_KEPT) {
		r->held[slot - REPLIES_KEPT] = (struct held){ .number = number, .reply = *reply };
		r->held_used = MAX(r->held_used, slot - REPLIES_KEPT + 1);
		return;
	}
	if (number > r->slots[slot].number)
		fill_slot(r, number, reply);
	r->last = MAX(r->last, number);
}

static bool is_sound(unsigned slot, uint64_t number)
{
	return number != 0 && slot < SLOTS && (slot >= REPLIES_KEPT || number % REPLIES_KEPT == slot);
}

static int load_single(struct replies *r, unsigned slot, const void *value, size_t len)
{
	struct reader in = reader_over(value, len);
	uint64_t number = reader_le64(&in);
	const uint8_t *bytes = reader_take(&in, REPLY_SIZE);
	struct reply_record reply;

	if (!bytes || !is_sound(slot, number))
		return -EBADMSG;
	reply_load(bytes, &reply);
	load_one(r, slot, number, &reply);
	r->single[slot] = r->changed[slot / REPLIES_GROUP] = true;
	return 0;
}

/* `reply` comes with the mount of the one before. */
static int load_item(struct reader *in, unsigned *ret_index, uint64_t *ret_number, struct reply_record *reply)
{
	unsigned head = reader_u8(in);
	const uint8_t *mount = head & ITEM_MOUNT ? reader_take(in, sizeof(reply->mount.bytes)) : NULL;

	if (mount)
		memcpy(reply->mount.bytes, mount, sizeof(reply->mount.bytes));
	*ret_index = head & ~ITEM_MOUNT;
	*ret_number = reader_varint(in);
	reply->unique = reader_varint(in);
	reply->opcode = (uint32_t)reader_varint(in);
	reply->status = -(int32_t)(uint32_t)reader_varint(in);
	reply->ino = reader_varint(in);
	reply->handle = reader_varint(in);
	reply->size = (uint32_t)reader_varint(in);
	return in->bad || *ret_index >= REPLIES_GROUP ? -EBADMSG : 0;
}

static int load_group(struct replies *r, unsigned group, const void *value, size_t len)
{
	struct reader in = reader_over(value, len);
	struct reply_record reply = { 0 };

	while (reader_left(&in)) {
		unsigned index;
		uint64_t number;
		int e = load_item(&in, &index, &number, &reply);

		if (e < 0 || !is_sound(group * REPLIES_GROUP + index, number))
			return -EBADMSG;
		load_one(r, group * REPLIES_GROUP + index, number, &reply);
	}
	return 0;
}

int replies_load(struct replies *r, const void *key, size_t key_len, const void *value, size_t len)
{
	LOCKED(&r->lock);
	const uint8_t *bytes = key;

	if (key_len == 2)
		return load_group(r, bytes[1], value, len);
	return key_len == 3 ? load_single(r, (unsigned)bytes[1] << 8 | bytes[2], value, len) : -EBADMSG;
}

/* NULL: the slot is empty. */
static const struct reply_record *reply_of(const struct replies *r, unsigned slot, uint64_t *ret_number)
{
	bool held = slot >= REPLIES_KEPT;
	const struct held *h = held ? &r->held[slot - REPLIES_KEPT] : NULL;

	*ret_number = held ? h->number : r->slots[slot].number;
	if (*ret_number == 0)
		return NULL;
	return held ? &h->reply : &r->slots[slot].reply;
}

static uint8_t *put_item(uint8_t *at, unsigned index, uint64_t number, const struct reply_record *reply, bool mount)
{
	at = put_u8(at, (uint8_t)(index | (mount ? ITEM_MOUNT : 0)));
	if (mount)
		at = put_bytes(at, reply->mount.bytes, sizeof(reply->mount.bytes));
	at = put_varint(at, number);
	at = put_varint(at, reply->unique);
	at = put_varint(at, reply->opcode);
	at = put_varint(at, (uint32_t)-reply->status);
	at = put_varint(at, reply->ino);
	at = put_varint(at, reply->handle);
	return put_varint(at, reply->size);
}

static int store_group(const struct replies *r, unsigned group, struct buf *ret_record)
{
	struct key key = key_u8(key_start('R'), (uint8_t)group);
	uint8_t value[REPLIES_GROUP * ITEM_MAX], *at = value;
	const struct reply_record *before = NULL;

	for (unsigned i = 0; i < REPLIES_GROUP; i++) {
		uint64_t number;
		const struct reply_record *reply = reply_of(r, group * REPLIES_GROUP + i, &number);

		if (!reply)
			continue;
		at = put_item(at, i, number, reply, !before || !id128_equal(before->mount, reply->mount));
		before = reply;
	}
	return record_add_put(ret_record, key.bytes, key.len, value, (size_t)(at - value));
}

static int remove_singles(const struct replies *r, unsigned group, struct buf *ret_record)
{
	int e = 0;

	for (unsigned i = 0; i < REPLIES_GROUP && e >= 0; i++) {
		unsigned slot = group * REPLIES_GROUP + i;
		struct key key = key_u8(key_u8(key_start('R'), (uint8_t)(slot >> 8)), (uint8_t)slot);

		if (r->single[slot])
			e = record_add_remove(ret_record, key.bytes, key.len);
	}
	return e;
}

static int store_changed(const struct replies *r, struct buf *ret_record)
{
	int e = 0;

	for (unsigned g = 0; g < GROUPS && e >= 0; g++) {
		if (!r->changed[g])
			continue;
		e = store_group(r, g, ret_record);
		if (e >= 0)
			e = remove_singles(r, g, ret_record);
	}
	return e;
}

int replies_store(struct replies *r, struct buf *ret_record)
{
	LOCKED(&r->lock);
	int e = store_changed(r, ret_record);

	if (e < 0)
		return e;
	memset(r->changed, 0, sizeof(r->changed));
	memset(r->single, 0, sizeof(r->single));
	return 0;
}
