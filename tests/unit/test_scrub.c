/* SPDX-License-Identifier: MIT */
/* Verifying: shares of a round, where it goes on, damage in each tier, what is mended from another copy, a bucket that
 * cannot be asked or whose answers are altered on their way, interruption. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "files_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "base/calendar.h"
#include "tiers/move/mover.h"
#include "tiers/scrub/scrub.h"
#include "tiers/scrub/scrub_share.h"

#define FILES 12u
#define SIZE 300000u

static struct files_box box;
static struct mover *mover;
static struct scrub *scrub;
static struct bucket *bucket;
static uint64_t inos[FILES];
static uint8_t want[SIZE], got[SIZE];

static int64_t now_in(unsigned days)
{
	return (int64_t)(clock_real_ns() / 1000000000u) + days * DAY_S;
}

/* ---- the volume: a third of the files in each tier */

static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	*ret_b = (struct mover_bucket){ .bucket = bucket };
	return 0;
}

static void start(void)
{
	struct mover_config config = { 0 };
	struct scrub_config sc = { 0 };
	struct bucket_error bucket_why;
	char *why = NULL;

	CHECK_EQ(files_box_open(&box), 0);
	sc.rules.cold_days = 7;
	sc.files = config.files = box.f;
	config.open_bucket = open_bucket;
	config.rules.grace_s = DAY_S;
	CHECK_EQ(policy_new(&(struct policy_config){ .settle_s = 1 }, &config.rules.policy, &why), 0);
	CHECK_EQ(mover_new(&config, &mover), 0);
	CHECK_EQ(mover_attach(mover, &bucket_why), 0);
	CHECK_EQ(scrub_new(&sc, &scrub), 0);
}

static void stop(void)
{
	scrub = scrub_free(scrub);
	mover = mover_free(mover);
	files_box_kill(&box);
}

static void fill(unsigned k)
{
	uint64_t x = k + 1;

	for (size_t n = 0; n < SIZE; n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		want[n] = (uint8_t)(x >> 56);
	}
}

static void make_files(unsigned from, unsigned to)
{
	struct tree_request rq = { 0 };

	for (unsigned k = from; k < to; k++) {
		inos[k] = files_box_new_file(&box);
		fill(k);
		CHECK_EQ(file_write(box.f, &rq, inos[k], 0, want, SIZE, false, false), SIZE);
	}
}

static void move(unsigned days)
{
	const struct mover_run r = { .now_s = now_in(days) };
	struct mover_report report;

	CHECK_EQ(mover_run(mover, &r, &report), 0);
	CHECK_EQ(report.failed, 0);
}

static void make_volume(void)
{
	files_box_make(&box);
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	start();
	make_files(0, 4);
	move(40);
	make_files(4, 8);
	move(10);
	make_files(8, FILES);
	/* Else replay takes what is damaged for what did not arrive. */
	CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
}

static void free_volume(void)
{
	stop();
	files_box_free(&box);
	bucket = bucket_free(bucket);
}

static bool opens(unsigned k)
{
	fill(k);
	return file_read(box.f, inos[k], 0, got, SIZE, TIER_WAIT) == SIZE && memcmp(got, want, SIZE) == 0;
}

static struct scrub_report verify(const struct scrub_run *run)
{
	struct scrub_report report;

	CHECK_EQ(scrub_run(scrub, run, &report), 0);
	return report;
}

static struct scrub_report verify_all(void)
{
	return verify(&(struct scrub_run){ .now_s = now_in(0), .whole = true });
}

static struct scrub_progress progress(void)
{
	struct scrub_status st;

	CHECK_EQ(scrub_get_status(scrub, &st), 0);
	return st.progress;
}

static int take_record(void *context, const struct pack_record *record)
{
	struct pack_record *wanted = context;

	if (pack_record_is_cold(record) != pack_record_is_cold(wanted))
		return 0;
	*wanted = *record;
	return 1;
}

static struct pack_record pack_that_is(bool cold)
{
	struct pack_record r = { .flags = cold ? PACK_REMOTE : PACK_LOCAL };

	CHECK_EQ(pack_record_foreach(box.c, take_record, &r), 1);
	return r;
}

static int open_pack(const struct pack_record *record, int flags)
{
	char name[ID128_TEXT_SIZE];

	return openat(box.f->warm_dirfd, id128_format(record->run.id, name), flags | O_CLOEXEC, 0600);
}

static void flip(int fd, off_t at)
{
	uint8_t byte;

	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &byte, 1, at), 1);
	byte ^= 4;
	CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
}

static int take_damage(void *context, const struct scrub_damage *d)
{
	*(struct scrub_damage *)context = *d;
	return 0;
}

static struct scrub_damage only_damage(void)
{
	struct scrub_damage d = { 0 };

	CHECK_EQ(scrub_count_damage(scrub), 1);
	CHECK_EQ(scrub_foreach_damage(scrub, take_damage, &d), 0);
	return d;
}

/* ---- tests */

static void test_share(void)
{
	const uint64_t gib = 1ull << 30, week = 7 * DAY_S;

	CHECK_EQ(scrub_share(100 * gib, 0, -1, week), 0);
	CHECK_EQ(scrub_share(100 * gib, 0, 0, week), 0);
	/* A 28th of a week is six hours. */
	CHECK_EQ(scrub_share(100 * gib, 0, 6 * 3600 - 60, week), 0);
	CHECK(scrub_share(100 * gib, 0, 6 * 3600, week) >= 100 * gib / 28);
	CHECK_EQ(scrub_share(100 * gib, 50 * gib, DAY_S, week), 0);
	CHECK_EQ(scrub_share(70 * gib, 20 * gib, 4 * DAY_S, week), 20 * gib);
	CHECK_EQ(scrub_share(gib / 2, 0, (int64_t)week - 1, week), 0);
	CHECK_EQ(scrub_share(gib / 2, 0, (int64_t)week, week), UINT64_MAX);
	CHECK_EQ(scrub_share(0, 0, (int64_t)week, week), UINT64_MAX);
	CHECK_EQ(scrub_share(UINT64_MAX / 2, 0, (int64_t)week / 2, week), UINT64_MAX / 4);
}

static void test_rounds(void)
{
	const struct scrub_run never = { .now_s = now_in(300) };
	struct scrub_report report;

	make_volume();
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(0) }).objects, 0);
	CHECK_EQ(progress().round, 1);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(6) }).objects, 0);
	report = verify(&(struct scrub_run){ .now_s = now_in(8) });
	CHECK(report.ended && report.objects >= 4 + 1 + 1);
	CHECK(report.did.bytes >= FILES * SIZE);
	CHECK_EQ(report.did.found, 0);
	CHECK_EQ(progress().round, 2);
	CHECK_EQ(progress().last.bytes, report.did.bytes);
	stop();
	start();
	CHECK_EQ(progress().round, 2);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(9) }).objects, 0);
	/* A clock that was ahead: the round begins when it is looked again. */
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(0) }).objects, 0);
	CHECK(progress().began_s <= now_in(0));
	CHECK(verify(&(struct scrub_run){ .now_s = now_in(8) }).ended);
	scrub_set_rules(scrub, &(struct scrub_rules){ .days = SCRUB_NEVER });
	CHECK_EQ(verify(&never).objects, 0);
	CHECK(verify_all().ended);
	free_volume();
}

/* A share that ends early goes on where it was, also in another mount. */
static void test_cursor(void)
{
	uint64_t bytes = 0;
	unsigned shares = 0;
	bool ended = false;

	make_volume();
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(0) }).objects, 0);
	for (; !ended && shares < 100; shares++) {
		struct scrub_run run = { .now_s = now_in(8), .until_ms = 1 };
		struct scrub_report report = verify(&run);

		CHECK_EQ(report.objects, 0);
		run.until_ms = clock_mono_ms() + 1;
		report = verify(&run);
		bytes += report.did.bytes;
		ended = report.ended;
		stop();
		start();
	}
	CHECK(ended);
	CHECK_EQ(progress().last.bytes, bytes);
	CHECK(bytes >= FILES * SIZE && bytes < 2 * FILES * SIZE);
	free_volume();
}

static void test_hot(void)
{
	struct tree_request rq = { 0 };
	struct scrub_damage d;
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct segment *seg;
	struct extent e;
	char path[64];
	int fd;

	make_volume();
	CHECK_EQ(extent_find(box.c, inos[9], 0, &scratch, &e), 0);
	CHECK_EQ(segments_get(hot_segments(box.f->hot), e.segment, &seg), 0);
	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", segment_fd(seg));
	fd = open(path, O_RDWR | O_CLOEXEC);
	flip(fd, (off_t)e.place + 200000);
	(void) close(fd);
	segments_put(hot_segments(box.f->hot), seg);
	CHECK_EQ(verify_all().did.found, 1);
	d = only_damage();
	CHECK_EQ(d.ino, inos[9]);
	CHECK_EQ(d.kind, EXTENT_HOT);
	CHECK(!opens(9) && opens(8) && opens(10));
	/* Found again, it is still one. */
	CHECK_EQ(verify_all().did.found, 1);
	stop();
	start();
	CHECK_EQ(scrub_count_damage(scrub), 1);
	fill(9);
	CHECK_EQ(file_write(box.f, &rq, inos[9], 0, want, SIZE, false, false), SIZE);
	CHECK_EQ(scrub_count_damage(scrub), 0);
	CHECK_EQ(verify_all().did.found, 0);
	free_volume();
}

static void test_warm(void)
{
	struct pack_record warm;
	struct scrub_damage d;
	int fd;

	make_volume();
	warm = pack_that_is(false);
	fd = open_pack(&warm, O_RDWR);
	flip(fd, 350000);
	CHECK_EQ(verify_all().did.found, 1);
	d = only_damage();
	CHECK_EQ(d.ino, inos[5]);
	CHECK(d.kind == EXTENT_PACK && !d.cold && d.segment == warm.number);
	/* Mended by hand, it is none at the next look. */
	flip(fd, 350000);
	CHECK_EQ(verify_all().did.found, 0);
	CHECK_EQ(scrub_count_damage(scrub), 0);
	/* Its table. */
	flip(fd, (off_t)warm.stored - 10);
	CHECK_EQ(verify_all().did.found, 1);
	CHECK_EQ(only_damage().ino, SCRUB_OF_PACK | warm.number);
	CHECK(opens(4) && opens(7));
	flip(fd, (off_t)warm.stored - 10);
	/* All of it. */
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(verify_all().did.found, 4);
	CHECK_EQ(scrub_count_damage(scrub), 4);
	(void) close(fd);
	free_volume();
}

static void test_cold(void)
{
	struct pack_record cold;
	char key[PACK_KEY_SIZE];
	const char *keys[] = { key };

	make_volume();
	cold = pack_that_is(true);
	CHECK_EQ(mem_bucket_damage(bucket, pack_key(&cold, key), 650000), 0);
	CHECK_EQ(verify_all().did.found, 1);
	CHECK_EQ(only_damage().ino, inos[2]);
	CHECK(only_damage().cold && opens(0) && opens(1) && opens(3));
	CHECK_EQ(bucket_remove(bucket, NULL, keys, 1), 0);
	CHECK_EQ(verify_all().did.found, 4);
	CHECK_EQ(scrub_count_damage(scrub), 4);
	free_volume();
}

static uint64_t scrub_gets(void)
{
	struct bucket_stats stats;

	bucket_get_stats(bucket, &stats);
	return stats.by[BUCKET_SCRUB].requests[BUCKET_GET];
}

/* What is in the bucket is asked for mostly, and read seldom; damage is looked at until it is gone. */
static void test_glance(void)
{
	const struct scrub_rules yearly = { .cold_days = 365 };
	struct pack_record cold;
	char key[PACK_KEY_SIZE];
	uint64_t gets;

	make_volume();
	scrub_set_rules(scrub, &yearly);
	cold = pack_that_is(true);
	(void) verify(&(struct scrub_run){ .now_s = now_in(0) });
	gets = scrub_gets();
	CHECK(verify(&(struct scrub_run){ .now_s = now_in(8) }).ended);
	CHECK_EQ(scrub_gets(), gets);
	CHECK_EQ(mem_bucket_damage(bucket, pack_key(&cold, key), 650000), 0);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(400) }).did.found, 1);
	CHECK(scrub_gets() > gets);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(408) }).did.found, 1);
	CHECK_EQ(mem_bucket_damage(bucket, pack_key(&cold, key), 650000), 0);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(416) }).did.found, 0);
	CHECK_EQ(scrub_count_damage(scrub), 0);
	CHECK_EQ(bucket_remove(bucket, NULL, (const char *[]){ pack_key(&cold, key) }, 1), 0);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(17) }).did.found, 0);
	CHECK_EQ(verify(&(struct scrub_run){ .now_s = now_in(32) }).did.found, 4);
	free_volume();
}

/* What is altered on the way is asked for again; what does not come at all is no damage. */
static void test_bucket(void)
{
	struct mem_faults faults = { .seed = 7, .fail_percent = 100 };
	struct scrub_report report;

	make_volume();
	for (faults.seed = 1; faults.seed < 20; faults.seed++) {
		faults.fail_percent = 0;
		faults.corrupt_percent = 8;
		mem_bucket_set_faults(bucket, &faults);
		CHECK_EQ(verify_all().did.found, 0);
	}
	faults = (struct mem_faults){ .fail_percent = 100 };
	mem_bucket_set_faults(bucket, &faults);
	/* Later in the same round. */
	CHECK(verify(&(struct scrub_run){ .now_s = now_in(0) }).objects == 0);
	report = verify_all();
	CHECK(report.ended && report.did.unread == 1 && report.bucket_error.error < 0);
	CHECK_EQ(report.did.found, 0);
	CHECK_EQ(progress().last.unread, 1);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK_EQ(verify_all().did.unread, 0);
	free_volume();
}

/* ---- a second copy */

static void set_flags(uint64_t number, uint32_t flags)
{
	struct pack_record r;
	struct batch *b;

	CHECK_EQ(catalog_begin(box.c, true, &b), 0);
	CHECK_EQ(pack_record_get_in(b, number, &r), 0);
	r.flags = flags;
	pack_record_put(b, &r);
	CHECK_EQ(batch_commit(b, NULL), 0);
	packs_forget(box.f->packs, number);
}

static void copy_to_bucket(const struct pack_record *record)
{
	char key[PACK_KEY_SIZE];
	const struct bucket_body body = { .fd = open_pack(record, O_RDONLY), .len = record->stored };

	CHECK_EQ(bucket_put(bucket, NULL, pack_key(record, key), &body, NULL), 0);
	(void) close(body.fd);
}

/* The pack here was sent, and the record does not say so yet. */
static void test_mend_warm(void)
{
	struct pack_record warm;
	int fd;

	make_volume();
	warm = pack_that_is(false);
	copy_to_bucket(&warm);
	set_flags(warm.number, PACK_LOCAL | PACK_SENDING);
	fd = open_pack(&warm, O_RDWR);
	flip(fd, 350000);
	(void) close(fd);
	CHECK_EQ(verify_all().did.mended, 1);
	CHECK_EQ(scrub_count_damage(scrub), 0);
	CHECK(opens(4) && opens(5) && opens(6) && opens(7));
	CHECK_EQ(verify_all().did.mended, 0);
	/* Gone altogether. */
	files_box_shell(&box, "rm \"$V\"/warm/*");
	packs_forget(box.f->packs, warm.number);
	CHECK_EQ(verify_all().did.mended, 1);
	CHECK(opens(4) && opens(7));
	files_box_verify(&box);
	free_volume();
}

/* The file here was not removed yet. */
static void test_mend_cold(void)
{
	struct pack_record warm, now;
	char key[PACK_KEY_SIZE];

	make_volume();
	warm = pack_that_is(false);
	copy_to_bucket(&warm);
	set_flags(warm.number, PACK_REMOTE);
	CHECK_EQ(mem_bucket_damage(bucket, pack_key(&warm, key), 350000), 0);
	CHECK_EQ(verify_all().did.mended, 1);
	CHECK_EQ(scrub_count_damage(scrub), 0);
	CHECK_EQ(pack_record_get(box.c, warm.number, &now), 0);
	CHECK(now.flags & PACK_LOCAL && now.flags & PACK_SENDING && !(now.flags & PACK_REMOTE));
	CHECK(opens(4) && opens(5) && opens(6) && opens(7));
	/* And is sent over what is damaged. */
	move(40);
	CHECK_EQ(verify_all().did.found, 0);
	CHECK(opens(5));
	free_volume();
}

static void test_interrupt(void)
{
	const struct scrub_run run = { .now_s = now_in(0), .whole = true };
	struct scrub_report report;

	make_volume();
	scrub_interrupt(scrub);
	CHECK_EQ(scrub_run(scrub, &run, &report), -ECANCELED);
	CHECK(!report.ended);
	free_volume();
}

int main(void)
{
	test_share();
	test_rounds();
	test_cursor();
	test_hot();
	test_warm();
	test_cold();
	test_glance();
	test_bucket();
	test_mend_warm();
	test_mend_cold();
	test_interrupt();
	return check_result();
}
