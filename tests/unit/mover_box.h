/* SPDX-License-Identifier: MIT */
/* A volume whose files move between tiers, for tests that stop it in the middle: what the files are, what must hold
 * after a stop, and after all moves came to their end. */
#pragma once

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/repair.h"
#include "tests/unit/files_box.h"
#include "tiers/file_impl.h"
#include "tiers/move/mover.h"
#include "tiers/move/promote.h"
#include "tiers/s3/folder.h"

#define FILES 30u
#define LARGEST (600u << 10)

static struct files_box box;
static struct mover *mover;
static struct bucket *bucket;
static uint64_t inos[FILES];
static uint8_t want[LARGEST], got[LARGEST + 1];
static unsigned problems;

/* ---- files */

static size_t size_of(unsigned k)
{
	return k % 6 == 5 ? LARGEST - k : 100 + 700 * (k % 6);
}

static void fill(unsigned k)
{
	uint64_t x = k + 1;

	for (size_t n = 0; n < size_of(k); n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		want[n] = (uint8_t)("moved and killed "[x >> 60]);
	}
}

static void make_files(void)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < FILES; k++) {
		inos[k] = files_box_new_file(&box);
		fill(k);
		CHECK_EQ(file_write(box.f, &rq, inos[k], 0, want, size_of(k), false, false), (int64_t)size_of(k));
	}
}

static void check_files(void)
{
	for (unsigned k = 0; k < FILES; k++) {
		fill(k);
		CHECK_EQ(file_read(box.f, inos[k], 0, got, sizeof(got), TIER_WAIT), (int64_t)size_of(k));
		CHECK(memcmp(got, want, size_of(k)) == 0);
	}
}

/* ---- the volume */

static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	*ret_b = (struct mover_bucket){ .bucket = bucket };
	return 0;
}

static void start(void)
{
	struct mover_config config = { .open_bucket = open_bucket, .rules.grace_s = 1 };
	struct bucket_error bucket_why;
	char *why = NULL;

	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	CHECK_EQ(policy_new(&(struct policy_config){ .settle_s = 1 }, &config.rules.policy, &why), 0);
	CHECK_EQ(mover_new(&config, &mover), 0);
	CHECK_EQ(mover_attach(mover, &bucket_why), 0);
}

static void stop(void)
{
	mover = mover_free(mover);
	files_box_kill(&box);
}

/* 40 days: to the bucket; 10 days: to warm/, and back from where nobody asks. */
static int run(unsigned days, struct mover_report *ret)
{
	const struct mover_run r = { .now_s = (int64_t)(clock_real_ns() / 1000000000u) + days * DAY_S };

	return mover_run(mover, &r, ret);
}

static void note_problem(void *context, const char *text)
{
	fprintf(stderr, "%s\n", text);
	problems++;
}

static int mend_packs(void *context)
{
	return files_check_packs(box.f, context);
}

/* fsck --cold of what the stop left. */
static void check_volume(void)
{
	struct files_check check = { .cold = true, .has_bucket = true, .problem = note_problem };
	struct repair_config config = { .problem = note_problem, .mend_packs = mend_packs, .context = &check };

	problems = 0;
	box.catalog.read_only = box.catalog.rehearse = box.catalog.wal.read_only = box.config.read_only = true;
	CHECK_EQ(files_open(&box.config, &box.f), 0);
	box.catalog.context = &box;
	CHECK_EQ(catalog_open(&box.catalog, &box.report, &box.c, &box.why), 0);
	CHECK_EQ(files_attach(box.f, box.c), 0);
	packs_set_bucket(box.f->packs, bucket);
	CHECK_EQ(catalog_repair(box.c, &config), 0);
	CHECK(files_verify(box.f, &check) >= 0);
	CHECK_EQ(problems, 0);
	files_box_kill(&box);
	box.catalog.read_only = box.catalog.rehearse = box.catalog.wal.read_only = box.config.read_only = false;
}

static int count_object(void *context, const char *key, const struct bucket_object *o)
{
	++*(unsigned *)context;
	return 0;
}

static int count_remote(void *context, const struct pack_record *p)
{
	CHECK(p->flags & PACK_REMOTE);
	CHECK(!(p->flags & PACK_LOCAL));
	++*(unsigned *)context;
	return 0;
}

/* Moves to their end, and what was dead is gone when its time has come. */
static void settle(void)
{
	unsigned objects = 0, records = 0;
	struct mover_report report;

	start();
	for (unsigned days = 40; days < 44; days++)
		CHECK_EQ(run(days, &report), 0);
	check_files();
	CHECK_EQ(pack_record_foreach(box.c, count_remote, &records), 0);
	CHECK_EQ(bucket_list(bucket, NULL, "packs/", count_object, &objects), 0);
	CHECK_EQ(objects, records);
	CHECK_EQ(temp_folder_count(&box.temp, "warm"), 0);
	files_box_verify(&box);
	stop();
}

static void make(void)
{
	files_box_make(&box);
	start();
	make_files();
}
