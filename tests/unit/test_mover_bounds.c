/* SPDX-License-Identifier: MIT */
/* What moves meet at the bounds: files with thousands of names or with xattrs that no pack has room for, small packs, a day's
 * requests used up, and rules that change while files move. */
#include <pthread.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "files_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "base/calendar.h"
#include "tiers/move/metered.h"
#include "tiers/move/mover.h"

#define NAMES 3000u
#define FILE_BYTES (700u << 10)

static struct files_box box;
static struct mover *mover;
static struct bucket *bucket;
static uint8_t *bytes, *got;

static struct policy *new_policy(struct policy_config config)
{
	struct policy *p = NULL;
	char *why = NULL;

	config.settle_s = 1;
	CHECK_EQ(policy_new(&config, &p, &why), 0);
	return p;
}

static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	*ret_b = (struct mover_bucket){ .bucket = bucket, .metered = true };
	return 0;
}

static void start(struct mover_rules rules)
{
	struct mover_config config = { .rules = rules, .open_bucket = bucket ? open_bucket : NULL };

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	CHECK_EQ(mover_new(&config, &mover), 0);
}

/* As a server after it: nothing of what was read is at hand. */
static void start_again(struct mover_rules rules)
{
	struct mover_config config = { .rules = rules, .open_bucket = bucket ? open_bucket : NULL };

	mover = mover_free(mover);
	files_box_kill(&box);
	files_box_shell(&box, "rm -rf $V/cache/*");
	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	CHECK_EQ(mover_new(&config, &mover), 0);
}

static void stop(void)
{
	files_box_verify(&box);
	mover = mover_free(mover);
	files_box_free(&box);
}

static struct mover_report run(unsigned days)
{
	const struct mover_run r = { .now_s = (int64_t)(clock_real_ns() / 1000000000u) + days * DAY_S };
	struct mover_report report;

	CHECK_EQ(mover_run(mover, &r, &report), 0);
	return report;
}

static uint64_t new_file(size_t len)
{
	uint64_t ino = files_box_new_file(&box);
	struct tree_request rq = { 0 };

	CHECK_EQ(file_write(box.f, &rq, ino, 0, bytes, len, false, false), (ssize_t)len);
	return ino;
}

static void check_file(uint64_t ino, size_t len)
{
	CHECK_EQ(file_read(box.f, ino, 0, got, FILE_BYTES, TIER_WAIT), (ssize_t)len);
	CHECK(memcmp(got, bytes, len) == 0);
}

static struct inode inode(uint64_t ino)
{
	struct inode i = { 0 };

	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	return i;
}

static void add_xattrs(uint64_t ino, unsigned n)
{
	struct tree_request rq = { 0 };
	char name[32];

	for (unsigned k = 0; k < n; k++) {
		(void) snprintf(name, sizeof(name), "user.x%u", k);
		CHECK_EQ(tree_setxattr(box.c, &rq, ino, name, bytes, XATTR_SIZE_MAX, 0), 0);
	}
}

/* ---- names */

static uint64_t new_folder(const char *name)
{
	struct tree_make make = { .mode = S_IFDIR | 0755 };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(box.c, &rq, ROOT_INO, name, &make, &i), 0);
	return i.ino;
}

static void test_names(void)
{
	struct tree_request rq = { 0 };
	uint64_t a, b, ino;
	struct inode i;
	char name[32];

	start((struct mover_rules){ .policy = new_policy((struct policy_config){ .retention = POLICY_DELETE }) });
	a = new_folder("a");
	b = new_folder("b");
	ino = new_file(5000);
	for (unsigned k = 0; k < NAMES; k++) {
		(void) snprintf(name, sizeof(name), "name%u", k);
		CHECK_EQ(tree_link(box.c, &rq, ino, k % 2 ? a : b, name, &i), 0);
	}
	CHECK_EQ(run(40).files[POLICY_WARM], 1);
	check_file(ino, 5000);
	/* The folder of its last names keeps it. */
	CHECK_EQ(tree_setxattr(box.c, &rq, b, "user.brainy.tier", "warm", 4, 0), 0);
	CHECK_EQ(run(400).files[POLICY_AUTO], 0);
	CHECK_EQ(inode(ino).nlink, NAMES + 1);
	CHECK_EQ(tree_removexattr(box.c, &rq, b, "user.brainy.tier"), 0);
	CHECK_EQ(run(400).files[POLICY_AUTO], 1);
	CHECK_EQ(inode_get(box.c, ino, &i), -ENOENT);
	CHECK_EQ(inode(a).sets[SET_ENTRIES].count, 0);
	CHECK_EQ(inode(b).sets[SET_ENTRIES].count, 0);
	stop();
}

/* ---- packs */

static unsigned packs_above(unsigned kib)
{
	char command[200];
	unsigned n = 0;
	FILE *f;

	(void) snprintf(command, sizeof(command), "find $V/warm -type f -size +%uk | wc -l > $V/count", kib);
	files_box_shell(&box, command);
	(void) snprintf(command, sizeof(command), "%s/count", box.temp.path);
	f = fopen(command, "r");
	CHECK(f && fscanf(f, "%u", &n) == 1);
	if (f)
		(void) fclose(f);
	return n;
}

static void test_pack_size(void)
{
	struct mover_rules rules = { .policy = new_policy((struct policy_config){ 0 }), .warm.pack_bytes = 1 << 20 };
	uint64_t inos[9];

	start(rules);
	for (unsigned k = 0; k < ARRAY_SIZE(inos); k++)
		inos[k] = new_file(FILE_BYTES - k);
	CHECK_EQ(run(10).files[POLICY_WARM], ARRAY_SIZE(inos));
	CHECK_EQ(packs_above(1024), 0);
	CHECK(packs_above(600) >= 6);
	/* One that says more of itself than such a pack holds gets a larger one. */
	add_xattrs(inos[3] = new_file(FILE_BYTES), 20);
	CHECK_EQ(run(10).files[POLICY_WARM], 1);
	for (unsigned k = 0; k < ARRAY_SIZE(inos); k++)
		check_file(inos[k], k == 3 ? FILE_BYTES : FILE_BYTES - k);
	stop();
}

static void note_told(void *context, const struct gathered *item, const char *why)
{
	if (item->move.reason == POLICY_UNFIT && strstr(why, "15 MiB"))
		*(uint64_t *)context = item->ino;
}

static void test_xattrs(void)
{
	struct mover_run dry = { .now_s = (int64_t)(clock_real_ns() / 1000000000u) + 10 * DAY_S, .dry_run = true,
				 .tell = note_told };
	uint64_t large, other, told = 0;
	struct tree_request rq = { 0 };
	struct mover_report report;
	struct inode i;

	start((struct mover_rules){ .policy = new_policy((struct policy_config){ 0 }) });
	large = new_file(FILE_BYTES);
	(void) new_file(FILE_BYTES - 1);
	add_xattrs(large, 250);
	dry.context = &told;
	CHECK_EQ(mover_run(mover, &dry, &report), 0);
	CHECK_EQ(told, large);
	CHECK_EQ(report.planned, 1);
	report = run(10);
	CHECK_EQ(report.files[POLICY_WARM], 1);
	CHECK_EQ(report.unfit, 1);
	CHECK_EQ(report.failed, 0);
	CHECK_EQ(mover_get_unfit(mover), 1);
	CHECK_EQ(inode(large).packed, 0);
	check_file(large, FILE_BYTES);
	/* One that has become so in its pack comes back when that is packed anew. */
	large = new_file(9000);
	other = new_file(FILE_BYTES - 1);
	CHECK_EQ(run(10).files[POLICY_WARM], 2);
	add_xattrs(large, 260);
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, "file3", NULL, NULL, &i), 0);
	CHECK_EQ(i.ino, other);
	CHECK_EQ(file_reclaim(box.f, other), 0);
	CHECK(run(10).swept.rewritten > 0);
	CHECK_EQ(inode(large).packed, 0);
	check_file(large, 9000);
	CHECK_EQ(run(10).swept.rewritten, 0);
	stop();
}

/* ---- the bucket */

static void test_limits(void)
{
	const struct policy_config eager = { .promote_uses = 1 };
	struct mover_report report;
	struct bucket *inner;
	struct inode i;
	uint64_t a, b;

	CHECK_EQ(mem_bucket_new(&inner), 0);
	CHECK_EQ(metered_new(inner, &(struct limits){ .requests = 4 }, &bucket), 0);
	start((struct mover_rules){ .policy = new_policy(eager) });
	a = new_file(FILE_BYTES);
	b = new_file(100);
	report = run(40);
	CHECK(report.limited);
	CHECK_EQ(report.failed, 0);
	CHECK_EQ(report.bucket_error.fault, BUCKET_LIMITED);
	check_file(a, FILE_BYTES);
	metered_set_limits(bucket, &(struct limits){ 0 });
	report = run(40);
	CHECK(!report.limited && !report.failed);
	CHECK_EQ(report.files[POLICY_COLD], 2);
	/* And on the way back. */
	metered_set_limits(bucket, &(struct limits){ .requests = 1 });
	start_again((struct mover_rules){ .policy = new_policy(eager) });
	i = inode(a);
	file_note_use(box.f, &i);
	report = run(0);
	CHECK(report.limited);
	CHECK_EQ(report.failed, 0);
	metered_set_limits(bucket, &(struct limits){ 0 });
	report = run(0);
	CHECK_EQ(report.files[POLICY_HOT], 1);
	check_file(a, FILE_BYTES);
	check_file(b, 100);
	stop();
	bucket = bucket_free(bucket);
}

/* ---- rules that change */

static void *run_in_background(void *context)
{
	*(struct mover_report *)context = run(10);
	return NULL;
}

static void test_rules(void)
{
	struct mover_rules rules = { .policy = new_policy((struct policy_config){ 0 }), .move_rate = 1 << 20 };
	struct mover_report report;
	uint64_t begun_ms, inos[12];
	unsigned packed = 0;
	pthread_t thread;

	start(rules);
	for (unsigned k = 0; k < ARRAY_SIZE(inos); k++)
		inos[k] = new_file(FILE_BYTES);
	CHECK_EQ(pthread_create(&thread, NULL, run_in_background, &report), 0);
	(void) usleep(300000);
	CHECK(mover_is_running(mover));
	rules.policy = new_policy((struct policy_config){ .hot_days = POLICY_NEVER });
	begun_ms = clock_mono_ms();
	mover_set_rules(mover, &rules);
	CHECK(clock_mono_ms() - begun_ms < 500);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(clock_mono_ms() - begun_ms < 6000);
	CHECK_EQ(report.failed, 0);
	for (unsigned k = 0; k < ARRAY_SIZE(inos); k++)
		packed += inode(inos[k]).packed > 0;
	CHECK(packed < ARRAY_SIZE(inos));
	CHECK_EQ(run(10).planned, 0);
	/* Twice before a run: the last ones hold. */
	rules.move_rate = 0;
	for (unsigned k = 0; k < 2; k++) {
		rules.policy = new_policy((struct policy_config){ .hot_days = 5 + k });
		mover_set_rules(mover, &rules);
	}
	CHECK_EQ(run(10).files[POLICY_WARM], ARRAY_SIZE(inos) - packed);
	stop();
}

int main(void)
{
	uint64_t x = 1;

	bytes = malloc(FILE_BYTES);
	got = malloc(FILE_BYTES);
	if (!bytes || !got)
		return 1;
	for (size_t k = 0; k < FILE_BYTES; k++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		bytes[k] = (uint8_t)(x >> 56);
	}
	test_names();
	test_pack_size();
	test_xattrs();
	test_limits();
	test_rules();
	free(bytes);
	free(got);
	return check_result();
}
