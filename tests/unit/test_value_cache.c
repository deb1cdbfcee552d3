/* SPDX-License-Identifier: MIT */
/* What was read stays until it is forgotten, and who read before a change brings nothing any more. */
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "catalog/value_cache.h"
#include "tests/unit/check.h"

static struct value_cache *cache;

static void put(const char *key, const char *value)
{
	value_cache_put(cache, value_cache_ticket(cache), key, strlen(key), value, strlen(value));
}

/* `value` NULL: there is none. */
static void expect(const char *key, const char *value)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	CHECK_EQ(buf_add_str(&got, "before "), 0);
	CHECK_EQ(value_cache_get(cache, key, strlen(key), &got), value != NULL);
	CHECK_EQ(value_cache_get(cache, key, strlen(key), NULL), value != NULL);
	CHECK_EQ(got.len, 7 + (value ? strlen(value) : 0));
	if (value)
		CHECK(memcmp((char *)got.data + 7, value, strlen(value)) == 0);
}

static void test_values(void)
{
	expect("a", NULL);
	put("a", "one");
	put("ab", "");
	expect("a", "one");
	expect("ab", "");
	put("a", "two");
	expect("a", "two");
	value_cache_forget(cache, "a", 1);
	expect("a", NULL);
	expect("ab", "");
	value_cache_forget(cache, "none", 4);
	expect("", NULL);
	value_cache_put(cache, value_cache_ticket(cache), "empty", 5, NULL, 0);
	expect("empty", "");
}

static void test_late(void)
{
	uint64_t early = value_cache_ticket(cache);

	put("late", "old");
	value_cache_change(cache);
	expect("late", "old"); /* good, unless it is among what changed */
	value_cache_forget(cache, "late", 4);
	value_cache_put(cache, early, "late", 4, "old", 3);
	expect("late", NULL);
	put("late", "new");
	expect("late", "new");
}

/* Records that are too long are not kept, and nothing else is lost. */
static void test_long(void)
{
	char longest[241];

	memset(longest, 'x', sizeof(longest));
	longest[240] = 0;
	put("longest!", longest);
	expect("longest!", longest);
	put("longest!!", longest);
	expect("longest!!", NULL);
	put(longest, "longest!");
	expect(longest, "longest!");
}

/* More than there is room for: the newest are there, and what is there is right. */
static void test_many(void)
{
	unsigned found = 0;
	uint8_t key[8];

	for (uint64_t i = 0; i < 100000; i++) {
		store_be64(key, i);
		value_cache_put(cache, value_cache_ticket(cache), key, 8, &i, sizeof(i));
		CHECK(value_cache_get(cache, key, 8, NULL));
	}
	for (uint64_t i = 0; i < 100000; i++) {
		_cleanup_buf_ struct buf got = BUF_INIT;

		store_be64(key, i);
		if (!value_cache_get(cache, key, 8, &got))
			continue;
		CHECK(got.len == 8 && memcmp(got.data, &i, 8) == 0);
		found++;
	}
	CHECK(found > VALUE_CACHE_BYTES / 256 / 2 && found <= VALUE_CACHE_BYTES / 256);
}

int main(void)
{
	CHECK_EQ(value_cache_new(&cache), 0);
	test_values();
	test_late();
	test_long();
	test_many();
	CHECK(value_cache_free(cache) == NULL);
	return check_result();
}
