/* SPDX-License-Identifier: MIT */
/* Seeks while another thread inserts: the neighbours of a key come and go, the key and what lies behind
 * it stay. A seek must never answer with something before the key that was asked for. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
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
	CHECK_EQ(overlay_new(&overlay), 0);
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

int main(void)
{
	for (unsigned round = 0; round < 4; round++)
		test_seek_during_inserts();
	return check_result();
}
