/* SPDX-License-Identifier: MIT */
/* Altered segments: right bytes or -EIO, never others. And power cuts: what of the segments was not
 * synced is taken away, in whole pages, while the log survives; replay must end at a state that was.
 * Usage: test_files_damage [SEED] */
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "broken_fds.h"
#include "files_box.h"
#include "tiers/clean.h"

#define PAGE 4096u

static struct files_box box;

static uint64_t below(uint64_t n)
{
	return n ? (uint64_t)random() % n : 0;
}

static void fill_random(uint8_t *data, size_t len)
{
	for (size_t k = 0; k < len; k++)
		data[k] = (uint8_t)random();
}

/* ---- the segments as files */

#define SEGMENTS_MAX 64

struct copy {
	char name[64];
	uint8_t *bytes;
	size_t len;
};

static struct copy copies[SEGMENTS_MAX];
static unsigned n_copies;

static void forget_copies(void)
{
	while (n_copies > 0)
		free(copies[--n_copies].bytes);
}

static int open_segment(const char *name, int flags)
{
	char path[300];

	(void) snprintf(path, sizeof(path), "hot/%s", name);
	return openat(box.temp.dirfd, path, flags | O_CLOEXEC, 0600);
}

static void copy_one(const char *name)
{
	_cleanup_close_ int fd = open_segment(name, O_RDONLY);
	struct copy *copy = &copies[n_copies++];
	struct stat st;

	(void) snprintf(copy->name, sizeof(copy->name), "%.60s", name);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	copy->len = (size_t)st.st_size;
	copy->bytes = malloc(copy->len + 1);
	CHECK_EQ(pread(fd, copy->bytes, copy->len, 0), (int64_t)copy->len);
}

static void copy_segments(void)
{
	DIR *dir = fdopendir(openat(box.temp.dirfd, "hot", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	forget_copies();
	while ((entry = readdir(dir)) && n_copies < SEGMENTS_MAX)
		if (strstr(entry->d_name, ".seg"))
			copy_one(entry->d_name);
	(void) closedir(dir);
}

static void put_back(const struct copy *copy)
{
	_cleanup_close_ int fd = open_segment(copy->name, O_WRONLY | O_CREAT | O_TRUNC);

	CHECK_EQ(pwrite(fd, copy->bytes, copy->len, 0), (int64_t)copy->len);
}

/* ---- damage */

#define FILES 6

static struct {
	uint64_t ino;
	uint8_t *bytes;
	size_t len;
} files[FILES];

static void make_files(void)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < FILES; k++) {
		files[k].len = k < 3 ? 3000 + 5000 * k : 100000 * k;
		files[k].bytes = malloc(files[k].len);
		fill_random(files[k].bytes, files[k].len);
		files[k].ino = files_box_new_file(&box);
		CHECK_EQ(file_write(box.f, &rq, files[k].ino, 0, files[k].bytes, files[k].len, false, false),
			 (int64_t)files[k].len);
	}
}

/* Returns how many files could not be read whole. */
static unsigned read_files(void)
{
	uint8_t *got = malloc(1 << 20);
	unsigned lost = 0;

	for (unsigned k = 0; k < FILES; k++) {
		int64_t n = file_read(box.f, files[k].ino, 0, got, 1 << 20, false);

		CHECK(n == (int64_t)files[k].len || n == -EIO || (n > 0 && n < (int64_t)files[k].len));
		if (n > 0)
			CHECK(memcmp(got, files[k].bytes, (size_t)n) == 0);
		lost += n != (int64_t)files[k].len;
		for (unsigned m = 0; m < 8; m++) {
			uint64_t at = below(files[k].len), len = 1 + below(files[k].len - at);

			n = file_read(box.f, files[k].ino, at, got, len, false);
			CHECK(n == (int64_t)len || n == -EIO);
			if (n > 0)
				CHECK(memcmp(got, files[k].bytes + at, (size_t)n) == 0);
		}
	}
	free(got);
	return lost;
}

/* Changes one thing in one segment. */
static void damage(const struct copy *copy)
{
	_cleanup_close_ int fd = open_segment(copy->name, O_RDWR);
	uint64_t at = below(copy->len), other = below(copy->len / PAGE) * PAGE;
	uint8_t page[PAGE] = { 0 };
	uint8_t byte = (uint8_t)(copy->bytes[at] ^ (1u << below(8)));

	switch (below(5)) {
	case 0:
		CHECK(ftruncate(fd, (off_t)at) == 0);
		break;
	case 1: /* another page's bytes */
		CHECK(pwrite(fd, copy->bytes + other, PAGE, (off_t)(at & ~(uint64_t)(PAGE - 1))) == PAGE);
		break;
	case 2: /* zeros */
		CHECK(pwrite(fd, page, PAGE, (off_t)other) == PAGE);
		break;
	default:
		CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
	}
}

static void test_damage(unsigned rounds)
{
	unsigned lost = 0;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	make_files();
	CHECK_EQ(files_box_stop(&box), 0);
	copy_segments();
	CHECK(n_copies > 0);
	for (unsigned n = 0; n < rounds; n++) {
		const struct copy *copy = &copies[below(n_copies)];

		damage(copy);
		CHECK_EQ(files_box_open(&box), 0);
		lost += read_files();
		CHECK_EQ(files_box_stop(&box), 0);
		put_back(copy);
	}
	CHECK(lost > rounds / 4);
	/* A segment that is gone, then put back. */
	CHECK_EQ(unlinkat(openat(box.temp.dirfd, "hot", O_PATH), copies[0].name, 0), 0);
	CHECK_EQ(files_box_open(&box), 0);
	CHECK(read_files() > 0);
	CHECK_EQ(clean_once(box.f), 0);
	CHECK_EQ(files_box_stop(&box), 0);
	put_back(&copies[0]);
	CHECK_EQ(files_box_open(&box), 0);
	CHECK_EQ(read_files(), 0);
	files_box_verify(&box);
	files_box_free(&box);
	for (unsigned k = 0; k < FILES; k++)
		free(files[k].bytes);
	forget_copies();
}

/* ---- power cuts */

#define STATES_MAX 64
#define STATE_SIZE (1u << 20)

static struct {
	uint8_t *bytes;
	size_t len;
} states[STATES_MAX];

static void remember(unsigned n)
{
	states[n].len = n > 0 ? states[n - 1].len : 0;
	states[n].bytes = malloc(STATE_SIZE);
	if (n > 0)
		memcpy(states[n].bytes, states[n - 1].bytes, states[n].len);
}

static void operate(uint64_t ino, unsigned n)
{
	uint64_t at = below(states[n].len + 1), len = below(2) ? 1 + below(9000) : 66000 + below(200000);
	struct tree_request rq = { 0 };
	struct inode i;

	if (!below(6)) {
		CHECK_EQ(file_truncate(box.f, &rq, ino, at, false, &i), 0);
		states[n].len = at;
		return;
	}
	len = MIN(len, STATE_SIZE - at);
	if (len == 0)
		return;
	fill_random(states[n].bytes + at, len);
	CHECK_EQ(file_write(box.f, &rq, ino, at, states[n].bytes + at, len, false, false), (int64_t)len);
	states[n].len = MAX(states[n].len, at + len);
}

/* Takes away pages that were written since the copies were made. */
static void lose_pages(void)
{
	DIR *dir = fdopendir(openat(box.temp.dirfd, "hot", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		uint8_t zeros[PAGE] = { 0 };
		size_t synced = 0;
		struct stat st;

		if (!strstr(entry->d_name, ".seg"))
			continue;
		fd = open_segment(entry->d_name, O_RDWR);
		CHECK(fstat(fd, &st) == 0);
		for (unsigned k = 0; k < n_copies; k++)
			if (strcmp(copies[k].name, entry->d_name) == 0)
				synced = copies[k].len;
		for (size_t at = synced; at < (size_t)st.st_size; at += PAGE)
			if (!below(20))
				CHECK(pwrite(fd, zeros, PAGE, (off_t)at) == PAGE);
		if (!below(3))
			CHECK(ftruncate(fd, (off_t)(synced + below((size_t)st.st_size - synced + 1))) == 0);
	}
	(void) closedir(dir);
}

/* Which state the file is in, at or after `from`; -1: none. */
static int find_state(uint64_t ino, unsigned from, unsigned n)
{
	uint8_t *got = malloc(STATE_SIZE);
	int64_t len = file_read(box.f, ino, 0, got, STATE_SIZE, false);
	int found = -1;

	for (unsigned k = from; k < n && found < 0; k++)
		if (len == (int64_t)states[k].len && memcmp(got, states[k].bytes, states[k].len) == 0)
			found = (int)k;
	free(got);
	return found;
}

/* Sync, fold, clean, checkpoint, or nothing of it. */
static void keep_house(void)
{
	switch (below(40)) {
	case 0 ... 3:
		CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
		break;
	case 4 ... 7:
		CHECK_EQ(files_before_freeze(box.f), 0);
		break;
	case 8 ... 11:
		CHECK(clean_once(box.f) >= 0);
		break;
	case 12:
		CHECK_EQ(catalog_checkpoint(box.c), 0);
		break;
	default:
		break;
	}
}

static uint64_t synced_lsn(void)
{
	struct catalog_stats stats;

	catalog_get_stats(box.c, &stats);
	return stats.synced_lsn;
}

/* Whoever asked for a sync: from then on those pages are on the disk. */
static void note_sync(uint64_t *lsn)
{
	if (synced_lsn() == *lsn)
		return;
	*lsn = synced_lsn();
	copy_segments();
}

static void test_power_cut(void)
{
	unsigned synced = 0, n = 1, steps = 5 + (unsigned)below(50);
	uint64_t lsn = 0, lsns[STATES_MAX];
	uint64_t ino;
	int state;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	remember(0);
	CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
	lsns[0] = catalog_last_lsn(box.c);
	for (; n < steps; n++) {
		remember(n);
		operate(ino, n);
		lsns[n] = catalog_last_lsn(box.c);
		note_sync(&lsn);
		keep_house();
		note_sync(&lsn);
	}
	while (synced + 1 < n && lsns[synced + 1] <= lsn)
		synced++;
	files_box_kill(&box);
	lose_pages();
	CHECK_EQ(files_box_open(&box), 0);
	state = find_state(ino, synced, n);
	if (state < 0)
		fprintf(stderr, "no state from %u to %u\n", synced, n);
	CHECK(state >= 0);
	files_box_verify(&box);
	/* And it goes on from there. */
	CHECK_EQ(file_write(box.f, &(struct tree_request){ 0 }, ino, 0, "on", 2, false, false), 2);
	files_box_kill(&box);
	CHECK_EQ(files_box_open(&box), 0);
	files_box_verify(&box);
	files_box_free(&box);
	forget_copies();
	while (n-- > 0)
		free(states[n].bytes);
}

/* A sync of the log is one of the segments first: when those fail, nobody is told that it is durable. */
static void test_failed_sync(void)
{
	static uint8_t data[200000];
	struct tree_request rq = { 0 };
	uint64_t ino;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	CHECK_EQ(file_write(box.f, &rq, ino, 0, data, sizeof(data), false, false), (int64_t)sizeof(data));
	CHECK_EQ(file_sync(box.f, rq.lsn), 0);
	CHECK_EQ(file_write(box.f, &rq, ino, 0, data, sizeof(data), false, false), (int64_t)sizeof(data));
	CHECK(break_descriptors(box.temp.path, ".seg") > 0);
	CHECK_EQ(file_sync(box.f, rq.lsn), -EIO);
	CHECK_EQ(file_sync(box.f, rq.lsn), -EIO);
	CHECK(synced_lsn() < rq.lsn);
	files_box_free(&box);
}

/* An object that was found sound in one place says nothing of a copy that cleaning made elsewhere. */
static void test_present_where_it_is(void)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT, value = BUF_INIT;
	static uint8_t data[128 << 10];
	struct tree_request rq = { 0 };
	struct extent e;
	struct key key;
	uint64_t ino;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	ino = files_box_new_file(&box);
	CHECK_EQ(file_write(box.f, &rq, ino, 0, data, sizeof(data), false, false), sizeof(data));
	CHECK_EQ(extent_find(box.c, ino, 0, &scratch, &e), 0);
	key = extent_key(ino, extent_end(&e));
	CHECK_EQ(extent_encode(&e, &value), 0);
	CHECK_EQ(files_data_present(box.f, key.bytes, key.len, value.data, value.len), 1);
	CHECK_EQ(files_data_present(box.f, key.bytes, key.len, value.data, value.len), 1);
	e.place += 1 << 20;
	buf_reset(&value);
	CHECK_EQ(extent_encode(&e, &value), 0);
	CHECK_EQ(files_data_present(box.f, key.bytes, key.len, value.data, value.len), 0);
	e.place -= 1 << 20;
	e.segment++;
	buf_reset(&value);
	CHECK_EQ(extent_encode(&e, &value), 0);
	CHECK_EQ(files_data_present(box.f, key.bytes, key.len, value.data, value.len), 0);
	files_box_free(&box);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);

	srandom(seed);
	fprintf(stderr, "seed %u\n", seed);
	test_failed_sync();
	test_present_where_it_is();
	test_damage(60);
	for (unsigned n = 0; n < 25 && !check_failures; n++)
		test_power_cut();
	return check_result();
}
