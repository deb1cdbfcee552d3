/* SPDX-License-Identifier: MIT */
/* The life of files: to packs, to a bucket, back; what becomes dead leaves; kills, a bucket that fails, and one that loses
 * and alters objects. */
#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "files_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "tiers/move/mover.h"
#include "tiers/move/promote.h"

#define FILES 60u
#define SIZE_MAX_ (3u << 20)

static struct files_box box;
static struct mover *mover;
static struct bucket *bucket;
static uint64_t inos[FILES];
static uint8_t *want, *got;
static uint64_t opened; /* inode that a program has open */
/* What programs do when all files have been read and none has moved: the second time that it is asked for the last one. */
static void (*meanwhile)(void);
static unsigned asked;

static bool is_open(void *context, uint64_t ino)
{
	if (meanwhile && ino == inos[FILES - 1] && ++asked == 2)
		meanwhile();
	return ino == opened;
}

static int64_t now_in(unsigned days)
{
	return (int64_t)(clock_real_ns() / 1000000000u) + days * DAY_S;
}

/* ---- the volume */

/* The mover owns what it opens; ours outlives it. */
static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	*ret_b = (struct mover_bucket){ .bucket = bucket };
	return 0;
}

static void start(bool cold)
{
	struct mover_config config = { 0 };
	struct bucket_error bucket_why;
	char *why = NULL;

	CHECK_EQ(files_box_open(&box), 0);
	files_set_world(box.f, &(struct files_world){ .is_open = is_open });
	config.files = box.f;
	config.open_bucket = cold ? open_bucket : NULL;
	config.rules.grace_s = DAY_S;
	CHECK_EQ(policy_new(&(struct policy_config){ .settle_s = 1 }, &config.rules.policy, &why), 0);
	CHECK_EQ(mover_new(&config, &mover), 0);
	CHECK_EQ(mover_attach(mover, &bucket_why), 0);
}

static void stop(void)
{
	mover = mover_free(mover);
	files_box_kill(&box);
}

static struct mover_report run(unsigned days)
{
	const struct mover_run r = { .now_s = now_in(days) };
	struct mover_report report;

	CHECK_EQ(mover_run(mover, &r, &report), 0);
	return report;
}

/* ---- files whose bytes follow from their number */

static size_t size_of(unsigned k)
{
	static const size_t sizes[] = { 0, 1, 300, 4095, 4097, 9000, 16383, 16384, 70000, 1048577, SIZE_MAX_ };

	return sizes[k % ARRAY_SIZE(sizes)];
}

/* Half of them text. */
static void fill(unsigned k, uint8_t *ret_bytes)
{
	uint64_t x = k + 1;

	for (size_t n = 0; n < size_of(k); n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		ret_bytes[n] = k % 2 ? (uint8_t)(x >> 56) : (uint8_t)("the bytes of packs "[(x >> 60) + n % 4]);
	}
}

static void make_files(void)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < FILES; k++) {
		inos[k] = files_box_new_file(&box);
		fill(k, want);
		for (size_t at = 0; at < size_of(k); at += 1 << 20)
			CHECK(file_write(box.f, &rq, inos[k], at, want + at, MIN(size_of(k) - at, (size_t)1 << 20), false,
					 false) > 0);
	}
}

static void check_file(unsigned k)
{
	fill(k, want);
	memset(got, 0xee, SIZE_MAX_);
	CHECK_EQ(file_read(box.f, inos[k], 0, got, SIZE_MAX_, TIER_WAIT), (int64_t)size_of(k));
	CHECK(memcmp(got, want, size_of(k)) == 0);
}

static void check_files(void)
{
	for (unsigned k = 0; k < FILES; k++)
		check_file(k);
	files_box_verify(&box);
}

static unsigned count_in(const char *tier)
{
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++) {
		struct inode i;

		CHECK_EQ(inode_get(box.c, inos[k], &i), 0);
		n += strcmp(inode_tier(box.c, &i), tier) == 0;
	}
	return n;
}

static unsigned with_bytes(void)
{
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++)
		n += size_of(k) > 0;
	return n;
}

/* ---- tests */

static void test_warm(void)
{
	struct mover_report report;

	start(false);
	make_files();
	CHECK_EQ(run(3).planned, 0);
	opened = inos[10];
	report = run(10);
	CHECK_EQ(report.files[POLICY_WARM], with_bytes() - 1);
	CHECK_EQ(report.failed, 0);
	CHECK_EQ(count_in("warm"), with_bytes() - 1);
	opened = 0;
	CHECK_EQ(run(10).files[POLICY_WARM], 1);
	CHECK_EQ(run(10).planned, 0);
	check_files();
	stop();
	start(false);
	check_files();
	/* Without a bucket they stay. */
	CHECK_EQ(run(400).planned, 0);
	stop();
}

static void test_cold(void)
{
	struct mover_report report;

	start(true);
	report = run(40);
	CHECK_EQ(report.files[POLICY_COLD], with_bytes());
	CHECK_EQ(report.failed, 0);
	CHECK_EQ(count_in("cold"), with_bytes());
	CHECK_EQ(temp_folder_count(&box.temp, "warm"), 0);
	CHECK_EQ(run(40).planned, 0);
	check_files();
	stop();
	start(true);
	check_files();
	stop();
	/* What needs the bucket is an error without it, and never zeros or absence. */
	start(false);
	CHECK_EQ(file_read(box.f, inos[5], 0, got, 100, TIER_WAIT), -EIO);
	stop();
}

static void test_back(void)
{
	struct tree_request rq = { 0 };
	uint64_t bytes;
	struct inode i;

	start(true);
	CHECK_EQ(tree_setxattr(box.c, &rq, inos[10], "user.brainy.pin", "1", 1, 0), 0);
	CHECK_EQ(tree_setxattr(box.c, &rq, inos[8], "user.brainy.tier", "warm", 4, 0), 0);
	CHECK_EQ(run(40).files[POLICY_HOT], 1);
	CHECK_EQ(count_in("hot"), FILES - with_bytes() + 1);
	CHECK_EQ(count_in("warm"), 1);
	CHECK_EQ(file_promote(box.f, inos[9], NULL, &bytes), 0);
	CHECK_EQ(bytes, size_of(9));
	check_files();
	/* What is written over is gone from its pack. */
	CHECK_EQ(file_truncate(box.f, &rq, inos[20], 0, false, &i), 0);
	CHECK_EQ(i.home, 0);
	CHECK_EQ(file_write(box.f, &rq, inos[21], 100, "new bytes", 9, false, false), 9);
	CHECK_EQ(file_read(box.f, inos[21], 90, got, 30, TIER_WAIT), 30);
	fill(21, want);
	memcpy(want + 100, "new bytes", 9);
	CHECK(memcmp(got, want + 90, 30) == 0);
	files_box_verify(&box);
	stop();
}

static void remove_file(unsigned k)
{
	struct tree_request rq = { 0 };
	struct inode i;
	char name[32];

	(void) snprintf(name, sizeof(name), "file%u", k);
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
	CHECK_EQ(file_reclaim(box.f, inos[k]), 0);
}

static void test_removal(void)
{
	start(true);
	for (unsigned k = 0; k < FILES; k++)
		remove_file(k);
	(void) run(40);
	CHECK_EQ(temp_folder_count(&box.temp, "warm"), 0);
	CHECK(mem_bucket_count(bucket, NULL) > 1); /* and whose it is */
	(void) run(40);
	CHECK(mem_bucket_count(bucket, NULL) > 1);
	stop();
	start(true);
	(void) run(42);
	CHECK_EQ(mem_bucket_count(bucket, NULL), 1);
	files_box_verify(&box);
	stop();
}

static void test_bad_bucket(void)
{
	struct mover_report report;

	box.made = 0;
	files_box_free(&box);
	files_box_make(&box);
	bucket = bucket_free(bucket); /* it is the volume's before */
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	start(true);
	make_files();
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_after = 3, .fault = BUCKET_UNREACHABLE });
	report = run(40);
	CHECK(report.failed > 0);
	CHECK_EQ(report.bucket_error.fault, BUCKET_UNREACHABLE);
	CHECK_EQ(count_in("cold"), 0);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	check_files();
	/* Uploads that are told to have failed and did not, and half of the answers lost. */
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .seed = 7, .lost_percent = 30, .fail_percent = 10,
							    .fault = BUCKET_TIMEOUT });
	for (unsigned n = 0; n < 40 && count_in("cold") < with_bytes(); n++)
		(void) run(40);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK_EQ(count_in("cold"), with_bytes());
	check_files();
	stop();
}

static void test_altered(void)
{
	unsigned right = 0;

	start(true);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .seed = 3, .corrupt_percent = 40, .short_percent = 10 });
	for (unsigned k = 0; k < FILES; k++) {
		ssize_t n = file_read(box.f, inos[k], 0, got, SIZE_MAX_, TIER_WAIT);

		fill(k, want);
		CHECK(n == -EIO || (n == (ssize_t)size_of(k) && memcmp(got, want, size_of(k)) == 0));
		right += n >= 0;
	}
	CHECK(right > FILES / 3);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	check_files();
	stop();
}

/* Small files that follow each other (see size_of): the first of some, one between, the last. */
static void change_some(void)
{
	struct tree_request rq = { 0 };

	remove_file(1);
	remove_file(16);
	remove_file(34);
	CHECK_EQ(file_write(box.f, &rq, inos[3], 0, "N", 1, false, false), 1);
	CHECK_EQ(file_write(box.f, &rq, inos[26], 17, "N", 1, false, false), 1);
	opened = inos[38];
}

static void check_moved(unsigned k)
{
	struct inode i;

	CHECK_EQ(inode_get(box.c, inos[k], &i), 0);
	CHECK_EQ(i.packed, k == 3 || k == 26 || k == 38 ? 0 : size_of(k));
	if (k != 3 && k != 26)
		check_file(k);
}

/* Files that go or change between being read and being moved; those beside them in one batch move. */
static void test_meanwhile(void)
{
	struct mover_report report;

	box.made = 0;
	files_box_free(&box);
	files_box_make(&box);
	start(false);
	make_files();
	meanwhile = change_some;
	report = run(10);
	meanwhile = NULL;
	CHECK_EQ(asked >= 2, true);
	CHECK_EQ(report.busy, 6);
	CHECK_EQ(report.failed, 0);
	CHECK_EQ(report.files[POLICY_WARM], with_bytes() - 6);
	for (unsigned k = 0; k < FILES; k++)
		if (k != 1 && k != 16 && k != 34)
			check_moved(k);
	CHECK_EQ(file_read(box.f, inos[26], 10, got, 10, TIER_WAIT), 10);
	CHECK_EQ(got[7], 'N');
	files_box_verify(&box);
	stop();
}

/* A file that a stop left, one of an older catalog, and one that is not ours to judge. */
static void test_leftovers(void)
{
	start(true);
	files_box_shell(&box, "head -c 5000 /dev/zero > $V/warm/new-0123456789abcdef");
	files_box_shell(&box, "head -c 5000 /dev/zero > $V/warm/0123456789abcdef0123456789abcdef");
	(void) run(40);
	CHECK_EQ(temp_folder_count(&box.temp, "warm"), 1);
	stop();
	start(false);
	CHECK_EQ(file_promote(box.f, inos[8], NULL, &(uint64_t){ 0 }), -EIO);
	stop();
	start(true);
	CHECK_EQ(file_promote(box.f, inos[8], NULL, &(uint64_t){ 0 }), 0);
	check_files();
	stop();
}

static bool is_kept(unsigned k)
{
	return size_of(k) <= 16383;
}

static void remove_large(void)
{
	struct tree_request rq = { 0 };
	struct inode i;
	char name[32];

	for (unsigned k = 0; k < FILES; k++) {
		if (is_kept(k))
			continue;
		(void) snprintf(name, sizeof(name), "file%u", k);
		CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
		CHECK_EQ(file_reclaim(box.f, inos[k]), 0);
	}
}

static int check_pack(void *context, const struct pack_record *record)
{
	uint64_t ino = 0, end = 0, bytes = 0, alive, files;
	struct extent e;
	struct buf scratch = BUF_INIT;

	while (extent_next_in_pack(box.c, record->number, &ino, &end) > 0) {
		CHECK_EQ(extent_find(box.c, ino, end - 1, &scratch, &e), 0);
		CHECK(e.kind == EXTENT_PACK && e.segment == record->number && extent_end(&e) == end);
		bytes += e.len;
		buf_reset(&scratch);
	}
	buf_done(&scratch);
	CHECK_EQ(pack_get_alive(box.c, record->number, &alive, &files), 0);
	CHECK_EQ(bytes, alive);
	return 0;
}

/* Packs with little alive: all who have bytes in them move, also one that got them by copying, not by packing. */
static void test_sparse(void)
{
	struct tree_request rq = { 0 };
	struct mover_report report;
	const unsigned from = 8;
	uint64_t copy;

	start(true);
	(void) run(40);
	CHECK_EQ(count_in("cold"), with_bytes());
	copy = files_box_new_file(&box);
	CHECK_EQ(file_copy_range(box.f, &rq, inos[from], 0, copy, 0, size_of(from), false), (ssize_t)size_of(from));
	CHECK_EQ(pack_record_foreach(box.c, check_pack, NULL), 0);
	remove_large();
	CHECK_EQ(pack_record_foreach(box.c, check_pack, NULL), 0);
	CHECK_EQ(mover_sweep(mover, now_in(40), &report), 0);
	CHECK(report.swept.rewritten > 0);
	CHECK(report.swept.deleted >= report.swept.rewritten);
	for (unsigned k = 0; k < FILES; k++)
		if (is_kept(k))
			check_file(k);
	fill(from, want);
	CHECK_EQ(file_read(box.f, copy, 0, got, SIZE_MAX_, TIER_WAIT), (ssize_t)size_of(from));
	CHECK(memcmp(got, want, size_of(from)) == 0);
	files_box_verify(&box);
	CHECK_EQ(mover_sweep(mover, now_in(40), &report), 0);
	CHECK_EQ(report.swept.rewritten, 0);
	stop();
}

int main(void)
{
	want = malloc(SIZE_MAX_);
	got = malloc(SIZE_MAX_);
	files_box_make(&box);
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	test_warm();
	test_cold();
	test_back();
	test_removal();
	test_bad_bucket();
	test_altered();
	test_leftovers();
	test_sparse();
	opened = 0;
	test_meanwhile();
	files_box_free(&box);
	(void) bucket_free(bucket);
	free(want);
	free(got);
	return check_result();
}
