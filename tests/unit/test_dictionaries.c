/* SPDX-License-Identifier: MIT */
/* The volume's dictionary over time: trained, kept while it does well, replaced when files are of another kind, forgotten
 * when no pack has it; packs of all times can be read, also by their own tables. */
#include "base/clock.h"
#include "catalog/walk.h"
#include "files_box.h"
#include "pack_box.h"
#include "tiers/file_impl.h"
#include "base/calendar.h"
#include "tiers/move/dictionary_record.h"
#include "tiers/move/mover.h"

#define FILES 1000u
#define LEN   1500u
#define KINDS 4u
#define TABLE_MAX (FILES * 60)

static struct files_box box;
static struct mover *mover;
static uint64_t inos[KINDS][FILES];
static uint8_t want[LEN], got[LEN];

/* ---- files: letters, and records of a log */

static void log_text(uint64_t seed, uint8_t *ret_text, size_t len)
{
	static const char *const levels[] = { "INFO", "WARN", "ERROR", "DEBUG" };
	static const char *const parts[] = { "auth.session", "billing.invoice", "search.shard", "queue.worker" };
	char line[256];
	size_t at = 0;

	seed = seed * 0x9e3779b97f4a7c15ull + 1;
	while (at < len) {
		uint64_t r = pack_random(&seed);
		int n = snprintf(line, sizeof(line),
				 "{\"timestamp\":\"2026-11-%02uT%02u:%02u:11Z\",\"level\":\"%s\",\"component\":\"%s\","
				 "\"request_id\":\"%08x\",\"duration_us\":%u}\n",
				 (unsigned)(r % 28 + 1), (unsigned)(r >> 8 & 15), (unsigned)(r >> 16 & 31), levels[r >> 24 & 3],
				 parts[r >> 28 & 3], (unsigned)(r >> 32), (unsigned)(r >> 40 & 0xffff));

		for (int k = 0; k < n && at < len; k++)
			ret_text[at++] = (uint8_t)line[k];
	}
}

static void fill(unsigned kind, unsigned k)
{
	if (kind < 2)
		pack_text(kind * FILES + k, want, LEN);
	else
		log_text(kind * FILES + k, want, LEN);
}

static void make_files(unsigned kind)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < FILES; k++) {
		inos[kind][k] = files_box_new_file(&box);
		fill(kind, k);
		CHECK_EQ(file_write(box.f, &rq, inos[kind][k], 0, want, LEN, false, false), LEN);
	}
}

static void check_files(unsigned kinds)
{
	unsigned bad = 0;

	for (unsigned kind = 0; kind < kinds; kind++)
		for (unsigned k = 0; k < FILES; k++) {
			fill(kind, k);
			bad += file_read(box.f, inos[kind][k], 0, got, LEN, TIER_WAIT) != LEN || memcmp(got, want, LEN) != 0;
		}
	CHECK_EQ(bad, 0);
}

/* ---- the volume */

static void start(void)
{
	struct mover_config config = { 0 };
	char *why = NULL;

	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	CHECK_EQ(policy_new(&(struct policy_config){ .settle_s = 1 }, &config.rules.policy, &why), 0);
	CHECK_EQ(mover_new(&config, &mover), 0);
}

static void stop(void)
{
	mover = mover_free(mover);
	files_box_kill(&box);
}

static void move(void)
{
	const struct mover_run r = { .now_s = (int64_t)(clock_real_ns() / 1000000000u) + 10 * DAY_S };
	struct mover_report report;

	CHECK_EQ(mover_run(mover, &r, &report), 0);
	CHECK_EQ(report.failed, 0);
}

static uint64_t current(void)
{
	uint64_t id = 0;

	CHECK_EQ(dictionary_get_current(box.c, &id), 0);
	return id;
}

static int count_dictionary(void *context, const struct record *record)
{
	*(unsigned *)context += load_be64(record->key + 1) != 0;
	return 0;
}

static unsigned count_dictionaries(void)
{
	struct key prefix = key_start('Z');
	unsigned n = 0;

	CHECK_EQ(records_foreach(box.c, &prefix, count_dictionary, &n), 0);
	return n;
}

static int take_last(void *context, const struct pack_record *record)
{
	*(struct pack_record *)context = *record;
	return 0;
}

static struct pack_record last_pack(void)
{
	struct pack_record r = { 0 };

	CHECK_EQ(pack_record_foreach(box.c, take_last, &r), 0);
	return r;
}

/* What the files would take with the dictionary. */
static uint64_t stored_with(unsigned kind, uint64_t id)
{
	static uint8_t bytes[FILES * LEN];
	static size_t lens[FILES];
	const struct pack_samples s = { bytes, lens, FILES };
	const struct pack_dictionary *d;
	uint64_t stored = 0;

	for (unsigned k = 0; k < FILES; k++) {
		fill(kind, k);
		memcpy(bytes + k * LEN, want, LEN);
		lens[k] = LEN;
	}
	CHECK_EQ(packs_get_dictionary(box.f->packs, id, &d), 0);
	CHECK_EQ(pack_dictionary_measure(d, &s, 0, &stored), 0);
	packs_put_dictionary(box.f->packs, d);
	return stored;
}

/* By its own table, without the catalog; files of one kind, as its dictionary says. */
static int check_pack(void *context, const struct pack_record *record)
{
	_cleanup_pack_ struct pack *pack = NULL;
	char name[ID128_TEXT_SIZE];
	_cleanup_close_ int fd = openat(box.f->warm_dirfd, id128_format(record->run.id, name), O_RDONLY | O_CLOEXEC);
	unsigned letters = 0, logs = 0, *files = context;

	pack = pack_box_open(box.keys, fd);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned k = 0; k < FILES; k++) {
			const struct pack_entry *e = pack_find(pack, inos[kind][k]);

			if (!e)
				continue;
			fill(kind, k);
			CHECK_EQ(pack_read(pack, e, 0, got, LEN), LEN);
			CHECK(memcmp(got, want, LEN) == 0);
			*(kind < 2 ? &letters : &logs) += 1;
		}
	CHECK(letters == 0 || logs == 0);
	*files += letters + logs;
	return 0;
}

static void check_packs(void)
{
	unsigned files = 0;

	CHECK_EQ(pack_record_foreach(box.c, check_pack, &files), 0);
	CHECK_EQ(files, KINDS * FILES);
}

/* ---- tests */

static void test_change(void)
{
	uint64_t letters, logs;
	struct pack_record first, second;

	start();
	make_files(0);
	move();
	letters = current();
	first = last_pack();
	CHECK(letters != 0 && first.dictionary == letters);
	/* More of the same: it stays. */
	make_files(1);
	move();
	CHECK_EQ(current(), letters);
	stop();
	start();
	/* Of another kind: a fresh one, that does better. */
	make_files(2);
	move();
	logs = current();
	second = last_pack();
	CHECK(logs != letters && second.dictionary == logs);
	CHECK(stored_with(2, logs) * 10 < stored_with(2, letters) * 8);
	CHECK(second.stored - TABLE_MAX < stored_with(2, letters));
	make_files(3);
	move();
	CHECK_EQ(current(), logs);
	check_files(4);
	check_packs();
	CHECK_EQ(count_dictionaries(), 2);
	files_box_verify(&box);
	stop();
	start();
	check_files(4);
	stop();
}

static void remove_files(unsigned kind)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < FILES; k++) {
		struct inode i;
		char name[32];

		(void) snprintf(name, sizeof(name), "file%u", kind * FILES + k);
		CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
		CHECK_EQ(file_reclaim(box.f, inos[kind][k]), 0);
	}
}

static void test_drop(void)
{
	uint64_t logs;

	start();
	logs = current();
	remove_files(0);
	move();
	CHECK_EQ(count_dictionaries(), 2);
	remove_files(1);
	move();
	CHECK_EQ(count_dictionaries(), 1);
	/* The present one stays, also when nobody needs it just now. */
	remove_files(2);
	remove_files(3);
	move();
	CHECK_EQ(count_dictionaries(), 1);
	CHECK_EQ(current(), logs);
	stop();
}

static void test_figures(void)
{
	struct dictionary_figures f = { .id = 5 }, loaded;

	start();
	dictionary_figures_add(&f, 1 << 20, 400000);
	CHECK_EQ(f.first_plain, 1 << 20);
	for (unsigned k = 0; k < 100; k++)
		dictionary_figures_add(&f, 1 << 20, 600000);
	CHECK_EQ(f.first_stored, 400000);
	CHECK(f.recent_plain >= 2 << 20 && f.recent_plain <= 5 << 20);
	CHECK_EQ(dictionary_figures_save(box.c, &f), 0);
	CHECK_EQ(dictionary_figures_load(box.c, 5, &loaded), 0);
	CHECK(memcmp(&f, &loaded, sizeof(f)) == 0);
	CHECK_EQ(dictionary_figures_load(box.c, 6, &loaded), 0);
	CHECK(loaded.id == 6 && !loaded.first_plain);
	stop();
}

int main(void)
{
	files_box_make(&box);
	test_change();
	test_drop();
	test_figures();
	files_box_free(&box);
	return check_result();
}
