/* SPDX-License-Identifier: MIT */
/* A full disk, on a tmpfs of 40 MiB: ordinary writes stop before anything is touched, what was written
 * stays readable, unlink and truncation give room again. Needs root to mount; and what the rules about
 * privileges and sizes are. */
#include <linux/falloc.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "files_box.h"
#include "tiers/clean.h"

#define CHUNK (256u << 10)

static uint8_t chunk[CHUNK];

static uint64_t fill_until_full(struct files_box *b, uint64_t ino, unsigned len)
{
	struct tree_request rq = { 0 };
	struct files_stats stats;
	uint64_t at = 0;
	ssize_t n;

	while ((n = file_write(b->f, &rq, ino, at, chunk, len, false, false)) == (ssize_t)len)
		at += len;
	CHECK_EQ(n, -ENOSPC);
	files_get_stats(b->f, &stats);
	CHECK(stats.free_bytes < 4 << 20);
	return at;
}

static void check_full(struct files_box *b, uint64_t ino, uint64_t size)
{
	static uint8_t got[CHUNK];
	struct inode i;

	CHECK_EQ(inode_get(b->c, ino, &i), 0);
	CHECK_EQ(i.size, size);
	for (uint64_t at = 0; at < size; at += CHUNK) {
		CHECK_EQ(file_read(b->f, ino, at, got, CHUNK, false), (int64_t)MIN(size - at, (uint64_t)CHUNK));
		CHECK(memcmp(got, chunk, MIN(size - at, (uint64_t)CHUNK)) == 0);
	}
}

static void test_full(const char *folder)
{
	struct tree_request rq = { 0 };
	struct files_box b;
	struct inode i;
	uint64_t ino, size;

	files_box_make_in(&b, folder, CIPHER_AES256GCM);
	b.config.reserve_bytes = 4 << 20;
	b.catalog.wal.segment_size = 1 << 20;
	b.catalog.wal.segments_max = 6;
	CHECK_EQ(files_box_open(&b), 0);
	CHECK_EQ(catalog_start(b.c), 0);
	ino = files_box_new_file(&b);
	size = fill_until_full(&b, ino, CHUNK);
	CHECK(size > 8 << 20);
	check_full(&b, ino, size);
	CHECK_EQ(file_allocate(b.f, &rq, ino, 0, size, 64 << 20, false), -ENOSPC);
	CHECK_EQ(file_allocate(b.f, &rq, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, CHUNK, false), 0);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(file_truncate(b.f, &rq, ino, CHUNK, false, &i), 0);
	CHECK_EQ(i.size, CHUNK);
	CHECK(clean_once(b.f) > 0);
	(void) usleep(150000);
	CHECK_EQ(file_write(b.f, &rq, ino, 0, chunk, CHUNK, false, false), CHUNK);
	check_full(&b, ino, CHUNK);
	files_box_verify(&b);
	CHECK_EQ(files_box_stop(&b), 0);
	CHECK_EQ(files_box_open(&b), 0);
	check_full(&b, ino, CHUNK);
	files_box_free(&b);
}

/* Small writes fill the disk by way of the log and the folds. */
static void test_full_of_small(const char *folder)
{
	struct tree_request rq = { 0 };
	struct files_box b;
	struct inode i;
	uint64_t ino, size;

	files_box_make_in(&b, folder, CIPHER_AES256GCM);
	b.config.reserve_bytes = 4 << 20;
	b.catalog.wal.segment_size = 1 << 20;
	b.catalog.wal.segments_max = 6;
	b.catalog.checkpoint_ms = 50;
	CHECK_EQ(files_box_open(&b), 0);
	CHECK_EQ(catalog_start(b.c), 0);
	ino = files_box_new_file(&b);
	size = fill_until_full(&b, ino, 16384);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK_EQ(file_sync(b.f, catalog_last_lsn(b.c)), 0);
	check_full(&b, ino, size);
	CHECK_EQ(file_truncate(b.f, &rq, ino, 0, false, &i), 0);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	CHECK(clean_once(b.f) > 0);
	CHECK_EQ(files_box_stop(&b), 0);
	CHECK_EQ(files_box_open(&b), 0);
	files_box_verify(&b);
	files_box_free(&b);
}

static void test_rules(void)
{
	struct tree_request rq = { .reply = { .mount = { { 1 } }, .unique = 77 } };
	struct reply_record reply;
	struct files_box b;
	struct inode i;
	uint64_t ino;

	files_box_make(&b);
	CHECK_EQ(files_box_open(&b), 0);
	ino = files_box_new_file(&b);
	CHECK_EQ(tree_setattr(b.c, &(struct tree_request){ 0 }, ino, &(struct stat){ .st_mode = 06755 }, TREE_SET_MODE,
			      &i), 0);
	CHECK_EQ(file_write(b.f, &rq, ino, 0, "abc", 3, false, false), 3);
	CHECK_EQ(inode_get(b.c, ino, &i), 0);
	CHECK_EQ(i.mode & 07777, 06755);
	CHECK_EQ(catalog_find_reply(b.c, rq.reply.mount, 77, &reply), 0);
	CHECK(reply.size == 3 && reply.status == 0);
	CHECK_EQ(file_write(b.f, &(struct tree_request){ 0 }, ino, 0, "abc", 3, true, false), 3);
	CHECK_EQ(inode_get(b.c, ino, &i), 0);
	CHECK_EQ(i.mode & 07777, 0755);
	CHECK(i.content_lsn > 0 && i.bytes == 3 && i.flags & INODE_QUEUED);
	CHECK_EQ(file_write(b.f, &rq, ino, INT64_MAX, "abc", 3, false, false), -EFBIG);
	CHECK_EQ(file_write(b.f, &rq, ino, INT64_MAX - 3, "abc", 3, false, false), 3);
	CHECK_EQ(file_write(b.f, &rq, ino, 0, "abc", 3, false, true), -EFBIG);
	CHECK_EQ(file_truncate(b.f, &rq, ino, (uint64_t)INT64_MAX + 1, false, &i), -EFBIG);
	CHECK_EQ(file_truncate(b.f, &rq, ino, INT64_MAX, false, &i), 0);
	CHECK_EQ(i.bytes, 6);
	CHECK_EQ(file_write(b.f, &rq, ROOT_INO, 0, "abc", 3, false, false), -EISDIR);
	CHECK_EQ(file_write(b.f, &rq, 99999, 0, "abc", 3, false, false), -ENOENT);
	CHECK_EQ(file_allocate(b.f, &rq, ino, FALLOC_FL_COLLAPSE_RANGE, 0, 4096, false), -EOPNOTSUPP);
	CHECK_EQ(file_reclaim(b.f, ino), -EBUSY);
	files_box_verify(&b);
	files_box_free(&b);
}

static uint32_t mode_after_write(struct files_box *b, uint64_t ino, mode_t mode, bool in_group)
{
	struct tree_request rq = { .in_group = in_group };
	struct inode i;
	uint64_t lsn;

	CHECK_EQ(tree_setattr(b->c, &rq, ino, &(struct stat){ .st_mode = mode }, TREE_SET_MODE, &i), 0);
	CHECK_EQ(tree_setxattr(b->c, &rq, ino, "security.capability", "capable", 7, 0), 0);
	lsn = catalog_last_lsn(b->c);
	CHECK_EQ(file_write(b->f, &rq, ino, 0, "abc", 3, true, false), 3);
	CHECK_EQ(catalog_last_lsn(b->c), lsn + 1);
	CHECK_EQ(tree_getxattr(b->c, ino, "security.capability", &(struct buf){ 0 }), -ENODATA);
	CHECK_EQ(inode_get(b->c, ino, &i), 0);
	CHECK_EQ(rq.killed, (i.mode & 07777) != mode);
	return i.mode & 07777;
}

/* Bytes and what they take away are one batch: no crash leaves a stranger's bytes in a file that runs as its owner. */
static void test_privileges(void)
{
	struct files_box b;
	uint64_t ino;

	files_box_make(&b);
	CHECK_EQ(files_box_open(&b), 0);
	ino = files_box_new_file(&b);
	CHECK_EQ(mode_after_write(&b, ino, 06775, false), 0775);
	CHECK_EQ(mode_after_write(&b, ino, 06775, true), 0775);
	CHECK_EQ(mode_after_write(&b, ino, 02766, false), 0766);
	CHECK_EQ(mode_after_write(&b, ino, 06766, true), 02766);
	CHECK_EQ(mode_after_write(&b, ino, 0644, false), 0644);
	files_box_verify(&b);
	files_box_free(&b);
}

/* What a file without xattrs leaves goes in one batch: bytes, inode and the mark that they are to go. */
static void test_reclaim(void)
{
	struct files_box b;
	struct inode i;
	uint64_t ino, lsn;

	files_box_make(&b);
	CHECK_EQ(files_box_open(&b), 0);
	ino = files_box_new_file(&b);
	CHECK_EQ(file_write(b.f, NULL, ino, 0, "abc", 3, false, false), 3);
	CHECK_EQ(tree_unlink(b.c, &(struct tree_request){ 0 }, ROOT_INO, "file0", NULL, NULL, &i), 0);
	CHECK_EQ(i.ino, ino);
	lsn = catalog_last_lsn(b.c);
	CHECK_EQ(file_reclaim(b.f, ino), 0);
	CHECK_EQ(catalog_last_lsn(b.c), lsn + 1);
	CHECK_EQ(inode_get(b.c, ino, &i), -ENOENT);
	CHECK_EQ(file_reclaim(b.f, ino), 0);
	CHECK_EQ(catalog_last_lsn(b.c), lsn + 1);
	files_box_verify(&b);
	files_box_free(&b);
}

int main(void)
{
	struct temp_folder temp;

	memset(chunk, 0x3c, sizeof(chunk));
	test_rules();
	test_privileges();
	test_reclaim();
	temp_folder_make(&temp);
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", temp.path, "tmpfs", 0, "size=40m") == 0) {
		test_full(temp.path);
		test_full_of_small(temp.path);
		(void) umount(temp.path);
	} else {
		fprintf(stderr, "cannot mount a tmpfs: the full disk is not tested\n");
	}
	temp_folder_remove(&temp);
	return check_result();
}
