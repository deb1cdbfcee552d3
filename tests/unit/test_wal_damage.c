/* SPDX-License-Identifier: MIT */
/* Altered, torn and lost bytes: what replay gives is a prefix of what was appended, at or after the last
 * sync, or an error; never other bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "tests/fakes/walbox.h"
#include "tests/unit/check.h"
#include "wal/segment.h"

static uint64_t seed;

static uint64_t next_random(void)
{
	return hash_mix64(seed += 0x9e3779b97f4a7c15ull);
}

/* Opens to look only: what comes out must be whole up to somewhere in [least, most], or damage. */
static int look(struct walbox *b, uint64_t least, uint64_t most)
{
	int r;

	b->config.read_only = true;
	r = walbox_open(b);
	b->config.read_only = false;
	if (r < 0)
		return r;
	CHECK(!b->wrong);
	CHECK(b->report.last_lsn >= least && b->report.last_lsn <= most);
	CHECK_EQ(b->count, b->report.last_lsn - b->from.lsn);
	walbox_kill(b);
	return 0;
}

static void write_byte(int fd, uint64_t at, uint8_t value)
{
	CHECK_EQ(io_pwrite(fd, &value, 1, at), 0);
}

/* Flips every byte of the file that is not far from anything written. Returns how often it was noticed. */
static unsigned flip_each(struct walbox *b, const char *name, uint64_t least, uint64_t most)
{
	struct buf bytes = BUF_INIT;
	int fd = walbox_file(b, name);
	unsigned noticed = 0;
	size_t zeros = 0;

	CHECK_EQ(io_read_file_at(b->temp.dirfd, name, 1u << 30, &bytes), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		int r;

		zeros = bytes.data[i] ? 0 : zeros + 1;
		if (zeros > 300 && i % 512)
			continue;
		write_byte(fd, i, bytes.data[i] ^ (uint8_t)(1 + next_random() % 255));
		r = look(b, least, most);
		CHECK(r == 0 || r == -EBADMSG);
		noticed += r < 0;
		write_byte(fd, i, bytes.data[i]);
	}
	CHECK_EQ(look(b, most, most), 0);
	(void) close(fd);
	buf_done(&bytes);
	return noticed;
}

static void small_box(struct walbox *b)
{
	walbox_init(b);
	b->config.segment_size = 16u << 10;
}

static void test_flip_each_byte(void)
{
	struct walbox b;
	char names[16][32];
	size_t n;
	unsigned noticed = 0;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 20), 0);
	CHECK_EQ(wal_sync(b.wal, 20), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	walbox_kill(&b);
	n = walbox_segments(&b, names, 16);
	for (size_t i = 0; i < n; i++)
		noticed += flip_each(&b, names[i], 20, 30);
	CHECK(noticed > 1000);
	walbox_done(&b);
}

static void test_flip_each_byte_of_a_chain(void)
{
	struct walbox b;
	char names[16][32];
	size_t n;

	small_box(&b);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(walbox_append_many(&b, 6), 0);
		walbox_kill(&b);
	}
	n = walbox_segments(&b, names, 16);
	for (size_t i = 0; i < n; i++)
		(void) flip_each(&b, names[i], 12, 18);
	walbox_done(&b);
}

static void test_flip_each_byte_of_the_anchor(void)
{
	struct walbox b;
	int fd;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 6), 0);
	CHECK_EQ(walbox_stop(&b), 0);
	fd = walbox_file(&b, "anchor");
	for (uint64_t i = 0; i < WAL_ANCHOR_SIZE; i++) {
		uint8_t byte;

		CHECK_EQ(io_pread_exact(fd, &byte, 1, i), 0);
		write_byte(fd, i, byte ^ (uint8_t)(1 + next_random() % 255));
		CHECK_EQ(look(&b, 6, 6), 0);
		CHECK(b.report.clean && b.report.anchor_damaged);
		write_byte(fd, i, byte);
	}
	CHECK_EQ(look(&b, 6, 6), 0);
	CHECK(b.report.clean && !b.report.anchor_damaged);
	(void) close(fd);
	walbox_done(&b);
}

/* Without an anchor that opens, the log must have been ended, and where the checkpoint is. */
static void test_damaged_anchor_is_no_licence(void)
{
	struct walbox b, copy;
	struct wal_position older;
	int fd;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 6), 0);
	walbox_checkpoint(&b, 4);
	older = b.from;
	CHECK_EQ(walbox_stop(&b), 0);
	fd = walbox_file(&b, "anchor");
	write_byte(fd, 80, 0);
	write_byte(fd, 81, 0);
	(void) close(fd);

	walbox_clone(&b, &copy);
	copy.from = older;
	CHECK_EQ(look(&copy, 0, 6), -EBADMSG);
	copy.from = b.from;
	copy.from.lsn++;
	CHECK_EQ(look(&copy, 0, 7), -EBADMSG);
	walbox_copy_file(&b, &copy, "anchor");
	copy.from = b.from;
	CHECK_EQ(walbox_open(&copy), 0);
	CHECK(copy.report.anchor_damaged);
	CHECK_EQ(walbox_append_many(&copy, 3), 0);
	CHECK_EQ(wal_sync(copy.wal, 9), 0);
	walbox_kill(&copy);
	CHECK_EQ(look(&copy, 9, 9), 0);
	CHECK(!copy.report.clean);
	walbox_copy_file(&b, &copy, "anchor");
	CHECK_EQ(look(&copy, 0, 9), -EBADMSG);
	walbox_done(&copy);
	walbox_done(&b);
}

/* Offset of record `lsn` in the file that has it. */
static int find_record(const struct walbox *b, uint64_t lsn, uint64_t *ret_at, uint64_t *ret_size)
{
	char names[64][32];

	for (size_t i = walbox_segments(b, names, 64); i-- > 0;) {
		int fd = walbox_file(b, names[i]);
		uint8_t bytes[WAL_RECORD_HEADER];

		for (uint64_t at = WAL_RECORDS_START; at + 24 <= b->config.segment_size; at += 8) {
			struct wal_frame f;

			CHECK_EQ(io_pread_exact(fd, bytes, sizeof(bytes), at), 0);
			if (wal_frame_load(bytes, &f) && f.lsn == lsn) {
				*ret_at = at;
				*ret_size = wal_record_size(f.length);
				return fd;
			}
		}
		(void) close(fd);
	}
	CHECK(false);
	return -1;
}

static void test_torn_tail(void)
{
	struct walbox b;
	uint64_t at, size;
	int fd;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 30), 0);
	walbox_kill(&b);
	fd = find_record(&b, 30, &at, &size);
	for (uint64_t end = at + size; end-- > at;) {
		write_byte(fd, end, 0); /* more and more of the record is missing */
		CHECK_EQ(look(&b, end >= at + size - 8 ? 29 : 29, 30), 0);
	}
	(void) close(fd);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(b.report.last_lsn, 29);
	CHECK_EQ(walbox_append(&b), 30);
	walbox_kill(&b);
	CHECK_EQ(look(&b, 30, 30), 0);
	walbox_done(&b);
}

static void wipe_record(const struct walbox *b, uint64_t lsn)
{
	uint64_t at, size;
	int fd = find_record(b, lsn, &at, &size);

	CHECK_EQ(io_write_zeros(fd, at, size), 0);
	(void) close(fd);
}

/* A record is missing and later ones are there: damage only if one of them says that it was durable. */
static void test_hole(uint64_t synced, uint64_t hole, unsigned count, int want)
{
	struct walbox b;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, (unsigned)synced), 0);
	CHECK_EQ(wal_sync(b.wal, synced), 0);
	CHECK_EQ(walbox_append_many(&b, count - (unsigned)synced), 0);
	walbox_kill(&b);
	wipe_record(&b, hole);
	CHECK_EQ(look(&b, hole - 1, hole - 1), want);
	if (want == 0) {
		CHECK_EQ(walbox_open(&b), 0);
		CHECK_EQ(b.report.cut, hole < count); /* nothing is left of the last one */
		CHECK_EQ(walbox_append(&b), hole);
	}
	walbox_done(&b);
}

static void test_holes(void)
{
	test_hole(20, 25, 30, 0);
	test_hole(20, 21, 22, 0);
	test_hole(20, 20, 21, -EBADMSG);
	test_hole(20, 3, 30, -EBADMSG);
	/* The proof is in another segment. */
	test_hole(100, 100, 200, -EBADMSG);
	test_hole(100, 101, 200, 0);
	test_hole(150, 100, 151, -EBADMSG);
	/* No proof: it may as well never have reached the disk. */
	test_hole(20, 20, 20, 0);
}

/* The segment that has record 150 loses its header: its records prove that it had one. */
static void test_lost_header(bool zeros)
{
	struct walbox b;
	uint64_t at, size;
	uint8_t noise[WAL_HEADER_SIZE] = { 0 };
	int fd;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 150), 0);
	walbox_kill(&b);
	fd = find_record(&b, 150, &at, &size);
	if (!zeros)
		random_bytes(noise, sizeof(noise));
	CHECK_EQ(io_pwrite(fd, noise, sizeof(noise), 0), 0);
	CHECK_EQ(look(&b, 150, 150), 0);
	CHECK_EQ(io_pwrite(fd, noise, sizeof(noise), WAL_HEADER_STRIDE), 0);
	CHECK_EQ(look(&b, 0, 0), -EBADMSG);
	(void) close(fd);
	walbox_done(&b);
}

static void test_lost_segment(void)
{
	struct walbox b;
	char names[64][32];
	size_t n, missed = 0;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 200), 0);
	walbox_kill(&b);
	n = walbox_segments(&b, names, 64);
	for (size_t i = 0; i < n; i++) {
		struct walbox copy;
		int r;

		walbox_clone(&b, &copy);
		CHECK_EQ(unlinkat(copy.temp.dirfd, names[i], 0), 0);
		r = look(&copy, 200, 200); /* two were never used */
		CHECK(r == 0 || r == -EBADMSG);
		missed += r < 0;
		walbox_done(&copy);
	}
	CHECK(missed > 2 && missed >= n - 2);
	walbox_done(&b);
}

/* An older state of one segment, put back alone. */
static void test_older_segment(void)
{
	struct walbox b, old;
	char names[64][32];
	size_t n;

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 20), 0);
	CHECK_EQ(wal_sync(b.wal, 20), 0);
	walbox_clone(&b, &old);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t covered = b.from.lsn;

		CHECK_EQ(walbox_append_many(&b, 20), 0);
		CHECK_EQ(wal_sync(b.wal, wal_last_lsn(b.wal)), 0);
		CHECK_EQ(walbox_append(&b) < 0, 0);
		walbox_checkpoint(&b, wal_last_lsn(b.wal) - 30);
		wal_release(b.wal, covered);
	}
	walbox_kill(&b);
	n = walbox_segments(&old, names, 64);
	for (size_t i = 0; i < n; i++) {
		struct walbox copy;
		int r;

		walbox_clone(&b, &copy);
		walbox_copy_file(&old, &copy, names[i]);
		r = look(&copy, 440, 440);
		CHECK(r == 0 || r == -EBADMSG);
		walbox_done(&copy);
	}
	walbox_done(&b);
	walbox_done(&old);
}

static void test_truncated_file(void)
{
	struct walbox b;
	char names[64][32];
	const unsigned few = 8; /* that fit into one segment */

	small_box(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, few), 0);
	walbox_kill(&b);
	CHECK_EQ(look(&b, few, few), 0);
	CHECK(walbox_segments(&b, names, 64) >= 1);
	for (int size = 16 << 10; size >= 0; size -= 100) {
		int fd = walbox_file(&b, names[0]), r;

		CHECK_EQ(ftruncate(fd, size), 0);
		(void) close(fd);
		r = look(&b, 0, few);
		CHECK(r == 0 || r == -EBADMSG);
	}
	CHECK_EQ(walbox_open(&b), 0); /* a new volume, as far as anyone can tell */
	CHECK_EQ(walbox_append(&b), 1);
	walbox_kill(&b);
	CHECK_EQ(look(&b, 1, 1), 0);
	walbox_done(&b);
}

static void read_copy(const struct walbox *b, unsigned copy, uint8_t ret_bytes[WAL_HEADER_SIZE])
{
	int fd = walbox_file(b, "segment-00000000");

	CHECK_EQ(io_pread_exact(fd, ret_bytes, WAL_HEADER_SIZE, copy * WAL_HEADER_STRIDE), 0);
	(void) close(fd);
}

static void write_copy(const struct walbox *b, unsigned copy, const uint8_t bytes[WAL_HEADER_SIZE])
{
	int fd = walbox_file(b, "segment-00000000");

	CHECK_EQ(io_pwrite(fd, bytes, WAL_HEADER_SIZE, copy * WAL_HEADER_STRIDE), 0);
	(void) close(fd);
}

/* Opens the segment, whose header must be of that generation, and tells where the next one would be written first. */
static unsigned next_copy(struct walbox *b, uint64_t generation)
{
	struct segment *s = NULL;
	unsigned copy;

	CHECK_EQ(log_segment_open(b->temp.dirfd, 0, false, &b->config.sealer, &s), 0);
	CHECK_EQ(s->state, SEGMENT_VALID);
	CHECK_EQ(s->head.generation, generation);
	copy = s->first_copy;
	log_segment_free(s);
	return copy;
}

/* A cut before the second copy of a header, which is of an earlier use then, and another one while the next header is
 * written: the first copy's was all there was. */
static void test_two_cuts_in_headers(void)
{
	struct wal_header h = { .incarnation = id128_random(), .first_lsn = 1, .size = 16 << 10 };
	uint8_t run_header[WAL_RUN_HEADER_SIZE], bytes[2][WAL_HEADER_SIZE], torn[WAL_HEADER_SIZE];
	struct segment *s = NULL;
	struct walbox b;
	void *run;

	small_box(&b);
	CHECK_EQ(b.config.sealer.run_new(b.config.sealer.context, WAL_SEAL_HEADER, run_header, &run), 0);
	CHECK_EQ(log_segment_new(b.temp.dirfd, 0, h.size, &s), 0);
	for (h.generation = 1; h.generation <= 2; h.generation++) {
		CHECK_EQ(log_segment_begin(s, &b.config.sealer, run, run_header, &h), 0);
		read_copy(&b, 0, bytes[h.generation - 1]);
	}
	log_segment_free(s);
	b.config.sealer.run_free(run);
	memset(torn, 0x5a, sizeof(torn));
	for (unsigned newest = 0; newest < 2; newest++) {
		write_copy(&b, newest, bytes[1]);
		write_copy(&b, !newest, bytes[0]);
		write_copy(&b, next_copy(&b, 2), torn);
		(void) next_copy(&b, 2);
	}
	walbox_done(&b);
}

/* ---- power cuts: sectors written since the last sync are on the disk, or not, each for itself */

struct snapshot {
	char names[64][32];
	struct buf files[64];
	size_t count;
};

static void snapshot_done(struct snapshot *s)
{
	for (size_t i = 0; i < s->count; i++)
		buf_done(&s->files[i]);
	s->count = 0;
}

static void snapshot_take(struct snapshot *s, const struct walbox *b)
{
	snapshot_done(s);
	s->count = walbox_segments(b, s->names, 64);
	for (size_t i = 0; i < s->count; i++) {
		s->files[i] = BUF_INIT;
		CHECK_EQ(io_read_file_at(b->temp.dirfd, s->names[i], 1u << 30, &s->files[i]), 0);
	}
}

static const struct buf *snapshot_find(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->names[i], name) == 0)
			return &s->files[i];
	return NULL;
}

#define SECTOR 512u

/* Headers are synced when they are made, and new files are full of zeros. */
static void lose_sectors(const struct walbox *b, const struct snapshot *synced, unsigned percent)
{
	char names[64][32];

	for (size_t i = walbox_segments(b, names, 64); i-- > 0;) {
		static const uint8_t zeros[SECTOR];
		const struct buf *old = snapshot_find(synced, names[i]);
		int fd = walbox_file(b, names[i]);

		for (uint64_t at = WAL_RECORDS_START; at < b->config.segment_size; at += SECTOR)
			if (next_random() % 100 < percent)
				CHECK_EQ(io_pwrite(fd, old ? old->data + at : zeros, SECTOR, at), 0);
		(void) close(fd);
	}
}

static void work_a_while(struct walbox *b, struct snapshot *synced)
{
	for (unsigned n = next_random() % 12; n > 0; n--) {
		uint64_t covered = b->from.lsn, last;

		CHECK_EQ(walbox_append_many(b, next_random() % 40), 0);
		last = wal_last_lsn(b->wal);
		if (next_random() % 3 == 0) {
			CHECK_EQ(wal_sync(b->wal, last), 0);
			snapshot_take(synced, b);
		}
		if (next_random() % 3 == 0) {
			walbox_checkpoint(b, last - next_random() % (last - covered + 1));
			wal_release(b->wal, covered);
		}
	}
}

static void test_power_cuts(void)
{
	static const unsigned percents[] = { 2, 10, 50, 90, 100 };
	struct snapshot synced = { .count = 0 };
	struct walbox b;
	unsigned cuts = 0;

	small_box(&b);
	b.config.segments_max = 64;
	CHECK_EQ(walbox_open(&b), 0);
	snapshot_take(&synced, &b);
	for (unsigned i = 0; i < 400 && check_failures == 0; i++) {
		uint64_t least, most;

		work_a_while(&b, &synced);
		most = wal_last_lsn(b.wal);
		least = wal_synced_lsn(b.wal) > b.from.lsn ? wal_synced_lsn(b.wal) : b.from.lsn;
		walbox_kill(&b);
		lose_sectors(&b, &synced, percents[next_random() % 5]);
		CHECK_EQ(walbox_open(&b), 0);
		CHECK(!b.wrong);
		CHECK(b.report.last_lsn >= least && b.report.last_lsn <= most);
		CHECK_EQ(b.count, b.report.last_lsn - b.from.lsn);
		cuts += b.report.cut;
		snapshot_take(&synced, &b);
	}
	CHECK(cuts > 20);
	snapshot_done(&synced);
	walbox_done(&b);
}

int main(int argc, char **argv)
{
	random_bytes(&seed, sizeof(seed));
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	printf("seed %#llx\n", (unsigned long long)seed);
	test_torn_tail();
	test_holes();
	test_lost_header(false);
	test_lost_header(true);
	test_lost_segment();
	test_older_segment();
	test_truncated_file();
	test_two_cuts_in_headers();
	test_power_cuts();
	test_flip_each_byte_of_the_anchor();
	test_damaged_anchor_is_no_licence();
	test_flip_each_byte();
	test_flip_each_byte_of_a_chain();
	return check_result();
}
