/* SPDX-License-Identifier: MIT */
/* Seeks while another thread inserts: the neighbours of a key come and go, the key and what lies behind
 * it stay. A seek must never answer with something before the key that was asked for.
 *
 * The order of keys that come as they do in the catalog: by turns of several kinds, ascending and at random. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "catalog/overlay.h"
#include "tests/unit/check.h"

#define INSERTS 200000u
#define MIDDLE (1ull << 40)

static struct overlay *overlay;
static atomic_bool done;

static void put(uint64_t n, uint64_t lsn)
{
	uint8_t key[8];

	store_be64(key, n);
	CHECK_EQ(overlay_reserve(overlay, 1, sizeof(key)), 0);
	overlay_put(overlay, lsn, key, sizeof(key), "", 0);
}

/* Each becomes the last before the key in the middle. */
static void *insert_before(void *context)
{
	(void) context;
	for (unsigned i = 0; i < INSERTS; i++)
		put(i, 2);
	atomic_store(&done, true);
	return NULL;
}

static uint64_t seek(uint64_t n, bool after)
{
	uint8_t key[8];
	const struct overlay_node *found;
	size_t len;

	store_be64(key, n);
	found = overlay_seek(overlay, key, sizeof(key), after);
	return found ? load_be64(overlay_key(found, &len)) : 0;
}

static void test_seek_during_inserts(void)
{
	uint64_t at_wrong = 0, after_wrong = 0;
	pthread_t writer;

	atomic_store(&done, false);
	CHECK_EQ(overlay_new(NULL, &overlay), 0);
	put(MIDDLE, 1);
	put(MIDDLE + 1, 1);
	CHECK_EQ(pthread_create(&writer, NULL, insert_before, NULL), 0);
	while (!atomic_load(&done)) {
		at_wrong += seek(MIDDLE, false) != MIDDLE;
		after_wrong += seek(MIDDLE, true) != MIDDLE + 1;
	}
	CHECK_EQ(pthread_join(writer, NULL), 0);
	CHECK_EQ(at_wrong, 0);
	CHECK_EQ(after_wrong, 0);
	CHECK_EQ(overlay_records(overlay), INSERTS + 2);
	overlay_unref(overlay);
}

#define KINDS 5u
#define ROUNDS 20000u

/* Two kinds share their lowest five bits. */
static void put_kind(unsigned kind, uint64_t n)
{
	uint8_t key[9] = { "DEIQ1"[kind] };

	store_be64(key + 1, n);
	CHECK_EQ(overlay_reserve(overlay, 1, sizeof(key)), 0);
	overlay_put(overlay, 1, key, sizeof(key), "", 0);
}

static bool is_ascending(const struct overlay_node *n)
{
	const struct overlay_node *next = overlay_next(n);
	size_t len, next_len;
	const void *key = overlay_key(n, &len), *next_key = next ? overlay_key(next, &next_len) : NULL;

	return !next || key_compare(key, len, next_key, next_len) < 0;
}

static void test_order_of_kinds(void)
{
	size_t found = 0, wrong = 0;

	CHECK_EQ(overlay_new(NULL, &overlay), 0);
	for (uint64_t i = 0; i < ROUNDS; i++)
		for (unsigned kind = 0; kind < KINDS; kind++)
			put_kind(kind, kind % 2 ? i : hash_mix64(i * (kind + 1)));
	for (const struct overlay_node *n = overlay_seek(overlay, "", 0, false); n; n = overlay_next(n)) {
		size_t len;
		const void *key = overlay_key(n, &len);

		found++;
		wrong += !is_ascending(n) || overlay_seek(overlay, key, len, false) != n;
	}
	CHECK_EQ(found, overlay_records(overlay));
	CHECK_EQ(wrong, 0);
	overlay_unref(overlay);
}

static void test_pool(void)
{
	struct overlay_pool *pool;
	size_t kept;

	CHECK_EQ(overlay_pool_new(&pool), 0);
	CHECK_EQ(overlay_new(pool, &overlay), 0);
	put_kind(0, 1);
	CHECK_EQ(overlay_pool_memory(pool), 0);
	overlay_unref(overlay);
	kept = overlay_pool_memory(pool);
	CHECK(kept > 0);
	CHECK_EQ(overlay_new(pool, &overlay), 0);
	put_kind(0, 2);
	CHECK_EQ(overlay_pool_memory(pool), 0);
	CHECK_EQ(overlay_records(overlay), 1);
	for (unsigned n = 0; overlay_bytes(overlay) < 2 * OVERLAY_POOL_BYTES; n++)
		put_kind(1, n);
	overlay_unref(overlay);
	CHECK(overlay_pool_memory(pool) > kept && overlay_pool_memory(pool) <= OVERLAY_POOL_BYTES);
	overlay_pool_trim(pool);
	CHECK_EQ(overlay_pool_memory(pool), 0);
	overlay_pool_free(pool);
}

int main(void)
{
	test_order_of_kinds();
	test_pool();
	for (unsigned round = 0; round < 4; round++)
		test_seek_during_inserts();
	return check_result();
}
