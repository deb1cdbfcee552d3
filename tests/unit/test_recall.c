/* SPDX-License-Identifier: MIT */
/* Files that come back by request: which, in how many requests, for what price, how far, and what ends it. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "files_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "base/calendar.h"
#include "tiers/move/metered.h"
#include "tiers/move/mover.h"
#include "tiers/move/promote.h"
#include "tiers/move/recall.h"
#include "tiers/move/recall_walk.h"

#define FILES 120u
#define LARGE (20u << 20)

static struct files_box box;
static struct mover *mover;
static struct recalls *recalls;
static struct bucket *memory, *bucket;
static uint64_t dir, below, apart, inos[FILES], large, kept;
static uint8_t *bytes, *got;
static const struct capacity_config roomy = { .high = 100, .low = 99 };

/* ---- the volume */

static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	*ret_b = (struct mover_bucket){ .bucket = bucket, .metered = true };
	return 0;
}

static void start(void)
{
	struct mover_config config = { .open_bucket = open_bucket, .rules.grace_s = DAY_S };
	struct bucket_error bucket_why;
	char *why = NULL;

	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	CHECK_EQ(policy_new(&(struct policy_config){ .settle_s = 1 }, &config.rules.policy, &why), 0);
	CHECK_EQ(mover_new(&config, &mover), 0);
	CHECK_EQ(mover_attach(mover, &bucket_why), 0);
	CHECK_EQ(recalls_new(box.f, &recalls), 0);
	recalls_set(recalls, &roomy, 0);
}

static void stop(void)
{
	recalls = recalls_free(recalls);
	mover = mover_free(mover);
	files_box_kill(&box);
}

static uint64_t make_in(uint64_t parent, const char *name, mode_t mode)
{
	struct tree_make make = { .mode = mode };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(box.c, &rq, parent, name, &make, &i), 0);
	return i.ino;
}

static void set_tier(uint64_t ino, const char *tier)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(tree_setxattr(box.c, &rq, ino, "user.brainy.tier", tier, strlen(tier), 0), 0);
}

/* Noise, which does not become less in packs. */
static void fill(uint64_t ino, size_t len)
{
	uint64_t x = ino;

	for (size_t n = 0; n < len; n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		bytes[n] = (uint8_t)(x >> 56);
	}
}

static void write_file(uint64_t ino, size_t len)
{
	struct tree_request rq = { 0 };

	fill(ino, len);
	for (size_t at = 0; at < len; at += 1 << 20)
		CHECK(file_write(box.f, &rq, ino, at, bytes + at, MIN(len - at, (size_t)1 << 20), false, false) > 0);
}

static size_t size_of(unsigned k)
{
	return 1000 + k * 700;
}

static void check_file(uint64_t ino, size_t len)
{
	fill(ino, len);
	CHECK_EQ(file_read(box.f, ino, 0, got, LARGE, TIER_WAIT), (int64_t)len);
	CHECK(memcmp(got, bytes, len) == 0);
}

static const char *tier_of(uint64_t ino)
{
	struct inode i;

	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	return inode_tier(box.c, &i);
}

static void make_all_cold(void)
{
	const struct mover_run run = { .now_s = (int64_t)(clock_real_ns() / 1000000000u) + 90 * DAY_S };
	struct mover_report report;

	CHECK_EQ(mover_run(mover, &run, &report), 0);
	CHECK_EQ(report.failed, 0);
}

static void make_volume(void)
{
	char name[32];

	dir = make_in(ROOT_INO, "dir", S_IFDIR | 0755);
	below = make_in(dir, "below", S_IFDIR | 0755);
	apart = make_in(dir, "apart", S_IFDIR | 0755);
	for (unsigned k = 0; k < FILES; k++) {
		(void) snprintf(name, sizeof(name), "f%u", k);
		inos[k] = make_in(k % 2 ? below : dir, name, S_IFREG | 0644);
		write_file(inos[k], size_of(k));
	}
	large = make_in(below, "large", S_IFREG | 0644);
	write_file(large, LARGE);
	kept = make_in(apart, "kept", S_IFREG | 0644);
	write_file(kept, 5000);
	set_tier(apart, "cold");
	make_all_cold();
	CHECK(strcmp(tier_of(large), "cold") == 0 && strcmp(tier_of(kept), "cold") == 0);
}

static struct bucket_usage asked(void)
{
	struct metered_state s;

	metered_get(bucket, &s);
	return s.all.by[BUCKET_RECALL];
}

/* ---- prices */

/* What is said before is what is asked then, and nothing is left to ask. */
static void check_price(uint64_t ino, size_t len, unsigned requests)
{
	struct bucket_usage before = asked(), after;
	struct files_recall said, then;
	uint64_t moved;
	struct inode i;

	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	CHECK_EQ(files_get_recall(box.f, &i, false, &said), 0);
	CHECK(said.bytes >= len);
	CHECK_EQ(said.requests, requests);
	CHECK_EQ(asked().requests[BUCKET_GET], before.requests[BUCKET_GET]);
	CHECK_EQ(file_promote(box.f, ino, NULL, &moved), 0);
	CHECK_EQ(moved, len);
	after = asked();
	CHECK_EQ(after.requests[BUCKET_GET] - before.requests[BUCKET_GET], said.requests);
	CHECK_EQ(after.bytes_down - before.bytes_down, said.bytes);
	CHECK_EQ(files_get_recall(box.f, &i, false, &then), 0); /* of the extents as they are now */
	CHECK_EQ(then.bytes, 0);
	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	CHECK_EQ(files_get_recall(box.f, &i, true, &then), 0);
	CHECK_EQ(then.bytes, 0);
	CHECK(strcmp(tier_of(ino), "hot") == 0);
	check_file(ino, len);
}

static void test_prices(void)
{
	struct files_recall said;
	struct inode i;

	start();
	make_volume();
	stop();
	start();
	check_price(inos[0], size_of(0), 1);
	check_price(large, LARGE, (LARGE >> 23) + 1);
	/* A neighbour came along, unless one wants to know what it was worth. */
	CHECK_EQ(inode_get(box.c, inos[2], &i), 0);
	CHECK_EQ(files_get_recall(box.f, &i, false, &said), 0);
	CHECK_EQ(said.requests, 0);
	CHECK_EQ(files_get_recall(box.f, &i, true, &said), 0);
	CHECK_EQ(said.requests, 1);
	stop();
}

/* ---- recalls */

static struct recall_status until_over(uint64_t id)
{
	struct recall_status st = { 0 };

	for (unsigned n = 0; n < 20000 && !st.over; n++) {
		CHECK_EQ(recall_get(recalls, id, &st), 0);
		(void) usleep(1000);
	}
	CHECK(st.over);
	return st;
}

static struct recall_status recall(uint64_t ino)
{
	uint64_t id = 0;

	CHECK_EQ(recall_begin(recalls, ino, &id), 0);
	return until_over(id);
}

static void test_directory(void)
{
	struct recall_status list[RECALLS_MAX], st;
	struct bucket_usage before;

	start();
	make_all_cold();
	stop();
	start();
	before = asked();
	/* Nobody has said that it shall be hot. */
	CHECK_EQ(recall(dir).error, -ECANCELED);
	set_tier(dir, "hot");
	st = recall(dir);
	CHECK_EQ(st.error, 0);
	CHECK_EQ(st.files, FILES + 1);
	CHECK_EQ(st.files_done, FILES + 1);
	CHECK_EQ(st.bytes_done, st.bytes);
	CHECK_EQ(st.failed + st.changed, 0);
	/* 25 MB in two packs at most, 8 MiB at a time. */
	CHECK(asked().requests[BUCKET_GET] - before.requests[BUCKET_GET] <= 8);
	CHECK_EQ(recalls_list(recalls, list), 0);
	for (unsigned k = 0; k < FILES; k++) {
		CHECK(strcmp(tier_of(inos[k]), "hot") == 0);
		check_file(inos[k], size_of(k));
	}
	check_file(large, LARGE);
	CHECK(strcmp(tier_of(kept), "cold") == 0);
	/* There is nothing left to do. */
	CHECK_EQ(recall(dir).files, 0);
	CHECK_EQ(recall(12345678).error, 0);
	files_box_verify(&box);
	stop();
}

static void test_ends(void)
{
	struct recall_status list[RECALLS_MAX], st;
	const struct capacity_config full = { .high = 1, .low = 1 };
	uint64_t id, other;

	start();
	set_tier(dir, "auto");
	make_all_cold();
	set_tier(dir, "hot");
	/* No room. */
	recalls_set(recalls, &full, 0);
	st = recall(dir);
	if (st.error) { /* else a hundredth of the disk has room for it */
		CHECK_EQ(st.error, -ENOSPC);
		CHECK(st.missing > 0);
		CHECK_EQ(st.files_done, 0);
		CHECK(strcmp(tier_of(large), "cold") == 0);
	}
	set_tier(dir, "auto");
	make_all_cold();
	set_tier(dir, "hot");
	/* Slow, and told; stopped. */
	recalls_set(recalls, &roomy, 1 << 20);
	CHECK_EQ(recall_begin(recalls, dir, &id), 0);
	do {
		(void) usleep(1000);
		CHECK_EQ(recall_get(recalls, id, &st), 0);
	} while (!st.over && st.bytes_done == 0);
	CHECK(!st.over && st.has_left && st.left_ms > 0);
	CHECK_EQ(recalls_list(recalls, list), 1);
	CHECK_EQ(list[0].id, id);
	recall_stop(recalls, below);
	CHECK_EQ(recall_begin(recalls, below, &other), 0);
	recall_stop(recalls, dir);
	CHECK_EQ(until_over(id).error, -ECANCELED);
	CHECK_EQ(until_over(other).error, -ECANCELED); /* it has no setting of its own */
	CHECK(strcmp(tier_of(large), "cold") == 0);
	/* The bucket is away: it ends, and all is where it was. */
	recalls_set(recalls, &roomy, 0);
	stop();
	start();
	files_set_patience(box.f, false, 1);
	mem_bucket_set_faults(memory, &(struct mem_faults){ .fail_percent = 100 });
	CHECK_EQ(recall(dir).error, -EIO);
	mem_bucket_set_faults(memory, &(struct mem_faults){ 0 });
	CHECK_EQ(recall(dir).error, 0);
	check_file(large, LARGE);
	/* As many as may be; freed in the middle. */
	set_tier(dir, "auto");
	make_all_cold();
	set_tier(dir, "hot");
	recalls_set(recalls, &roomy, 1 << 20);
	for (unsigned k = 0; k < RECALLS_MAX; k++)
		CHECK_EQ(recall_begin(recalls, dir, &id), 0);
	CHECK_EQ(recall_begin(recalls, dir, &other), -EBUSY);
	CHECK_EQ(recall_get(recalls, id + 1, &st), -ENOENT);
	recalls_interrupt(recalls);
	CHECK_EQ(recall_begin(recalls, dir, &other), -ECANCELED);
	stop();
	start();
	check_file(large, LARGE);
	files_box_verify(&box);
	stop();
}

/* What is due, and who counts it. */
static void test_due(void)
{
	int64_t now_s = (int64_t)(clock_real_ns() / 1000000000u);
	uint64_t due = 0;

	start();
	set_tier(dir, "auto");
	make_all_cold();
	CHECK_EQ(mover_count_due(mover, now_s, &due), 0);
	CHECK_EQ(due, 0);
	set_tier(dir, "hot");
	CHECK_EQ(mover_count_due(mover, now_s, &due), 0);
	CHECK_EQ(due, FILES + 1);
	CHECK(strcmp(tier_of(large), "cold") == 0);
	stop();
}

int main(void)
{
	bytes = malloc(LARGE);
	got = malloc(LARGE);
	files_box_make(&box);
	CHECK_EQ(mem_bucket_new(&memory), 0);
	CHECK_EQ(metered_new(memory, &(struct limits){ 0 }, &bucket), 0);
	test_prices();
	test_directory();
	test_ends();
	test_due();
	files_box_free(&box);
	(void) bucket_free(bucket);
	free(bytes);
	free(got);
	return check_result();
}
