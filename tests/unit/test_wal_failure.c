/* SPDX-License-Identifier: MIT */
/* Disks that fail, fill up, alter the log's end, or hold files with holes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/fakes/walbox.h"
#include "tests/unit/broken_fds.h"
#include "tests/unit/check.h"

static void test_failing_disk(void)
{
	struct walbox b;

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	CHECK_EQ(wal_sync(b.wal, 5), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	CHECK(break_descriptors(b.temp.path, "segment-") > 0);
	CHECK_EQ(wal_sync(b.wal, 20), -EIO);
	CHECK_EQ(wal_sync(b.wal, 20), -EIO);
	CHECK_EQ(wal_sync(b.wal, 5), -EIO);
	CHECK_EQ(walbox_append(&b), -EIO);
	CHECK_EQ(wal_anchor(b.wal, b.txn), -EIO);
	CHECK_EQ(wal_synced_lsn(b.wal), 10);
	walbox_kill(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(b.report.last_lsn, 20);
	walbox_done(&b);
}

struct data {
	uint64_t asked;
	unsigned calls;
	int answer;
};

static int sync_data(void *context, uint64_t lsn)
{
	struct data *d = context;

	d->asked = lsn;
	d->calls++;
	return d->answer;
}

static void test_failing_data(void)
{
	struct data data = { 0 };
	struct walbox b;

	walbox_init(&b);
	b.config.sync_data = sync_data;
	b.config.sync_data_context = &data;
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	CHECK_EQ(wal_sync(b.wal, 7), 0);
	CHECK_EQ(data.asked, 10);
	CHECK_EQ(wal_sync(b.wal, 10), 0);
	CHECK_EQ(data.calls, 1);
	CHECK_EQ(walbox_append(&b), 11);
	data.answer = -ENOSPC;
	CHECK_EQ(wal_sync(b.wal, 11), -EIO);
	data.answer = 0;
	CHECK_EQ(wal_sync(b.wal, 11), -EIO);
	CHECK_EQ(data.calls, 2);
	CHECK_EQ(walbox_append(&b), -EIO);
	walbox_done(&b);
}

/* A mapped page that is not there any more raises SIGBUS; the log answers instead. */
static void test_vanished_pages(void)
{
	struct walbox b;
	char names[16][32];

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append(&b), 1);
	for (size_t i = walbox_segments(&b, names, 16); i-- > 0;) {
		int fd = walbox_file(&b, names[i]);

		CHECK_EQ(ftruncate(fd, 0), 0);
		(void) close(fd);
	}
	CHECK_EQ(walbox_append(&b), -EIO);
	CHECK_EQ(walbox_append(&b), -EIO);
	CHECK_EQ(wal_sync(b.wal, 1), -EIO);
	walbox_done(&b);
}

/* Writes the file anew, leaving out pages of zeros. */
static bool make_sparse(const struct walbox *b, const char *name)
{
	struct buf bytes = BUF_INIT;
	static const char zeros[4096];
	int fd = walbox_file(b, name);
	bool sparse;

	CHECK_EQ(io_read_file_at(b->temp.dirfd, name, 1u << 30, &bytes), 0);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(ftruncate(fd, (off_t)bytes.len), 0);
	for (size_t at = 0; at < bytes.len; at += 4096)
		if (memcmp(bytes.data + at, zeros, 4096) != 0)
			CHECK_EQ(io_pwrite(fd, bytes.data + at, 4096, at), 0);
	sparse = lseek(fd, 0, SEEK_HOLE) < (off_t)bytes.len;
	(void) close(fd);
	buf_done(&bytes);
	return sparse;
}

static void test_sparse_copy(void)
{
	struct walbox b;
	char names[16][32];
	unsigned sparse = 0;

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 50), 0);
	walbox_kill(&b);
	for (size_t i = walbox_segments(&b, names, 16); i-- > 0;)
		sparse += make_sparse(&b, names[i]);
	CHECK(sparse > 0);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(b.count, 50);
	for (size_t i = walbox_segments(&b, names, 16); i-- > 0;) {
		int fd = walbox_file(&b, names[i]);

		CHECK_EQ(lseek(fd, 0, SEEK_HOLE), (off_t)b.config.segment_size);
		(void) close(fd);
	}
	walbox_done(&b);
}

/* Flips a bit of the last byte that is not zero, which is of the last record's tag. */
static bool alter_end(const struct walbox *b, const char *name)
{
	struct buf bytes = BUF_INIT;
	size_t at;

	CHECK_EQ(io_read_file_at(b->temp.dirfd, name, 1u << 30, &bytes), 0);
	for (at = bytes.len; at > 4096 && bytes.data[at - 1] == 0; at--)
		;
	if (at > 4096) {
		int fd = walbox_file(b, name);
		uint8_t other = bytes.data[at - 1] ^ 4;

		CHECK_EQ(io_pwrite(fd, &other, 1, at - 1), 0);
		(void) close(fd);
	}
	buf_done(&bytes);
	return at > 4096;
}

/* Nothing says that the last record was durable, so the log ends before it. */
static void test_altered_end(void)
{
	struct walbox b;
	char names[16][32];
	unsigned altered = 0;

	walbox_init(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(walbox_append_many(&b, 10), 0);
	walbox_kill(&b);
	for (size_t i = walbox_segments(&b, names, 16); i-- > 0;)
		altered += alter_end(&b, names[i]);
	CHECK_EQ(altered, 1);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK(!b.wrong && b.report.cut);
	CHECK_EQ(b.count, 9);
	walbox_done(&b);
}

static bool mount_small(const struct walbox *b)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", b->temp.path, "tmpfs", 0, "size=1m") == 0;
}

static void fill_disk(const struct walbox *b, size_t leave)
{
	char zeros[4096] = { 0 };
	int fd = openat(b->temp.dirfd, "ballast", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	off_t size;

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	size = lseek(fd, 0, SEEK_END);
	CHECK_EQ(ftruncate(fd, size - (off_t)leave), 0);
	(void) close(fd);
}

static void test_full_disk(void)
{
	struct walbox b;
	char names[16][32];
	int64_t r;

	walbox_init(&b);
	if (!mount_small(&b)) {
		printf("not tested: a full disk (may not mount)\n");
		walbox_done(&b);
		return;
	}
	(void) close(b.temp.dirfd);
	b.temp.dirfd = open(b.temp.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fill_disk(&b, 8192);
	CHECK_EQ(walbox_open(&b), -ENOSPC);
	CHECK_EQ(walbox_segments(&b, names, 16), 0);
	CHECK_EQ(unlinkat(b.temp.dirfd, "ballast", 0), 0);
	CHECK_EQ(walbox_open(&b), 0);
	fill_disk(&b, 0);
	while ((r = walbox_append(&b)) > 0)
		;
	CHECK_EQ(r, -ENOSPC);
	r = (int64_t)wal_last_lsn(b.wal);
	CHECK_EQ(wal_sync(b.wal, (uint64_t)r), 0);
	walbox_checkpoint(&b, (uint64_t)r);
	wal_release(b.wal, (uint64_t)r);
	CHECK_EQ(walbox_append(&b), r + 1);
	walbox_kill(&b);
	CHECK_EQ(walbox_open(&b), 0);
	CHECK_EQ(b.report.last_lsn, r + 1);
	CHECK(!b.wrong);
	walbox_kill(&b);
	CHECK_EQ(unlinkat(b.temp.dirfd, "ballast", 0), 0);
	(void) close(b.temp.dirfd);
	CHECK_EQ(umount2(b.temp.path, MNT_DETACH), 0);
	(void) rmdir(b.temp.path);
}

int main(void)
{
	test_failing_disk();
	test_failing_data();
	test_vanished_pages();
	test_sparse_copy();
	test_altered_end();
	test_full_disk();
	return check_result();
}
