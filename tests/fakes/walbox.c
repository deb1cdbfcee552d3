/* SPDX-License-Identifier: MIT */
#include "tests/fakes/walbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "tests/fakes/sealer.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

void walbox_init(struct walbox *b)
{
	*b = (struct walbox){ .config = { .sealer = fake_sealer(), .segment_size = 64u << 10 } };
	temp_folder_make(&b->temp);
}

void walbox_done(struct walbox *b)
{
	b->wal = wal_close(b->wal);
	temp_folder_remove(&b->temp);
}

size_t walbox_bytes(uint64_t lsn, uint8_t *ret)
{
	uint64_t h = hash_mix64(lsn);
	size_t len = h % 300;

	if (lsn % 7 == 0) {
		len = lsn % 2 == 0 ? 1024 + h % 3000 : 16384 + h % 3000; /* the long ones are compressed */
		memset(ret, 'a' + (int)(lsn % 26), len);
		return len;
	}
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(hash_mix64(h + i / 8) >> (i % 8 * 8));
	return len;
}

static int on_record(void *context, uint64_t lsn, bool synced, const void *data, size_t len)
{
	static uint8_t want[WAL_RECORD_MAX];
	struct walbox *b = context;
	size_t want_len = walbox_bytes(lsn, want);

	if (b->cut_before && lsn >= b->cut_before)
		return 1;
	if (len != want_len || memcmp(data, want, len) != 0 || (b->count > 0 && lsn != b->last + 1))
		b->wrong = true;
	if (b->count++ == 0)
		b->first = lsn;
	b->last = lsn;
	b->synced_count += synced;
	return 0;
}

int walbox_open(struct walbox *b)
{
	struct wal_replay replay = { .context = b, .record = on_record };

	b->first = b->last = b->count = b->synced_count = 0;
	b->wrong = false;
	return wal_open(b->temp.dirfd, &b->config, &b->from, b->txn, &replay, &b->report, &b->wal);
}

void walbox_kill(struct walbox *b)
{
	b->wal = wal_close(b->wal);
}

void walbox_checkpoint(struct walbox *b, uint64_t lsn)
{
	b->from = (struct wal_position){ wal_incarnation(b->wal), lsn };
	b->txn++;
}

int walbox_stop(struct walbox *b)
{
	uint64_t last = wal_last_lsn(b->wal);
	int r;

	if (b->from.lsn != last)
		walbox_checkpoint(b, last);
	wal_release(b->wal, last);
	r = wal_anchor(b->wal, b->txn);
	b->wal = wal_close(b->wal);
	return r;
}

int64_t walbox_append(struct walbox *b)
{
	static uint8_t bytes[WAL_RECORD_MAX];
	uint64_t lsn = wal_last_lsn(b->wal) + 1, got = 0;
	size_t len = walbox_bytes(lsn, bytes), half = len / 2;
	struct iovec pieces[] = { { bytes, half }, { bytes + half, len - half } };
	int r = wal_append(b->wal, pieces, 2, &got);

	if (r < 0)
		return r;
	return got == lsn ? (int64_t)lsn : -EPROTO;
}

int walbox_append_many(struct walbox *b, unsigned n)
{
	while (n-- > 0) {
		int64_t r = walbox_append(b);

		if (r < 0)
			return (int)r;
	}
	return 0;
}

static void copy_file(int from, int to, const char *name)
{
	struct buf bytes = BUF_INIT;
	int fd = openat(to, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && io_read_file_at(from, name, 1u << 30, &bytes) == 0, name);
	must(io_pwrite(fd, bytes.data, bytes.len, 0) == 0, name);
	(void) close(fd);
	buf_done(&bytes);
}

void walbox_clone(const struct walbox *b, struct walbox *ret_copy)
{
	DIR *dir = opendir(b->temp.path);
	const struct dirent *e;

	*ret_copy = *b;
	ret_copy->wal = NULL;
	temp_folder_make(&ret_copy->temp);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			copy_file(b->temp.dirfd, ret_copy->temp.dirfd, e->d_name);
	if (dir)
		(void) closedir(dir);
}

void walbox_copy_file(const struct walbox *from, const struct walbox *to, const char *name)
{
	copy_file(from->temp.dirfd, to->temp.dirfd, name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t walbox_segments(const struct walbox *b, char ret_names[][32], size_t max)
{
	DIR *dir = opendir(b->temp.path);
	const struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "segment-", 8) != 0)
			continue;
		must(n < max, "room for segments");
		(void) snprintf(ret_names[n++], 32, "%.31s", e->d_name);
	}
	if (dir)
		(void) closedir(dir);
	qsort(ret_names, n, sizeof(ret_names[0]), by_name);
	return n;
}

int walbox_file(const struct walbox *b, const char *name)
{
	int fd = openat(b->temp.dirfd, name, O_RDWR | O_CLOEXEC);

	must(fd >= 0, name);
	return fd;
}
