/* SPDX-License-Identifier: MIT */
#include "catalog/sealed_value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define SLOTS 256u

/* A run is used outside the lock: the slot holds one reference, each user another. */
struct opened {
	struct seal_run *run; /* owned */
	uint8_t header[SEAL_RUN_HEADER_SIZE];
	_Atomic unsigned refs;
};

struct value_opener {
	struct keyring *keys; /* borrowed */
	pthread_mutex_t lock; /* rank 50 */
	struct opened *slots[SLOTS];
};

static void opened_unref(struct opened *e)
{
	if (atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	seal_run_free(e->run);
	free(e);
}
DEFINE_CLEANUP(struct opened *, opened_unref)

int value_opener_new(struct keyring *keys, struct value_opener **ret_o)
{
	struct value_opener *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->keys = keys;
	(void) pthread_mutex_init(&o->lock, NULL);
	*ret_o = o;
	return 0;
}

struct value_opener *value_opener_free(struct value_opener *o)
{
	if (!o)
		return NULL;
	for (size_t i = 0; i < SLOTS; i++)
		if (o->slots[i])
			opened_unref(o->slots[i]);
	(void) pthread_mutex_destroy(&o->lock);
	free(o);
	return NULL;
}

static struct opened *find(struct value_opener *o, unsigned slot, const uint8_t *header)
{
	LOCKED(&o->lock);
	struct opened *e = o->slots[slot];

	if (!e || memcmp(e->header, header, sizeof(e->header)) != 0)
		return NULL;
	atomic_fetch_add(&e->refs, 1);
	return e;
}

static void keep(struct value_opener *o, unsigned slot, struct opened *e)
{
	struct opened *before;

	atomic_fetch_add(&e->refs, 1);
	(void) pthread_mutex_lock(&o->lock);
	before = o->slots[slot];
	o->slots[slot] = e;
	(void) pthread_mutex_unlock(&o->lock);
	if (before)
		opened_unref(before);
}

static int open_run(struct value_opener *o, const uint8_t *header, struct opened **ret_e)
{
	struct opened *e = calloc(1, sizeof(*e));
	struct seal_run_header h;
	int r;

	if (!e)
		return -ENOMEM;
	r = seal_run_header_load(header, &h);
	if (r >= 0)
		r = seal_run_open(o->keys, SEAL_CATALOG, &h, &e->run);
	if (r < 0) {
		free(e);
		return r;
	}
	memcpy(e->header, header, sizeof(e->header));
	atomic_init(&e->refs, 1);
	*ret_e = e;
	return 0;
}

int value_open(struct value_opener *o, const void *key, size_t key_len, const void *sealed, size_t len,
	       struct buf *ret_value)
{
	_cleanup_(opened_unrefp) struct opened *e = NULL;
	const uint8_t *header = sealed;
	unsigned slot;
	void *plain;
	int r;

	if (len < SEALED_VALUE_OVERHEAD)
		return -EBADMSG;
	slot = header[0] % SLOTS; /* run ids are random */
	e = find(o, slot, header);
	if (!e) {
		r = open_run(o, header, &e);
		if (r < 0)
			return r;
		keep(o, slot, e);
	}
	r = buf_extend(ret_value, len - SEALED_VALUE_OVERHEAD, &plain);
	if (r < 0)
		return r;
	r = seal_open(e->run, load_le64(header + SEAL_RUN_HEADER_SIZE),
		      &(struct seal_place){ .object = key, .object_len = key_len }, header + SEALED_VALUE_HEAD,
		      len - SEALED_VALUE_HEAD, plain);
	if (r < 0)
		ret_value->len -= len - SEALED_VALUE_OVERHEAD;
	return r;
}

int value_seal(struct seal_run *run, const void *key, size_t key_len, const void *value, size_t len,
	       struct buf *ret_sealed)
{
	uint64_t nonce;
	uint8_t *out;
	int r;

	buf_reset(ret_sealed);
	r = buf_extend(ret_sealed, len + SEALED_VALUE_OVERHEAD, &out);
	if (r < 0)
		return r;
	seal_run_header_store(seal_run_get_header(run), out);
	r = seal_seal(run, &(struct seal_place){ .object = key, .object_len = key_len }, value, len,
		      out + SEALED_VALUE_HEAD, &nonce);
	if (r < 0)
		return r;
	store_le64(out + SEAL_RUN_HEADER_SIZE, nonce);
	return 0;
}
