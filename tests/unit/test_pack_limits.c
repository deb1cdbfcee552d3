/* SPDX-License-Identifier: MIT */
/* The limits of a pack: what a writer refuses, what has no room, and how few reads a full one takes. */
#include "tests/unit/pack_box.h"

#include <stdio.h>

static struct keyring *keys;

static void test_refused(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 0);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_inode file = pack_file_inode(5, 1), folder = pack_folder_inode(6), bad = file;
	struct pack_summary s;
	struct pack_frame f;
	char name[300];

	memset(name, 'n', sizeof(name));
	CHECK_EQ(pack_writer_add_bytes(w, 0, "x", 1, &f), -EINVAL);
	CHECK_EQ(pack_writer_add_hole(w, 0, 1), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_add_xattr(w, "user.x", "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_add_directory(w, &file, 1, "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_begin_file(w, &folder), -EINVAL);
	bad.mtime.tv_nsec = 1000000000;
	CHECK_EQ(pack_writer_begin_file(w, &bad), -EINVAL);
	bad = file;
	bad.size = 1ull << 63;
	CHECK_EQ(pack_writer_begin_file(w, &bad), -EINVAL);
	bad.ino = 0;
	CHECK_EQ(pack_writer_begin_file(w, &bad), -EINVAL);
	CHECK_EQ(pack_writer_add_directory(w, &folder, 1, "a/b", 3), -EINVAL);
	CHECK(!pack_writer_has_directory(w, 6));
	CHECK_EQ(pack_writer_add_directory(w, &folder, 1, name, 255), 0);
	CHECK_EQ(pack_writer_add_bytes(w, 0, "x", 1, &f), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, "second", 6), -EINVAL);
	CHECK_EQ(pack_writer_begin_file(w, &file), 0);
	CHECK_EQ(pack_writer_add_name(w, 1, name, 256), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, name, 0), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, "nul\0", 4), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, ".", 1), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, "..", 2), -EINVAL);
	CHECK_EQ(pack_writer_add_name(w, 1, "...", 3), 0);
	name[256] = 0;
	CHECK_EQ(pack_writer_add_xattr(w, name, "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_add_xattr(w, "", "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_add_xattr(w, "user.x", name, (64 << 10) + 1), -EINVAL);
	CHECK_EQ(pack_writer_add_xattr(w, "user.x", NULL, 0), 0);
	CHECK_EQ(pack_writer_add_bytes(w, 0, "x", 1, &f), 0);
	CHECK_EQ(pack_writer_add_name(w, 1, "late", 4), -EINVAL);
	CHECK_EQ(pack_writer_add_xattr(w, "user.late", "x", 1), -EINVAL);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK_EQ(pack_writer_finish(w, &s), -EINVAL);
	CHECK(pack_writer_begin_file(w, &file) < 0);
	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_find(p, 5)->n_xattrs, 1);
	CHECK_EQ(pack_find(p, 5)->xattrs[0].len, 0);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
}

static void test_empty(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 0);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_summary s;

	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK(s.stored_size < 300 && s.n_files == 0 && s.n_frames == 0);
	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
}

/* A disk that is full, a descriptor that cannot be written. */
static void test_write_error(void)
{
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_cleanup_writer_ struct pack_writer *w = NULL;
	struct pack_inode i = pack_file_inode(5, PACK_FRAME_MAX);
	uint8_t *data = malloc(PACK_FRAME_MAX);
	struct pack_summary s;
	struct pack_frame f;

	if (fd < 0)
		return;
	w = pack_box_writer(keys, fd, NULL, 0);
	pack_noise(1, data, PACK_FRAME_MAX);
	CHECK_EQ(pack_writer_begin_file(w, &i), 0);
	CHECK_EQ(pack_writer_add_bytes(w, 0, data, PACK_FRAME_MAX, &f), -ENOSPC);
	CHECK_EQ(pack_writer_begin_file(w, &i), -ENOSPC);
	CHECK_EQ(pack_writer_finish(w, &s), -ENOSPC);
	free(data);
}

/* ---- what has no room */

/* As much as it takes: files of `len` bytes with xattrs of `xattr_len`. Returns how many are in. */
static unsigned fill_pack(struct pack_writer *w, size_t len, size_t xattr_len, bool noise)
{
	uint8_t *data = malloc(MAX(len, xattr_len) + 1);
	struct pack_frame f;
	char name[32];

	for (unsigned n = 0;; n++) {
		struct pack_inode i = pack_file_inode(n + 10, len);
		int r = pack_writer_begin_file(w, &i);

		if (r == 0)
			r = pack_writer_add_name(w, 1, name, (size_t)snprintf(name, sizeof(name), "file-%u", n));
		if (noise)
			pack_noise(n, data, MAX(len, xattr_len));
		else
			pack_text(n, data, MAX(len, xattr_len));
		if (r == 0 && xattr_len)
			r = pack_writer_add_xattr(w, "user.large", data, xattr_len);
		if (r == 0 && len)
			r = pack_writer_add_bytes(w, 0, data, len, &f);
		if (r == -EFBIG) {
			CHECK(!len || pack_writer_add_bytes(w, 0, data, len, &f) == -EINVAL);
			free(data);
			return n;
		}
		CHECK_EQ(r, 0);
		if (r < 0)
			abort();
	}
}

static void test_full(size_t len, size_t xattr_len, bool noise, uint32_t size_max, unsigned fill_percent)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, size_max);
	_cleanup_pack_ struct pack *p = NULL;
	unsigned n = fill_pack(w, len, xattr_len, noise);
	uint32_t bound = pack_writer_size(w);
	struct pack_summary s;

	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK(s.stored_size <= bound && bound <= (size_max ? size_max : PACK_MAX));
	CHECK(s.stored_size >= (uint64_t)(size_max ? size_max : PACK_MAX) * fill_percent / 100);
	CHECK_EQ(s.n_files, n);
	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	CHECK(n > 0 && pack_find(p, n + 9) && !pack_find(p, n + 10));
}

/* A file that goes on in the next pack. */
static void test_continued(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 300000);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_inode i = pack_file_inode(10, 1 << 20);
	uint8_t data[100000], got[100000];
	struct pack_summary s;
	struct pack_frame f;
	uint64_t at = 0;
	int r;

	pack_noise(3, data, sizeof(data));
	CHECK_EQ(pack_writer_begin_file(w, &i), 0);
	CHECK_EQ(pack_writer_add_name(w, 1, "long", 4), 0);
	while ((r = pack_writer_add_bytes(w, at, data, sizeof(data), &f)) == 0)
		at += sizeof(data);
	CHECK_EQ(r, -EFBIG);
	CHECK_EQ(at, 200000);
	CHECK_EQ(pack_writer_add_bytes(w, at, data, 1000, &f), 0);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_find(p, 10)->n_pieces, 3);
	CHECK_EQ(pack_find(p, 10)->inode.size, 1 << 20);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 100000, got, 100000), 100000);
	CHECK(memcmp(got, data, sizeof(got)) == 0);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 201000, got, 1), -ENODATA);
}

/* An xattr without room takes its directory along. */
static void test_full_directory(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 20000);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_inode root = pack_folder_inode(1), folder = pack_folder_inode(2);
	uint8_t value[18000];
	struct pack_summary s;

	pack_noise(1, value, sizeof(value));
	CHECK_EQ(pack_writer_add_directory(w, &root, 0, "", 0), 0);
	CHECK_EQ(pack_writer_add_xattr(w, "user.a", value, 1000), 0);
	CHECK_EQ(pack_writer_add_directory(w, &folder, 1, "f", 1), 0);
	CHECK_EQ(pack_writer_add_xattr(w, "user.b", value, 3000), 0);
	CHECK_EQ(pack_writer_add_xattr(w, "user.c", value, 18000), -EFBIG);
	CHECK(!pack_writer_has_directory(w, 2) && pack_writer_has_directory(w, 1));
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	p = pack_box_open(keys, fd);
	CHECK(!pack_find(p, 2) && pack_find(p, 1) && pack_find(p, 1)->n_xattrs == 1);
}

/* One read explains a pack, however many files are in it. */
static void test_reads(const struct pack_dictionary *d)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, d, 2 << 20);
	struct pack_memory m;
	struct pack_source source;
	struct pack_summary s;
	struct pack *p = NULL;
	unsigned n = fill_pack(w, 800, 0, false);

	CHECK(n > 1000);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK(s.table_stored < n * 60);
	m = pack_memory_load(fd);
	source = pack_memory_source(&m);
	CHECK_EQ(pack_open(keys, &source, &s.run, &p), 0);
	CHECK(m.reads <= 2);
	p = pack_close(p);
	m.reads = 0;
	CHECK_EQ(pack_open(keys, &source, NULL, &p), 0);
	CHECK(m.reads <= 3);
	m.reads = 0;
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	CHECK(m.reads <= 5);
	p = pack_close(p);
	free(m.bytes);
}

int main(void)
{
	struct pack_dictionary *d;

	keys = pack_keys(3);
	d = pack_train(600, 900, 16 << 10);
	test_refused();
	test_empty();
	test_write_error();
	test_full(PACK_FRAME_MAX, 0, true, 0, 96);
	test_full(100, 0, false, 1 << 20, 60);
	test_full(2000, 0, true, 1 << 20, 95);
	test_full(1, 64 << 10, true, 0, 48); /* the table's own limit */
	test_full(0, 0, true, 1 << 16, 20);
	test_continued();
	test_full_directory();
	test_reads(d);
	d = pack_dictionary_free(d);
	keys = keyring_free(keys);
	return check_result();
}
