/* SPDX-License-Identifier: MIT */
/* Extent objects and the segments they lie in: every length around a block, every byte of the format,
 * numbers and names of segments, what is idle and what may be deleted. */
#include "tiers/hot/hot.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "check.h"
#include "temp_folder.h"
#include "tests/fakes/mem_catalog.h"

static struct catalog *c;
static struct temp_folder temp;
static struct hot *h;

static void open_hot(uint64_t segment_size)
{
	struct hot_config config = { .keys = catalog_keys(c), .dirfd = temp.dirfd, .segment_size = segment_size };

	CHECK_EQ(hot_open(&config, &h), 0);
	hot_set_catalog(h, c);
}

static void close_hot(void)
{
	h = (struct hot *)tier_free(hot_tier(h));
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t k = 0; k < len; k++)
		data[k] = (uint8_t)random();
}

static struct extent write_object(const uint8_t *data, uint32_t len)
{
	struct object_part part = { 7, 0, len };
	struct hot_object o;
	struct extent e;

	CHECK_EQ(hot_write(h, data, len, &part, 1, &o), 0);
	e = hot_extent(&o, 0, len, 0);
	hot_release(h, &o);
	return e;
}

static void test_lengths(void)
{
	static const uint32_t lens[] = { 1, 4095, 4096, 4097, 8191, 8192, 65536, 262145, OBJECT_MAX - 1, OBJECT_MAX };
	uint8_t *data = malloc(OBJECT_MAX), *got = malloc(OBJECT_MAX);

	fill(data, OBJECT_MAX);
	for (unsigned k = 0; k < ARRAY_SIZE(lens); k++) {
		struct extent e = write_object(data, lens[k]), part;

		CHECK_EQ(e.place % BLOCK_SIZE, 0);
		CHECK_EQ(tier_verify(hot_tier(h), &e), object_blocks(lens[k]));
		for (unsigned n = 0; n < 30; n++) {
			uint32_t from = (uint32_t)random() % lens[k], len = 1 + (uint32_t)random() % (lens[k] - from);

			if (n == 0) {
				from = 0;
				len = lens[k];
			}
			CHECK_EQ(tier_read(hot_tier(h), &e, from, got, len, TIER_WAIT), 0);
			CHECK(memcmp(got, data + from, len) == 0);
			part = e;
			part.skip = from;
			part.len = len;
			CHECK_EQ(tier_read(hot_tier(h), &part, len - 1, got, 1, TIER_WAIT), 0);
			CHECK_EQ(got[0], data[from + len - 1]);
			CHECK_EQ(tier_read(hot_tier(h), &part, 0, got, len + 1, TIER_WAIT), -EBADMSG);
		}
	}
	CHECK_EQ(hot_write(h, data, 0, NULL, 0, &(struct hot_object){ 0 }), -EINVAL);
	CHECK_EQ(hot_write(h, data, OBJECT_MAX + 1, NULL, 0, &(struct hot_object){ 0 }), -EINVAL);
	free(data);
	free(got);
}

static int open_segment(uint64_t number, int flags)
{
	char name[SEGMENT_NAME_SIZE];

	return openat(temp.dirfd, segment_name(number, name), flags | O_CLOEXEC);
}

/* Every byte of a small object, changed one at a time: what is read is right or refused. */
static void test_bytes(void)
{
	uint8_t data[5000], got[5000], byte;
	struct extent e;
	unsigned refused = 0, verified = 0;
	struct stat st;
	int fd;

	fill(data, sizeof(data));
	e = write_object(data, sizeof(data));
	fd = open_segment(e.segment, O_RDWR);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	CHECK_EQ((uint64_t)st.st_size - e.place, BLOCK_SIZE * 3);
	for (uint64_t at = e.place; at < (uint64_t)st.st_size; at += at < e.place + 200 ? 1 : 37) {
		int r;

		CHECK_EQ(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x10;
		CHECK_EQ(pwrite(fd, &byte, 1, (off_t)at), 1);
		close_hot();
		open_hot(0);
		r = tier_read(hot_tier(h), &e, 0, got, sizeof(got), TIER_WAIT);
		CHECK(r == 0 || r == -EBADMSG);
		CHECK(r < 0 || memcmp(got, data, sizeof(got)) == 0);
		refused += r < 0;
		verified += tier_verify(hot_tier(h), &e) >= 0;
		byte ^= 0x10;
		CHECK_EQ(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	CHECK(refused > 150 && verified > 50);
	/* Another object's place, id or length. */
	close_hot();
	open_hot(0);
	e.place += BLOCK_SIZE;
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, 1, TIER_WAIT), -EBADMSG);
	e.place -= BLOCK_SIZE;
	e.object_len--;
	e.len--;
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, 1, TIER_WAIT), -EBADMSG);
	e.object_len++;
	e.run.id.bytes[3] ^= 1;
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, 1, TIER_WAIT), -EBADMSG);
	e.run.id.bytes[3] ^= 1;
	e.segment = 4711;
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, 1, TIER_WAIT), -ENOENT);
	(void) close(fd);
}

static void test_copy(void)
{
	uint8_t data[70000], got[70000];
	struct hot_object o;
	struct extent e, moved;

	fill(data, sizeof(data));
	e = write_object(data, sizeof(data));
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, 10, TIER_WAIT), 0);
	CHECK_EQ(hot_copy(h, &e, &o), 0);
	moved = hot_extent(&o, 0, sizeof(data), 0);
	hot_release(h, &o);
	CHECK(moved.place != e.place || moved.segment != e.segment);
	CHECK(id128_equal(moved.run.id, e.run.id));
	CHECK_EQ(tier_verify(hot_tier(h), &moved), object_blocks(sizeof(data)));
	CHECK_EQ(tier_read(hot_tier(h), &moved, 0, got, sizeof(got), TIER_WAIT), 0);
	CHECK(memcmp(got, data, sizeof(got)) == 0);
}

static void test_nowait(void)
{
	uint8_t data[70000], got[70000];
	struct extent e;
	int r, fd;

	fill(data, sizeof(data));
	e = write_object(data, sizeof(data));
	CHECK_EQ(segments_sync(hot_segments(h)), 0);
	fd = open_segment(e.segment, O_RDONLY);
	(void) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	r = tier_read(hot_tier(h), &e, 0, got, sizeof(got), TIER_AT_ONCE);
	CHECK(r == -EAGAIN || (r == 0 && memcmp(got, data, sizeof(got)) == 0));
	CHECK_EQ(tier_read(hot_tier(h), &e, 0, got, sizeof(got), TIER_WAIT), 0);
	(void) close(fd);
}

static int count_object(void *context, const struct extent *e)
{
	CHECK(tier_verify(hot_tier(h), e) > 0);
	++*(unsigned *)context;
	return 0;
}

static int count_segment(void *context, uint64_t number, uint64_t size)
{
	++*(unsigned *)context;
	return 0;
}

static void test_rotation(void)
{
	uint8_t *data = calloc(1, OBJECT_MAX);
	uint64_t first = 0, last = 0;
	struct segments_stats stats;
	struct hot_object o;
	unsigned n = 0;

	close_hot();
	open_hot(256 << 10);
	for (unsigned k = 0; k < 40; k++) {
		struct extent e = write_object(data, 60000);

		first = k == 0 ? e.segment : first;
		last = e.segment;
		CHECK(e.place + 65536 <= 256 << 10);
	}
	CHECK_EQ(last - first, 9);
	CHECK_EQ(hot_foreach_object(h, first, count_object, &n), 0);
	CHECK_EQ(n, 4);
	CHECK(segments_is_idle(hot_segments(h), first));
	CHECK(!segments_is_idle(hot_segments(h), last));
	/* Larger than a segment: one of its own. And a reserved place keeps its segment. */
	CHECK_EQ(hot_write(h, data, OBJECT_MAX, NULL, 0, &o), 0);
	last = segment_number(o.segment);
	(void) write_object(data, 60000);
	CHECK(!segments_is_idle(hot_segments(h), last));
	hot_release(h, &o);
	CHECK(segments_is_idle(hot_segments(h), last));
	segments_get_stats(hot_segments(h), &stats);
	n = 0;
	CHECK_EQ(segments_foreach(hot_segments(h), count_segment, &n), 0);
	CHECK_EQ(stats.count, n);
	CHECK_EQ(segments_unlink(hot_segments(h), first), 0);
	CHECK_EQ(segments_unlink(hot_segments(h), first), -ENOENT);
	CHECK_EQ(segments_sync(hot_segments(h)), 0);
	free(data);
}

/* ---- a segment that is being made */

#define MADE 3000u

static struct segments *many;
static _Atomic uint64_t last_number, newest;
static atomic_bool made_all;

static int count_up(void *context, uint64_t *ret_number)
{
	*ret_number = ++last_number;
	return 0;
}

static void *make_many(void *context)
{
	for (unsigned k = 0; k < MADE; k++) {
		struct segment *seg;
		uint64_t place;

		CHECK_EQ(segments_reserve(many, 4096, &seg, &place), 0);
		CHECK(fcntl(segment_fd(seg), F_GETFD) >= 0); /* also when too many are open */
		atomic_store(&newest, segment_number(seg));
		segments_release(many, seg);
	}
	atomic_store(&made_all, true);
	return NULL;
}

/* What is older than the newest may be idle; the newest is not, and least so the one after it, whose
 * file is there already: whoever deleted it would delete what is written next. */
static void test_being_made(void)
{
	struct segments_config config = { .dirfd = temp.dirfd, .size = 4096, .next_number = count_up };
	unsigned wrong = 0;
	pthread_t maker;

	close_hot();
	last_number = 1u << 20;
	newest = last_number;
	CHECK_EQ(segments_open(&config, &many), 0);
	CHECK_EQ(pthread_create(&maker, NULL, make_many, NULL), 0);
	while (!atomic_load(&made_all)) {
		uint64_t next = atomic_load(&newest) + 1;
		char name[SEGMENT_NAME_SIZE];

		if (faccessat(temp.dirfd, segment_name(next, name), F_OK, 0) == 0)
			wrong += segments_is_idle(many, next) && atomic_load(&newest) < next;
	}
	CHECK_EQ(pthread_join(maker, NULL), 0);
	CHECK_EQ(wrong, 0);
	for (uint64_t n = (1u << 20) + 1; n < last_number; n++)
		CHECK_EQ(segments_unlink(many, n), 0);
	many = segments_close(many);
	open_hot(128 << 20);
}

/* A reader keeps what it reads. */
static void test_unlinked(void)
{
	struct segment *seg;
	uint8_t data[1000] = { 1, 2, 3 };
	uint8_t byte;
	struct extent e = write_object(data, sizeof(data));

	close_hot();
	open_hot(0);
	CHECK_EQ(segments_get(hot_segments(h), e.segment, &seg), 0);
	CHECK_EQ(segments_unlink(hot_segments(h), e.segment), 0);
	CHECK_EQ(pread(segment_fd(seg), &byte, 1, (off_t)e.place), 1);
	segments_put(hot_segments(h), seg);
	CHECK_EQ(segments_get(hot_segments(h), e.segment, &seg), -ENOENT);
}

static void test_names(void)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t number = 0;

	CHECK(strcmp(segment_name(0x1a2b, name), "00001a2b.seg") == 0);
	CHECK(segment_parse_name(name, &number) == 0 && number == 0x1a2b);
	CHECK(segment_parse_name(segment_name(UINT64_MAX, name), &number) == 0 && number == UINT64_MAX);
	CHECK_EQ(segment_parse_name("1a2b.seg", &number), -EINVAL);
	CHECK_EQ(segment_parse_name("00001a2b.seg.new", &number), -EINVAL);
	CHECK_EQ(segment_parse_name("00001A2B.seg", &number), -EINVAL);
	CHECK_EQ(segment_parse_name("", &number), -EINVAL);
}

int main(void)
{
	temp_folder_make(&temp);
	c = mem_catalog_new();
	open_hot(128 << 20);
	test_names();
	test_lengths();
	test_bytes();
	test_copy();
	test_nowait();
	test_rotation();
	test_being_made();
	test_unlinked();
	close_hot();
	c = catalog_close(c);
	temp_folder_remove(&temp);
	return check_result();
}
