/* SPDX-License-Identifier: MIT */
/* What is fetched of cold packs, and in how many requests: small frames with their neighbours, large ones alone, and what
 * a reader wants next before it asks. */
#include "tiers/pack/sealed_cache.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/fakes/mem_bucket.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"

#define SIZE ((2u << 20) + 5000u)
#define SMALL 90000u
#define LARGE 200000u

static uint8_t bytes[SIZE], got[SIZE];
static struct temp_folder temp;
static struct bucket *bucket;
static struct sealed_cache *cache;
static const struct cold_pack pack = { .number = 7, .id = { "sixteen bytes..." }, .key = "packs/it", .size = SIZE };

static uint64_t gets(void)
{
	struct bucket_stats s;

	bucket_get_stats(bucket, &s);
	return s.by[BUCKET_RECALL].requests[BUCKET_GET];
}

static void start(void)
{
	CHECK_EQ(sealed_cache_new(temp.dirfd, 16 << 20, &cache), 0);
	sealed_cache_set_bucket(cache, bucket);
}

static void stop(void)
{
	cache = sealed_cache_free(cache);
}

static struct cold_frame frame(unsigned k, unsigned len)
{
	return (struct cold_frame){ 300 + (uint64_t)k * len, len };
}

/* Returns how many requests that took. */
static uint64_t take(struct cold_frame f)
{
	uint64_t before = gets();

	memset(got, 0, f.len);
	CHECK_EQ(sealed_cache_read(cache, &pack, f, false, BUCKET_RECALL, got), 0);
	CHECK(memcmp(got, bytes + f.place, f.len) == 0);
	return gets() - before;
}

static uint64_t ahead(const struct cold_frame *frames, size_t n)
{
	uint64_t before = gets();

	sealed_cache_ahead(cache, &pack, frames, n);
	return gets() - before;
}

static void check_row(unsigned len)
{
	struct cold_frame next[8];

	start();
	for (unsigned k = 0; k < 8; k++)
		next[k] = frame(k + 1, len);
	CHECK_EQ(take(frame(0, len)), 1);
	CHECK_EQ(ahead(next, 8), 1);
	for (unsigned k = 0; k < 8; k++)
		CHECK_EQ(take(next[k]), 0);
	CHECK_EQ(ahead(next, 8), 0);
	CHECK_EQ(take(frame(0, len)), 0);
	stop();
}

/* Up to the last chunk, which is shorter; and what no pack has. */
static void test_end(void)
{
	const struct cold_frame last = { SIZE - 1000, 1000 }, beyond = { SIZE - 1000, 2000 }, far = { 1ull << 40, 10 };
	const struct cold_frame huge = { 0, UINT64_MAX };

	start();
	CHECK_EQ(ahead(&last, 0), 0);
	CHECK_EQ(ahead(&beyond, 1), 0);
	CHECK_EQ(ahead(&far, 1), 0);
	CHECK_EQ(ahead(&huge, 1), 0);
	CHECK_EQ(ahead(&last, 1), 1);
	CHECK_EQ(take(last), 0);
	CHECK_EQ(sealed_cache_read(cache, &pack, beyond, false, BUCKET_RECALL, got), -EBADMSG);
	stop();
}

static void test_failure(void)
{
	const struct cold_frame f = frame(3, SMALL);

	start();
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_percent = 100, .fault = BUCKET_TIMEOUT });
	(void) ahead(&f, 1);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK(!sealed_cache_has(cache, pack.number, f));
	CHECK_EQ(take(f), 1);
	stop();
}

static void *fetch_ahead(void *context)
{
	sealed_cache_ahead(cache, &pack, context, 1);
	return NULL;
}

/* A reader who comes before what is on its way waits for it, and asks for nothing. */
static void test_meets(unsigned len)
{
	struct cold_frame f = frame(2, len);
	uint64_t before = gets();
	pthread_t thread;

	start();
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .seed = 5, .delay_ms = 400 });
	CHECK_EQ(pthread_create(&thread, NULL, fetch_ahead, &f), 0);
	(void) usleep(50000);
	(void) take(f);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(gets() - before, 1);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	stop();
}

int main(void)
{
	const struct bucket_body body = { .data = bytes, .fd = -1, .len = SIZE };

	for (unsigned k = 0; k < SIZE; k++)
		bytes[k] = (uint8_t)(k * 2654435761u >> 13);
	temp_folder_make(&temp);
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	CHECK_EQ(bucket_put(bucket, NULL, pack.key, &body, NULL), 0);
	check_row(SMALL);
	check_row(LARGE);
	test_end();
	test_failure();
	test_meets(SMALL);
	test_meets(LARGE);
	(void) bucket_free(bucket);
	temp_folder_remove(&temp);
	return check_result();
}
