/* SPDX-License-Identifier: MIT */
/* The namespace, one rule of POSIX after the other: making, removing and changing, and what is told of it. */
#include "tests/unit/tree_hands.h"

/* ---- making and removing */

static void test_root(void)
{
	CHECK_EQ(tree_make_root(c, 5, 5, 0700), 0); /* there is one */
	CHECK_EQ(inode(ROOT_INO).uid, 0);
}

static void test_make(void)
{
	uint64_t dir = directory(ROOT_INO, "make"), ino;
	struct inode i;
	char name[300];

	ino = file(dir, "f");
	i = inode(ino);
	CHECK_EQ(i.mode, S_IFREG | 0644);
	CHECK_EQ(i.uid, 1000);
	CHECK_EQ(i.gid, 100);
	CHECK_EQ(i.nlink, 1);
	CHECK_EQ(i.parent, dir);
	CHECK(i.btime.tv_sec > 0 && i.btime.tv_sec == i.mtime.tv_sec);
	CHECK_EQ(lookup(dir, "f"), ino);
	CHECK_EQ(make(dir, "f", S_IFREG | 0644, NULL), -EEXIST);
	CHECK_EQ(make(dir, "f", S_IFDIR | 0644, NULL), -EEXIST);
	CHECK_EQ(make(ino, "x", S_IFREG | 0644, NULL), -ENOTDIR);
	CHECK_EQ(make(1 << 30, "x", S_IFREG | 0644, NULL), -ENOENT);
	CHECK_EQ(make(dir, "", S_IFREG | 0644, NULL), -EINVAL);
	CHECK_EQ(make(dir, "..", S_IFREG | 0644, NULL), -EINVAL);
	CHECK_EQ(make(dir, "a/b", S_IFREG | 0644, NULL), -EINVAL);
	CHECK_EQ(make(dir, "x", 0644, NULL), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	CHECK_EQ(make(dir, name, S_IFREG | 0644, NULL), -ENAMETOOLONG);
	CHECK_EQ(lookup(dir, name), -ENAMETOOLONG);
	name[255] = 0;
	ino = file(dir, name);
	CHECK_EQ(lookup(dir, name), ino);
	CHECK_EQ(lookup(dir, "none"), -ENOENT);
	CHECK_EQ(lookup(ino, "none"), -ENOTDIR);
	CHECK_EQ(lookup(1 << 30, "none"), -ENOENT);
}

static void test_directories(void)
{
	uint64_t dir = directory(ROOT_INO, "dirs"), sub;

	CHECK_EQ(inode(dir).nlink, 2);
	sub = directory(dir, "sub");
	CHECK_EQ(inode(dir).nlink, 3);
	CHECK_EQ(inode(sub).parent, dir);
	file(sub, "f");
	CHECK_EQ(rmdir_name(dir, "sub"), -ENOTEMPTY);
	CHECK_EQ(rmdir_name(sub, "f"), -ENOTDIR);
	CHECK_EQ(unlink_name(dir, "sub"), -EISDIR);
	CHECK_EQ(unlink_name(sub, "f"), 0);
	CHECK_EQ(unlink_name(sub, "f"), -ENOENT);
	CHECK_EQ(rmdir_name(dir, "sub"), 0);
	CHECK_EQ(rmdir_name(dir, "sub"), -ENOENT);
	CHECK_EQ(inode(dir).nlink, 2);
	CHECK_EQ(make(sub, "f", S_IFREG | 0644, NULL), -ENOENT);
	CHECK_EQ(link_to(dir, dir, "hard"), -EPERM);
}

static void test_setgid(void)
{
	uint64_t dir = directory(ROOT_INO, "setgid");
	struct tree_request rq = request();
	struct stat st = { .st_mode = 02775, .st_gid = 555 };
	struct inode i;

	CHECK_EQ(tree_setattr(c, &rq, dir, &st, TREE_SET_MODE | TREE_SET_GID, &i), 0);
	CHECK_EQ(i.mode, S_IFDIR | 02775);
	i = inode(file(dir, "f"));
	CHECK_EQ(i.gid, 555);
	CHECK_EQ(i.mode, S_IFREG | 0644);
	i = inode(directory(dir, "d"));
	CHECK_EQ(i.gid, 555);
	CHECK_EQ(i.mode, S_IFDIR | 02755);
	i = inode(made(dir, "g", S_IFREG | 02755));
	CHECK_EQ(i.mode, S_IFREG | 02755);
}

static void test_times(void)
{
	uint64_t dir = directory(ROOT_INO, "times");
	struct timespec before = inode(dir).mtime, after;
	struct tree_request rq = request();
	struct stat st = { .st_atim = { 5, 6 }, .st_mtim = { -7, 8 }, .st_ctim = { 0, 1000000000 } };
	struct inode i;
	uint64_t ino;

	ino = file(dir, "f");
	after = inode(dir).mtime;
	CHECK(after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_ATIME | TREE_SET_MTIME, &i), 0);
	CHECK_EQ(i.atime.tv_sec, 5);
	CHECK_EQ(i.mtime.tv_sec, -7);
	CHECK_EQ(i.mtime.tv_nsec, 8);
	CHECK(i.ctime.tv_sec > 1000);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_CTIME, &i), -EINVAL);
	CHECK_EQ(tree_setattr(c, &rq, 1 << 30, &st, TREE_SET_MODE, &i), -ENOENT);
}

/* A use moves atime or, where that is not to show it, used_s; once a day, and never ctime. */
static void test_uses(void)
{
	const struct timespec day = { 1000000 + 86400, 5 };
	uint64_t ino = file(ROOT_INO, "used");
	struct stat st = { .st_atim = { 1000000, 1 } };
	struct tree_request rq = request();
	struct inode was, i;

	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_ATIME, &was), 0);
	CHECK_EQ(tree_note_use(c, ino, (struct timespec){ day.tv_sec - 1, 0 }, 86400, true, &i), 0);
	CHECK_EQ(tree_note_use(c, ino, day, 86400, true, &i), 1);
	CHECK_EQ(inode(ino).used_s, (uint64_t)day.tv_sec);
	CHECK_EQ(i.atime.tv_sec, 1000000);
	CHECK_EQ(inode_last_use_s(&i), day.tv_sec);
	CHECK(i.ctime.tv_sec == was.ctime.tv_sec && i.ctime.tv_nsec == was.ctime.tv_nsec);
	CHECK_EQ(tree_note_use(c, ino, day, 86400, true, &i), 0);
	CHECK_EQ(tree_note_use(c, ino, day, 86400, false, &i), 0);
	CHECK_EQ(tree_note_use(c, ino, (struct timespec){ day.tv_sec + 86400, 7 }, 86400, false, &i), 1);
	CHECK_EQ(i.atime.tv_sec, day.tv_sec + 86400);
	CHECK_EQ(i.used_s, 0);
	/* What a program says takes the place of both, also when that is earlier. */
	CHECK_EQ(tree_note_use(c, ino, (struct timespec){ day.tv_sec + 200000, 0 }, 86400, true, &i), 1);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_ATIME, &i), 0);
	CHECK_EQ(inode_last_use_s(&i), 1000000);
	st.st_atim.tv_sec = INT64_MIN;
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_ATIME, &i), 0);
	CHECK_EQ(tree_note_use(c, ino, day, 86400, true, &i), 1);
	CHECK_EQ(tree_note_use(c, 1 << 30, day, 86400, true, &i), -ENOENT);
}

static void test_privileges(void)
{
	uint64_t ino = made(ROOT_INO, "suid", S_IFREG | 06755);
	struct tree_request rq = request();
	struct stat st = { .st_uid = 1, .st_gid = 2, .st_mode = 06644 };
	struct inode i;

	CHECK_EQ(tree_setxattr(c, &rq, ino, "security.capability", "x", 1, 0), 0);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_UID, &i), 0);
	CHECK_EQ(i.mode, S_IFREG | 0755);
	CHECK_EQ(i.uid, 1);
	CHECK_EQ(i.sets[SET_XATTRS].count, 0);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_MODE, &i), 0);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_KILL_SUIDGID, &i), 0);
	CHECK_EQ(i.mode, S_IFREG | 02644); /* the group may not execute: that bit means locking */
}

static void test_special(void)
{
	struct tree_request rq = request();
	struct tree_make m = { .mode = S_IFCHR | 0600, .rdev = 0x501 };
	_cleanup_buf_ struct buf target = BUF_INIT;
	char longest[4200];
	struct inode i;
	struct stat st;

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "null", &m, &i), 0);
	inode_stat(&i, &st);
	CHECK_EQ(st.st_rdev, 0x501);
	memset(longest, 't', sizeof(longest));
	longest[4096] = 0;
	m = (struct tree_make){ .mode = S_IFLNK | 0777, .target = longest };
	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "s", &m, &i), -ENAMETOOLONG);
	longest[4095] = 0;
	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "s", &m, &i), 0);
	CHECK_EQ(i.size, 4095);
	CHECK_EQ(tree_readlink(c, i.ino, &target), 0);
	CHECK_MEM(target.data, target.len, longest, 4095);
	CHECK_EQ(tree_readlink(c, ROOT_INO, &target), -EINVAL);
	buf_reset(&target);
	CHECK_EQ(tree_listxattr(c, i.ino, &target), 0);
	CHECK_EQ(target.len, 0);
	m.target = "";
	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "empty", &m, &i), -ENOENT);
}

/* ---- replies, events, failures */

static struct catalog_event seen_events[16];
static size_t seen_count;

static void committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	seen_count = MIN(n, ARRAY_SIZE(seen_events));
	memcpy(seen_events, events, seen_count * sizeof(*events));
}

static uint32_t seen(uint64_t ino)
{
	for (size_t n = 0; n < seen_count; n++)
		if (seen_events[n].ino == ino)
			return seen_events[n].what;
	return 0;
}

static void test_replies(void)
{
	struct catalog_config callbacks = { .committed = committed };
	struct tree_request rq = request();
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct reply_record reply;
	struct inode i;

	catalog_set_callbacks(c, &callbacks);
	rq.reply = (struct reply_record){ .mount = { { 9 } }, .unique = 77, .opcode = 35 };
	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "reply", &m, &i), 0);
	CHECK_EQ(rq.lsn, catalog_last_lsn(c));
	CHECK_EQ(i.content_lsn, rq.lsn);
	CHECK_EQ(catalog_find_reply(c, rq.reply.mount, 77, &reply), 0);
	CHECK_EQ(reply.ino, i.ino);
	CHECK_EQ(reply.status, 0);
	CHECK_EQ(reply.opcode, 35);
	CHECK_EQ(catalog_find_reply(c, rq.reply.mount, 78, &reply), -ENOENT);
	CHECK_EQ(seen(i.ino), EVENT_NAME | EVENT_QUEUE);
	CHECK_EQ(link_to(i.ino, ROOT_INO, "reply2"), 0);
	CHECK_EQ(seen(i.ino), EVENT_NAME);
	CHECK_EQ(unlink_name(ROOT_INO, "reply"), 0);
	CHECK_EQ(seen(i.ino), EVENT_NAME);
	CHECK_EQ(unlink_name(ROOT_INO, "reply2"), 0);
	CHECK_EQ(seen(i.ino), EVENT_GONE);
	catalog_set_callbacks(c, &(struct catalog_config){ 0 });

#ifndef TREE_ON_STORE
	mem_catalog_fail(c, -EROFS);
	CHECK_EQ(make(ROOT_INO, "ro", S_IFREG | 0644, NULL), -EROFS);
	CHECK_EQ(rename_to(ROOT_INO, "nodir", ROOT_INO, "ro"), -EROFS);
	CHECK_EQ(lookup(ROOT_INO, "ro"), -ENOENT);
	mem_catalog_fail(c, 0);
#endif
}

static void test_all(void)
{
	test_root();
	test_make();
	test_directories();
	test_setgid();
	test_times();
	test_uses();
	test_privileges();
	test_special();
	test_replies();
}

int main(void)
{
	return tree_hands_run(test_all);
}
