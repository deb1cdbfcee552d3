/* SPDX-License-Identifier: MIT */
/* Requests that a kernel sends again, to the next server, or in another way than this one does. */
#include "catalog/replies.h"
#include "tests/unit/kernel_box.h"

/* ---- tests */

/* The server dies before the kernel has its answer: the request comes again and is not executed again. */
static void test_resent(void)
{
	const uint64_t again = FUSE_UNIQUE_RESEND_BIT;
	uint64_t folder, file, fh;

	CHECK_EQ(make_folder(10, "folder"), 0);
	folder = answer.entry.nodeid;
	restart();
	CHECK_EQ(make_folder(10 | again, "folder"), 0);
	CHECK_EQ(answer.entry.nodeid, folder);
	CHECK_EQ(make_folder(12, "folder"), -EEXIST);

	CHECK_EQ(create(14, "file"), 0);
	file = answer.entry.nodeid;
	fh = answer.open.fh;
	restart();
	CHECK_EQ(create(14 | again, "file"), 0);
	CHECK_EQ(answer.entry.nodeid, file);
	CHECK_EQ(answer.open.fh, fh);

	CHECK_EQ(write_at(16, file, fh, "old", 3), 0);
	CHECK_EQ(write_at(18, file, fh, "new!", 4), 0);
	restart();
	CHECK_EQ(write_at(16 | again, file, fh, "old", 3), 0);
	CHECK_EQ(answer.write.size, 3);
	CHECK_EQ(read_at(20, file, fh, 10), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), "new!", 4);
	CHECK_EQ(release(22, file, fh), 0);

	CHECK_EQ(rename_to(24, "file", "other"), 0);
	restart();
	CHECK_EQ(rename_to(24 | again, "file", "other"), 0);
	CHECK_EQ(ask_name(FUSE_RMDIR, 26, "folder"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 28, "other"), 0);
	restart();
	CHECK_EQ(ask_name(FUSE_RMDIR, 26 | again, "folder"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 28 | again, "other"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 30, "other"), -ENOENT);
}

/* Another file that is unlinked: when it has gone, whatever was to be freed before it has gone too. */
static void free_another(uint64_t unique)
{
	static const uint8_t data[SIZE];
	uint64_t ino, fh;

	CHECK_EQ(create(unique, "another"), 0);
	ino = answer.entry.nodeid;
	fh = answer.open.fh;
	CHECK_EQ(write_at(unique + 2, ino, fh, data, SIZE), 0);
	CHECK_EQ(release(unique + 4, ino, fh), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, unique + 6, "another"), 0);
	CHECK(vanishes(ino));
}

/* What is open can be read and written without a name, by the next server too, and goes when it is closed. */
static void test_unlinked(void)
{
	static uint8_t data[SIZE];
	uint64_t ino, fh;

	memset(data, 'u', sizeof(data));
	CHECK_EQ(create(100, "unlinked"), 0);
	ino = answer.entry.nodeid;
	fh = answer.open.fh;
	CHECK_EQ(write_at(102, ino, fh, data, SIZE), 0);
	CHECK_EQ(ask(FUSE_LOOKUP, 103, ino, NULL, 0, ".", 2), 0);
	CHECK_EQ(answer.entry.nodeid, ino);
	CHECK_EQ(ask_name(FUSE_UNLINK, 104, "unlinked"), 0);
	CHECK_EQ(ask(FUSE_LOOKUP, 105, ino, NULL, 0, ".", 2), 0);
	CHECK_EQ(answer.entry.nodeid, 0); /* ESTALE to whoever has its handle */
	free_another(110);
	CHECK_EQ(read_at(120, ino, fh, SIZE), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), data, SIZE);
	restart();
	free_another(130);
	CHECK_EQ(read_at(140, ino, fh, SIZE), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), data, SIZE);
	CHECK_EQ(write_at(142, ino, fh, "v", 1), 0);
	CHECK_EQ(release(144, ino, fh), 0);
	CHECK(vanishes(ino));
}

/* Two servers die while they execute it. */
static void kill_twice(uint64_t unique, uint32_t opcode)
{
	for (unsigned i = 0; i < 2; i++) {
		struct shared *table;

		CHECK_EQ(shared_map(handles_fd, true, &table), 0);
		CHECK_EQ(running_begin(table, unique, opcode), i);
		table = shared_unmap(table);
		restart();
		CHECK_EQ(ask_name(FUSE_LOOKUP, unique + 1000 + 2 * i, "nothing"), 0); /* it has taken over */
	}
}

/* A third one does not try; what had been executed it remembers all the same. */
static void test_lethal(void)
{
	CHECK_EQ(make_folder(196, "done"), 0);
	kill_twice(196, FUSE_MKDIR);
	CHECK_EQ(make_folder(196 | FUSE_UNIQUE_RESEND_BIT, "done"), 0);
	kill_twice(200, FUSE_MKDIR);
	CHECK_EQ(make_folder(200 | FUSE_UNIQUE_RESEND_BIT, "lethal"), -EIO);
	CHECK_EQ(make_folder(202, "lethal"), 0);
}

static void mark_running(uint64_t unique, bool running)
{
	struct shared *table;

	CHECK_EQ(shared_map(handles_fd, true, &table), 0);
	if (running)
		CHECK_EQ(running_begin(table, unique, FUSE_MKDIR), 0);
	else
		running_end(table, unique);
	table = shared_unmap(table);
}

/* Makes and removes folders, by `n` requests of each kind. */
static void make_others(uint64_t unique, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(make_folder(unique + 4 * i, "another"), 0);
		CHECK_EQ(ask_name(FUSE_RMDIR, unique + 4 * i + 2, "another"), 0);
	}
}

/* The reply of a request that was executed and could not be sent yet is remembered however many come after it: in
 * memory, over checkpoints, and in the log alone. */
static void test_many_others(void)
{
	const uint64_t again = FUSE_UNIQUE_RESEND_BIT;
	const struct { uint64_t unique; const char *name; } slow[] = { { 10000, "slow" }, { 10002, "slower" } };

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(make_folder(slow[i].unique, slow[i].name), 0);
		mark_running(slow[i].unique, true);
	}
	make_others(20000, REPLIES_KEPT / 2 + 100);
	restart();
	make_others(40000, 10);
	CHECK_EQ(make_folder(10000 | again, "slow"), 0);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	make_others(60000, REPLIES_KEPT / 2 + 100);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	restart();
	make_others(80000, 10);
	CHECK_EQ(make_folder(10002 | again, "slower"), 0);
	CHECK_EQ(make_folder(10002 | again, "slower"), 0); /* nobody asks twice, but nothing is lost by it */
	CHECK_EQ(make_folder(90000, "slower"), -EEXIST);
	CHECK_EQ(ask_name(FUSE_RMDIR, 90002, "slow"), 0);
	CHECK_EQ(ask_name(FUSE_RMDIR, 90004, "slower"), 0);
}

/* What is answered is forgotten after REPLIES_KEPT others: the store does not grow. */
static void test_answered(void)
{
	CHECK_EQ(make_folder(100000, "answered"), 0);
	mark_running(100000, true);
	mark_running(100000, false);
	make_others(110000, REPLIES_KEPT / 2 + 100);
	CHECK_EQ(make_folder(100000 | FUSE_UNIQUE_RESEND_BIT, "answered"), -EEXIST);
}

static bool is_time(const struct statx_time *t, const struct timespec *want)
{
	return t->sec == want->tv_sec && t->nsec == (uint32_t)want->tv_nsec;
}

static void test_statx(void)
{
	const struct statx_in in = { .sx_mask = STATX_ALL };
	const struct statx_out *out = &answer.statx;
	struct inode i;
	uint64_t ino;

	CHECK_EQ(create(300, "born"), 0);
	ino = answer.entry.nodeid;
	CHECK_EQ(release(302, ino, answer.open.fh), 0);
	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	CHECK_EQ(ask(FUSE_STATX_CODE, 304, ino, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(answer.head.len, sizeof(answer.head) + 288);
	CHECK_EQ(out->mask, STATX_BASIC_STATS | STATX_BTIME);
	CHECK_EQ(out->ino, ino);
	CHECK_EQ(out->mode, S_IFREG | 0644);
	CHECK_EQ(out->nlink, 1);
	CHECK(is_time(&out->btime, &i.btime) && is_time(&out->mtime, &i.mtime));
	CHECK(i.btime.tv_sec > 0);
	CHECK_EQ(ask(FUSE_STATX_CODE, 306, 12345, &in, sizeof(in), NULL, 0), -ENOENT);
	CHECK_EQ(answer.head.len, sizeof(answer.head));
	CHECK_EQ(ask(FUSE_STATX_CODE, 308, ino, &in, sizeof(in) - 1, NULL, 0), -EINVAL);
	CHECK_EQ(ask_name(FUSE_UNLINK, 310, "born"), 0);
}

/* An access ACL for a group more: setgid goes if the kernel says so. Also for a server that takes over. */
static void test_setxattr(uint64_t unique, bool longer)
{
	static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 6, 0, 255, 255, 255, 255,
				       8, 0, 6, 0, 7, 0, 0, 0, 16, 0, 6, 0, 255, 255, 255, 255,
				       32, 0, 0, 0, 255, 255, 255, 255 };
	struct fuse_mknod_in in = { .mode = S_IFREG | 02770 };
	struct inode i;
	uint64_t ino;

	CHECK_EQ(ask(FUSE_MKNOD, unique, ROOT_INO, &in, sizeof(in), "group", 6), 0);
	ino = answer.entry.nodeid;
	for (unsigned n = 2; n <= 4; n += 2) {
		CHECK_EQ(set_xattr(unique + n, ino, "user.x", "value", 5, 0, longer), 0);
		CHECK_EQ(get_xattr(unique + 10 + n, ino, "user.x"), 0);
		CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), "value", 5);
		CHECK_EQ(set_xattr(unique + 20 + n, ino, "system.posix_acl_access", acl, sizeof(acl), 0, longer), 0);
		CHECK_EQ(inode_get(box.c, ino, &i), 0);
		CHECK_EQ(i.mode, S_IFREG | 02660);
		restart();
	}
	if (longer) {
		CHECK_EQ(set_xattr(unique + 30, ino, "system.posix_acl_access", acl, sizeof(acl),
				   FUSE_SETXATTR_ACL_KILL_SGID, true), 0);
		CHECK_EQ(inode_get(box.c, ino, &i), 0);
		CHECK_EQ(i.mode, S_IFREG | 0660);
	}
	CHECK_EQ(ask_name(FUSE_UNLINK, unique + 32, "group"), 0);
}

/* What the server before agreed on with the kernel holds, whatever its successor would like. */
static void test_granted(void)
{
	struct shared *table;

	CHECK_EQ(shared_map(handles_fd, true, &table), 0);
	CHECK(table->header.granted & FUSE_HAS_RESEND_FLAG);
	table->header.granted &= ~(uint64_t)FUSE_SETXATTR_EXT;
	table = shared_unmap(table);
	restart();
	test_setxattr(600, false);
}

/* A program that would grant less than its predecessor cannot take over. */
static void test_granted_more(void)
{
	const uint64_t unknown = 1ull << 60;
	struct shared *table;

	CHECK_EQ(shared_map(handles_fd, true, &table), 0);
	end();
	table->header.granted |= unknown;
	start_only(true);
	CHECK_EQ(fs_run(fs), -EPROTO);
	fs = fs_free(fs);
	files_box_kill(&box);
	table->header.granted &= ~unknown;
	table = shared_unmap(table);
	start(true);
	CHECK_EQ(make_folder(700, "granted"), 0);
}

int main(void)
{
	files_box_make(&box);
	mount_it(FUSE_SETXATTR_EXT);
	test_lethal();
	test_resent();
	test_many_others();
	test_answered();
	test_unlinked();
	test_statx();
	test_setxattr(400, true);
	test_granted();
	test_granted_more();
	unmount_it();
	mount_it(0);
	test_setxattr(500, false);
	unmount_it();
	files_box_free(&box);
	return check_result();
}
