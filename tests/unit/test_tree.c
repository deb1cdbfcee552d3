/* SPDX-License-Identifier: MIT */
/* The namespace: the rules of POSIX one by one, and random operations against a model in arrays. All of
 * it with the real name hash, and with one of 4 bits, where every record holds several names. */
#include "catalog/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

static struct catalog *c;

/* ---- short hands */

static struct tree_request request(void)
{
	return (struct tree_request){ .uid = 1000, .gid = 100 };
}

static int make(uint64_t dir, const char *name, mode_t mode, uint64_t *ret_ino)
{
	struct tree_request rq = request();
	struct tree_make m = { .mode = mode, .target = S_ISLNK(mode) ? "target" : NULL };
	struct inode i = { 0 };
	int r = tree_make(c, &rq, dir, name, &m, &i);

	if (ret_ino)
		*ret_ino = i.ino;
	return r;
}

static uint64_t made(uint64_t dir, const char *name, mode_t mode)
{
	uint64_t ino;

	CHECK_EQ(make(dir, name, mode, &ino), 0);
	return ino;
}

static uint64_t file(uint64_t dir, const char *name)
{
	return made(dir, name, S_IFREG | 0644);
}

static uint64_t directory(uint64_t dir, const char *name)
{
	return made(dir, name, S_IFDIR | 0755);
}

static int link_to(uint64_t ino, uint64_t dir, const char *name)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_link(c, &rq, ino, dir, name, &i);
}

static int unlink_open(uint64_t dir, const char *name, bool open)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_unlink(c, &rq, dir, name, open, &i);
}

static int unlink_name(uint64_t dir, const char *name)
{
	return unlink_open(dir, name, false);
}

static int rmdir_name(uint64_t dir, const char *name)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_rmdir(c, &rq, dir, name, &i);
}

static int rename_flags(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct tree_request rq = request();
	struct tree_renamed renamed;

	return tree_rename(c, &rq, dir, name, new_dir, new_name, flags, NULL, NULL, &renamed);
}

static int rename_to(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	return rename_flags(dir, name, new_dir, new_name, 0);
}

/* The inode number, or -errno. */
static int64_t lookup(uint64_t dir, const char *name)
{
	struct inode i;
	int r = tree_lookup(c, dir, name, &i);

	return r < 0 ? r : (int64_t)i.ino;
}

static struct inode inode(uint64_t ino)
{
	struct inode i = { 0 };

	CHECK_EQ(inode_get(c, ino, &i), 0);
	return i;
}

static void check_path(uint64_t ino, uint64_t top, unsigned nth, const char *want)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = tree_path(c, ino, top, nth, &path);

	if (!want)
		CHECK_EQ(r, -ENOENT);
	else
		CHECK_MEM(path.data ? path.data : (uint8_t *)"", path.len, want, strlen(want));
}

static void drop_record(struct key key)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* ---- making and removing */

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

/* ---- hard links */

static void test_links(void)
{
	uint64_t a = directory(ROOT_INO, "links"), b = directory(a, "b"), ino = file(a, "one");

	CHECK_EQ(link_to(ino, b, "two"), 0);
	CHECK_EQ(link_to(ino, b, "three"), 0);
	CHECK_EQ(link_to(ino, b, "three"), -EEXIST);
	CHECK_EQ(inode(ino).nlink, 3);
	check_path(ino, a, 0, "one");
	check_path(ino, a, 3, NULL);
	CHECK_EQ(tree_is_below(c, ino, b), 1);

	/* The first name goes, another takes its place. */
	CHECK_EQ(unlink_name(a, "one"), 0);
	CHECK_EQ(inode(ino).nlink, 2);
	CHECK_EQ(inode(ino).parent, b);
	CHECK_EQ(rename_to(b, "two", a, "two"), 0);
	CHECK_EQ(rename_to(b, "three", a, "three"), 0);
	CHECK_EQ(tree_is_below(c, ino, b), 0);
	CHECK_EQ(unlink_name(a, "two"), 0);
	check_path(ino, a, 0, "three");
	check_path(ino, a, 1, NULL);
	CHECK_EQ(unlink_name(a, "three"), 0);
	CHECK_EQ(inode_get(c, ino, &(struct inode){ 0 }), -ENOENT);
}

static void test_link_limit(void)
{
	uint64_t dir = directory(ROOT_INO, "limit"), ino = file(dir, "f"), sub = directory(dir, "d");
	struct inode i = inode(ino), d = inode(dir);
	struct batch *b;

	i.nlink = TREE_LINK_MAX;
	d.nlink = TREE_LINK_MAX;
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, &i);
	inode_put(b, &d);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(link_to(ino, dir, "more"), -EMLINK);
	CHECK_EQ(make(dir, "sub", S_IFDIR | 0755, NULL), -EMLINK);
	CHECK_EQ(rename_to(ROOT_INO, "links", dir, "moved"), -EMLINK);
	CHECK_EQ(rename_to(dir, "d", dir, "e"), 0);
	CHECK_EQ(lookup(dir, "e"), sub);
	CHECK_EQ(lookup(ROOT_INO, "links") > 0, 1);
}

static int count_orphans(void *context, uint64_t ino)
{
	++*(unsigned *)context;
	return 0;
}

static unsigned orphans(void)
{
	unsigned n = 0;

	CHECK_EQ(tree_foreach_orphan(c, count_orphans, &n), 0);
	return n;
}

static void test_orphans(void)
{
	struct tree_request rq = request();
	struct tree_make m = { .mode = S_IFREG | 0600, .unnamed = true };
	uint64_t dir = directory(ROOT_INO, "orphans"), ino = file(dir, "open");
	_cleanup_buf_ struct buf kept = BUF_INIT;
	char name[32], value[60000] = { 0 };
	struct inode i;

	CHECK_EQ(orphans(), 0);
	for (int n = 0; n < 30; n++) {
		(void) snprintf(name, sizeof(name), "user.%d", n);
		CHECK_EQ(tree_setxattr(c, &rq, ino, name, value, sizeof(value) / 5, 0), 0);
	}
	CHECK_EQ(tree_unlink(c, &rq, dir, "open", true, &i), 0);
	CHECK_EQ(i.nlink, 0);
	CHECK_EQ(i.flags, INODE_ORPHAN);
	CHECK_EQ(orphans(), 1);
	CHECK_EQ(tree_getxattr(c, ino, "user.7", &kept), 0);
	CHECK_EQ(kept.len, sizeof(value) / 5);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
	CHECK_EQ(inode_get(c, ino, &i), -ENOENT);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
	CHECK_EQ(orphans(), 0);

	/* Nothing hangs on it, but somebody has it open. */
	ino = file(dir, "empty");
	CHECK_EQ(tree_unlink(c, &rq, dir, "empty", true, &i), 0);
	CHECK_EQ(orphans(), 1);
	CHECK_EQ(inode(ino).nlink, 0);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
	CHECK_EQ(inode_get(c, ino, &i), -ENOENT);
	ino = file(dir, "empty");
	CHECK_EQ(tree_unlink(c, &rq, dir, "empty", false, &i), 0);
	CHECK_EQ(inode_get(c, ino, &i), -ENOENT);
	CHECK_EQ(orphans(), 0);

	/* O_TMPFILE, and a name later. */
	CHECK_EQ(tree_make(c, &rq, dir, NULL, &m, &i), 0);
	CHECK_EQ(i.nlink, 0);
	CHECK_EQ(orphans(), 1);
	CHECK_EQ(link_to(i.ino, dir, "named"), 0);
	CHECK_EQ(orphans(), 0);
	CHECK_EQ(inode(i.ino).nlink, 1);
	CHECK_EQ(inode(i.ino).flags & INODE_ORPHAN, 0);
	check_path(i.ino, dir, 0, "named");
	CHECK_EQ(tree_forget_inode(c, i.ino), 0);
	CHECK_EQ(lookup(dir, "named"), i.ino);
}

/* ---- rename */

static void test_rename_kinds(void)
{
	uint64_t dir = directory(ROOT_INO, "kinds"), d = directory(dir, "d"), e = directory(dir, "e"), f, g;

	f = file(dir, "f");
	g = file(d, "g");
	CHECK_EQ(rename_to(dir, "none", dir, "x"), -ENOENT);
	CHECK_EQ(rename_to(dir, "f", dir, "d"), -EISDIR);
	CHECK_EQ(rename_to(dir, "d", dir, "f"), -ENOTDIR);
	CHECK_EQ(rename_to(dir, "e", dir, "d"), -ENOTEMPTY);
	CHECK_EQ(rename_to(dir, "d", d, "x"), -EINVAL);
	CHECK_EQ(rename_to(dir, "d", e, "x"), 0);
	CHECK_EQ(rename_to(ROOT_INO, "kinds", d, "x"), -EINVAL);
	CHECK_EQ(rename_to(d, "g", dir, "e"), -ENOTEMPTY); /* an ancestor of the source */
	CHECK_EQ(inode(dir).nlink, 3);
	CHECK_EQ(inode(e).nlink, 3);
	CHECK_EQ(inode(d).parent, e);
	CHECK_EQ(rename_to(d, "g", dir, "f"), 0);
	CHECK_EQ(lookup(dir, "f"), g);
	CHECK_EQ(inode_get(c, f, &(struct inode){ 0 }), -ENOENT);
	CHECK_EQ(rename_to(e, "x", dir, "e"), -ENOTEMPTY);
	directory(dir, "empty");
	CHECK_EQ(rename_to(dir, "e", dir, "empty"), 0);
	CHECK_EQ(lookup(dir, "empty"), e);
	CHECK_EQ(inode(dir).nlink, 3);
	check_path(d, dir, 0, "empty/x");
}

static void test_rename_flags(void)
{
	uint64_t dir = directory(ROOT_INO, "flags"), d = directory(dir, "d"), e = directory(d, "e"), f, g;
	struct inode i;

	f = file(dir, "f");
	g = file(d, "g");
	CHECK_EQ(rename_flags(dir, "f", d, "g", RENAME_NOREPLACE), -EEXIST);
	CHECK_EQ(rename_flags(dir, "f", d, "h", RENAME_EXCHANGE), -ENOENT);
	CHECK_EQ(rename_flags(dir, "f", d, "g", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL);
	CHECK_EQ(rename_flags(dir, "f", d, "g", 64), -EINVAL);
	CHECK_EQ(rename_flags(dir, "f", d, "g", RENAME_EXCHANGE), 0);
	CHECK_EQ(lookup(dir, "f"), g);
	CHECK_EQ(lookup(d, "g"), f);
	check_path(f, dir, 0, "d/g");
	check_path(g, dir, 0, "f");
	CHECK_EQ(rename_flags(dir, "f", d, "e", RENAME_EXCHANGE), 0); /* a file and a directory */
	CHECK_EQ(inode(dir).nlink, 4);
	CHECK_EQ(inode(d).nlink, 2);
	CHECK_EQ(inode(e).parent, dir);
	CHECK_EQ(rename_flags(ROOT_INO, "flags", dir, "d", RENAME_EXCHANGE), -EINVAL);
	CHECK_EQ(rename_flags(d, "g", ROOT_INO, "flags", RENAME_EXCHANGE), -EINVAL);
	CHECK_EQ(rename_flags(dir, "d", dir, "moved", RENAME_NOREPLACE | RENAME_WHITEOUT), 0);
	i = inode((uint64_t)lookup(dir, "d"));
	CHECK_EQ(i.mode, S_IFCHR);
	CHECK_EQ(i.rdev, 0);
	check_path(i.ino, dir, 0, "d");
	CHECK_EQ(lookup(dir, "moved"), d);
}

static void test_rename_links(void)
{
	uint64_t dir = directory(ROOT_INO, "same"), f = file(dir, "f"), g = file(dir, "g");

	CHECK_EQ(link_to(f, dir, "f2"), 0);
	CHECK_EQ(rename_to(dir, "f", dir, "f2"), 0);
	CHECK_EQ(lookup(dir, "f"), f);
	CHECK_EQ(lookup(dir, "f2"), f);
	CHECK_EQ(rename_to(dir, "g", dir, "f"), 0);
	CHECK_EQ(lookup(dir, "f"), g);
	CHECK_EQ(inode(f).nlink, 1);
	check_path(f, dir, 0, "f2");
	CHECK_EQ(rename_to(dir, "f2", dir, "f2"), 0);
	CHECK_EQ(lookup(dir, "f2"), f);
}

/* ---- readdir */

struct listing {
	unsigned count;
	uint64_t cookies[600];
	char names[600][16];
};

static void list(uint64_t dir, struct listing *l)
{
	struct tree_dir *d;
	struct tree_entry e;
	uint64_t cookie = 0;

	l->count = 0;
	CHECK_EQ(tree_dir_open(c, dir, &d), 0);
	while (l->count < ARRAY_SIZE(l->names) && tree_dir_next(d, cookie, &e) > 0) {
		CHECK(e.cookie > cookie && e.cookie >= TREE_COOKIE_FIRST && e.cookie <= INT64_MAX);
		cookie = e.cookie;
		l->cookies[l->count] = cookie;
		(void) snprintf(l->names[l->count++], sizeof(l->names[0]), "%s", e.name);
	}
	CHECK_EQ(tree_dir_next(d, cookie, &e), 0);
	(void) tree_dir_close(d);
}

static void test_readdir(void)
{
	static struct listing before, after;
	uint64_t dir = directory(ROOT_INO, "readdir"), cookie;
	struct tree_dir *d;
	struct tree_entry e;
	char name[16];
	unsigned seen = 0;

	CHECK_EQ(tree_dir_open(c, file(ROOT_INO, "nodir"), &d), -ENOTDIR);
	for (unsigned n = 0; n < 200; n++) {
		(void) snprintf(name, sizeof(name), "%u", n);
		file(dir, name);
	}
	list(dir, &before);
	CHECK_EQ(before.count, 200);

	/* From any cookie: what follows it, whatever was asked before. */
	CHECK_EQ(tree_dir_open(c, dir, &d), 0);
	for (int n = 199; n > 0; n -= 11) {
		CHECK_EQ(tree_dir_next(d, before.cookies[n - 1], &e), 1);
		CHECK_EQ(e.cookie, before.cookies[n]);
		CHECK_EQ(strcmp(e.name, before.names[n]), 0);
	}

	/* Every second goes as it is seen, others come: the rest is seen exactly once. */
	for (cookie = 0; tree_dir_next(d, cookie, &e) > 0; cookie = e.cookie) {
		seen += strlen(e.name) < 4;
		if (strlen(e.name) < 4 && atoi(e.name) % 2)
			CHECK_EQ(unlink_name(dir, e.name), 0);
		(void) snprintf(name, sizeof(name), "more%u", seen);
		if (seen < 100)
			(void) make(dir, name, S_IFREG | 0644, NULL);
	}
	CHECK_EQ(seen, 200);
	(void) tree_dir_close(d);
	c = tree_box_reopen(c);
	list(dir, &after);
	for (unsigned n = 0, m = 0; n < before.count; n++) {
		if (atoi(before.names[n]) % 2)
			continue;
		while (m < after.count && after.cookies[m] != before.cookies[n])
			m++;
		CHECK(m < after.count && strcmp(after.names[m], before.names[n]) == 0);
	}
}

/* All 128 places of a hash taken: refused, and nothing is lost. */
static void test_full_record(void)
{
	uint64_t dir = directory(ROOT_INO, "full");
	static struct listing l;
	unsigned bits = dentry_hash_bits, n;
	char name[16];
	int r = 0;

	dentry_hash_bits = 1;
	for (n = 0; n < 400 && r == 0; n++) {
		(void) snprintf(name, sizeof(name), "%u", n);
		r = make(dir, name, S_IFREG | 0644, NULL);
	}
	CHECK_EQ(r, -ENOSPC);
	list(dir, &l);
	CHECK_EQ(l.count, 128);
	CHECK_EQ(unlink_name(dir, "5"), 0);
	CHECK_EQ(make(dir, name, S_IFREG | 0644, NULL), 0);
	CHECK_EQ(make(dir, "5", S_IFREG | 0644, NULL), -ENOSPC);
	for (n = 0; n < 128; n++)
		(void) unlink_name(dir, l.names[n]);
	CHECK_EQ(unlink_name(dir, name), 0);
	CHECK_EQ(inode(dir).sets[SET_ENTRIES].count, 0);
	dentry_hash_bits = bits;
	CHECK_EQ(rmdir_name(ROOT_INO, "full"), 0);
}

/* ---- paths */

static void test_paths(void)
{
	uint64_t a = directory(ROOT_INO, "paths"), b = directory(a, "b"), d = directory(b, "d"), f = file(d, "f");
	struct inode i;

	check_path(f, ROOT_INO, 0, "paths/b/d/f");
	check_path(f, b, 0, "d/f");
	check_path(b, b, 0, "");
	check_path(a, b, 0, NULL);
	CHECK_EQ(tree_is_below(c, f, a), 1);
	CHECK_EQ(tree_is_below(c, f, ROOT_INO), 1);
	CHECK_EQ(tree_is_below(c, f, f), 1);
	CHECK_EQ(tree_is_below(c, a, b), 0);
	CHECK_EQ(tree_is_below(c, ROOT_INO, b), 0);
	CHECK_EQ(tree_is_below(c, 1 << 30, b), -ENOENT);
	CHECK_EQ(tree_walk(c, ROOT_INO, "paths//b/./d/f", &i), 0);
	CHECK_EQ(i.ino, f);
	CHECK_EQ(tree_walk(c, a, "b/d/../d/f", &i), 0);
	CHECK_EQ(tree_walk(c, a, "", &i), 0);
	CHECK_EQ(i.ino, a);
	CHECK_EQ(tree_walk(c, a, "../paths", &i), -ENOENT);
	CHECK_EQ(tree_walk(c, a, "b/d/f/x", &i), -ENOTDIR);
	CHECK_EQ(tree_walk(c, a, "b/x", &i), -ENOENT);
}

static void test_ring(void)
{
	uint64_t dir = directory(ROOT_INO, "ring"), top = dir, first = 0;
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct batch *b;
	struct inode i;

	for (int n = 0; n < 7; n++) {
		dir = directory(dir, "d");
		first = first ? first : dir;
	}
	CHECK_EQ(tree_is_below(c, dir, top), 1);
	i = inode(first);
	i.parent = dir;
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(tree_is_below(c, dir, top), -EBADMSG);
	CHECK_EQ(tree_path(c, dir, top, 0, &path), -EBADMSG);
}

static void test_deep(void)
{
	uint64_t dir = directory(ROOT_INO, "deep"), top = dir;
	_cleanup_buf_ struct buf path = BUF_INIT;

	for (int n = 0; n < 10000; n++)
		dir = directory(dir, "d");
	CHECK_EQ(tree_is_below(c, dir, top), 1);
	CHECK_EQ(tree_path(c, dir, top, 0, &path), 0);
	CHECK_EQ(path.len, 19999);
	CHECK_EQ(rename_to(ROOT_INO, "deep", dir, "x"), -EINVAL);
}

/* ---- damage */

static struct key entry_key(uint64_t dir, const char *name)
{
	struct dentry d;

	CHECK_EQ(dentry_init(&d, c, dir, name), 0);
	return d.key;
}

/* A record that vanished makes the directory an error, never a shorter directory. */
static void test_lost_entry(void)
{
	uint64_t dir = directory(ROOT_INO, "lost"), other = directory(ROOT_INO, "lost2"), ino;
	struct tree_dir *d;

	file(dir, "f");
	file(dir, "g");
	ino = file(other, "h");
	drop_record(entry_key(dir, "f"));
	drop_record(key_u64(key_start('I'), ino));
	c = tree_box_reopen(c);
	CHECK_EQ(lookup(dir, "f"), -EBADMSG);
	CHECK_EQ(make(dir, "f", S_IFREG | 0644, NULL), -EBADMSG);
	CHECK_EQ(rmdir_name(ROOT_INO, "lost"), -EBADMSG);
	CHECK_EQ(tree_dir_open(c, dir, &d), -EBADMSG);
	CHECK_EQ(lookup(other, "h"), -EBADMSG);
	CHECK_EQ(unlink_name(other, "h"), -EBADMSG);
	CHECK_EQ(lookup(other, "i"), -ENOENT);
}

static void test_lost_target(void)
{
	uint64_t ino = made(ROOT_INO, "symlink", S_IFLNK | 0777);
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct key prefix = key_u64(key_start('X'), ino), key;
	const void *found, *value;
	struct cursor *cur;
	size_t len;

	CHECK_EQ(cursor_open(c, prefix.bytes, prefix.len, &cur), 0);
	CHECK_EQ(cursor_next(cur, &found, &key.len, &value, &len), 1);
	memcpy(key.bytes, found, key.len);
	(void) cursor_close(cur);
	drop_record(key);
	CHECK_EQ(tree_readlink(c, ino, &target), -EBADMSG);
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

/* ---- the model: a table of names and a table of inodes */

#define M_DIRS 6
#define M_NAMES 400
#define M_INODES 4000

struct m_name {
	uint64_t dir, ino; /* ino 0: free */
	char name[8];
};
struct m_inode {
	uint64_t ino;
	bool directory;
};
static struct m_name m_names[M_NAMES];
static struct m_inode m_inodes[M_INODES];
static unsigned m_inode_count;

static struct m_name *m_find(uint64_t dir, const char *name)
{
	for (unsigned n = 0; n < M_NAMES; n++)
		if (m_names[n].ino && m_names[n].dir == dir && strcmp(m_names[n].name, name) == 0)
			return &m_names[n];
	return NULL;
}

static bool m_is_dir(uint64_t ino)
{
	for (unsigned n = 0; n < m_inode_count; n++)
		if (m_inodes[n].ino == ino)
			return m_inodes[n].directory;
	return true;
}

static void m_add(uint64_t dir, const char *name, uint64_t ino)
{
	for (unsigned n = 0; n < M_NAMES; n++)
		if (!m_names[n].ino) {
			m_names[n] = (struct m_name){ .dir = dir, .ino = ino };
			(void) snprintf(m_names[n].name, sizeof(m_names[n].name), "%s", name);
			return;
		}
	CHECK(!"room in the model");
}

static unsigned m_links(uint64_t ino)
{
	unsigned count = 0;

	for (unsigned n = 0; n < M_NAMES; n++)
		count += m_names[n].ino == ino;
	return count;
}

static unsigned m_entries(uint64_t dir, bool directories_only)
{
	unsigned count = 0;

	for (unsigned n = 0; n < M_NAMES; n++)
		count += m_names[n].ino && m_names[n].dir == dir &&
			 (!directories_only || m_is_dir(m_names[n].ino));
	return count;
}

static bool m_below(uint64_t dir, uint64_t top)
{
	while (dir != top) {
		unsigned n = 0;

		while (n < M_NAMES && m_names[n].ino != dir)
			n++;
		if (n == M_NAMES)
			return false;
		dir = m_names[n].dir;
	}
	return true;
}

static uint64_t m_top;

static uint64_t random_dir(void)
{
	struct m_name *n = &m_names[rand() % M_NAMES];

	return n->ino && m_is_dir(n->ino) && rand() % 4 ? n->ino : m_top;
}

static const char *random_name(void)
{
	static char names[4][8];
	static unsigned next;
	char *name = names[next++ % 4];

	(void) snprintf(name, 8, "n%d", rand() % 25);
	return name;
}

static void random_make(void)
{
	uint64_t dir = random_dir(), ino;
	const char *name = random_name();
	bool is_dir = rand() % 4 == 0;
	int r = make(dir, name, is_dir ? S_IFDIR | 0755 : S_IFREG | 0644, &ino);

	CHECK_EQ(r, m_find(dir, name) ? -EEXIST : 0);
	if (r < 0)
		return;
	m_inodes[m_inode_count++] = (struct m_inode){ ino, is_dir };
	m_add(dir, name, ino);
}

static void random_remove(void)
{
	uint64_t dir = random_dir();
	const char *name = random_name();
	struct m_name *m = m_find(dir, name);
	bool is_dir = m && m_is_dir(m->ino), want_dir = rand() % 2;
	int want = !m ? -ENOENT : is_dir != want_dir ? (is_dir ? -EISDIR : -ENOTDIR) : 0;

	if (want == 0 && is_dir && m_entries(m->ino, false))
		want = -ENOTEMPTY;
	CHECK_EQ(want_dir ? rmdir_name(dir, name) : unlink_name(dir, name), want);
	if (want == 0)
		m->ino = 0;
}

static void random_link(void)
{
	uint64_t dir = random_dir();
	struct m_name *m = m_find(random_dir(), random_name());
	const char *name = random_name();

	if (!m || m_is_dir(m->ino))
		return;
	CHECK_EQ(link_to(m->ino, dir, name), m_find(dir, name) ? -EEXIST : 0);
	if (!m_find(dir, name))
		m_add(dir, name, m->ino);
}

static int m_rename(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct m_name *from = m_find(dir, name), *to = m_find(new_dir, new_name);
	uint64_t swapped;

	if (!from || (flags & RENAME_EXCHANGE && !to))
		return -ENOENT;
	if (to && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (to && to->ino == from->ino)
		return 0;
	if (m_is_dir(from->ino) && m_below(new_dir, from->ino))
		return -EINVAL;
	if (to && m_is_dir(to->ino) && m_below(dir, to->ino))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (to && flags & RENAME_EXCHANGE) {
		swapped = to->ino;
		to->ino = from->ino;
		from->ino = swapped;
		return 0;
	}
	if (to && m_is_dir(to->ino) != m_is_dir(from->ino))
		return m_is_dir(to->ino) ? -EISDIR : -ENOTDIR;
	if (to && m_is_dir(to->ino) && m_entries(to->ino, false))
		return -ENOTEMPTY;
	if (to)
		to->ino = 0;
	from->dir = new_dir;
	(void) snprintf(from->name, sizeof(from->name), "%s", new_name);
	return 0;
}

static void random_rename(void)
{
	static const unsigned flags[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	uint64_t dir = random_dir(), new_dir = rand() % 2 ? dir : random_dir();
	const char *name = random_name(), *new_name = random_name();
	unsigned f = flags[rand() % 4];
	int got = rename_flags(dir, name, new_dir, new_name, f);

	CHECK_EQ(got, m_rename(dir, name, new_dir, new_name, f));
}

/* An inode's names, as tree_path() tells them, are those of the model. */
static void check_names(uint64_t ino, unsigned links)
{
	for (unsigned nth = 0; nth <= links; nth++) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		struct inode i;
		int r = tree_path(c, ino, m_top, nth, &path);

		CHECK_EQ(r, nth < links ? 0 : -ENOENT);
		if (r < 0)
			continue;
		CHECK_EQ(tree_walk(c, m_top, buf_cstr(&path), &i), 0);
		CHECK_EQ(i.ino, ino);
	}
}

static void check_inode(const struct m_inode *m)
{
	unsigned links = m_links(m->ino);
	struct inode i;
	int r = inode_get(c, m->ino, &i);

	CHECK_EQ(r, links ? 0 : -ENOENT);
	if (r < 0)
		return;
	CHECK_EQ(i.nlink, m->directory ? 2 + m_entries(m->ino, true) : links);
	check_names(m->ino, links);
}

static void check_listing(uint64_t dir)
{
	static struct listing l;

	list(dir, &l);
	CHECK_EQ(l.count, m_entries(dir, false));
	for (unsigned n = 0; n < l.count; n++)
		CHECK(m_find(dir, l.names[n]) != NULL);
}

static void check_model(void)
{
	struct tree_stats stats;
	uint64_t files = 0, directories = 0;

	for (unsigned n = 0; n < m_inode_count; n++) {
		check_inode(&m_inodes[n]);
		if (!m_links(m_inodes[n].ino))
			continue;
		files += !m_inodes[n].directory;
		directories += m_inodes[n].directory;
	}
	for (unsigned n = 0; n < M_NAMES; n++) {
		if (!m_names[n].ino)
			continue;
		CHECK_EQ(lookup(m_names[n].dir, m_names[n].name), m_names[n].ino);
		if (m_is_dir(m_names[n].ino))
			check_listing(m_names[n].ino);
	}
	check_listing(m_top);
	tree_get_stats(c, &stats);
	CHECK_EQ(stats.files, files);
	CHECK_EQ(stats.directories, directories + 1);
	CHECK_EQ(stats.others, 0);
	CHECK_EQ(queue_count(c), files);
}

static int check_sets_of(struct catalog *store, uint64_t ino)
{
	struct inode i = inode(ino);

	return inode_check_set(store, &i, SET_ENTRIES);
}

static void test_model(unsigned seed)
{
	memset(m_names, 0, sizeof(m_names));
	m_inode_count = 0;
	m_top = ROOT_INO;
	srand(seed);
	for (unsigned n = 0; n < 3000; n++) {
		switch (rand() % 8) {
		case 0: case 1: case 2:
			if (m_inode_count < M_INODES && m_entries(m_top, false) < M_NAMES - 50 &&
			    n % 10 < 8)
				random_make();
			break;
		case 3:
			random_link();
			break;
		case 4: case 5:
			random_remove();
			break;
		default:
			random_rename();
		}
		if (n % 300 != 299)
			continue;
		if (rand() % 2)
			c = tree_box_reopen(c);
		check_model();
	}
	check_model();
	c = tree_box_reopen(c);
	for (unsigned n = 0; n < M_NAMES; n++)
		if (m_names[n].ino && m_is_dir(m_names[n].ino))
			CHECK_EQ(check_sets_of(c, m_names[n].ino), 0);
	CHECK_EQ(check_sets_of(c, ROOT_INO), 0);
}

static void empty_store(void)
{
	tree_box_close(c);
	c = tree_box_open();
	CHECK(c != NULL);
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
	CHECK_EQ(tree_make_root(c, 5, 5, 0700), 0);
	CHECK_EQ(inode(ROOT_INO).uid, 0);
}

static void test_all(unsigned hash_bits)
{
	dentry_hash_bits = hash_bits;
	empty_store();
	test_make();
	test_directories();
	test_setgid();
	test_times();
	test_privileges();
	test_special();
	test_links();
	test_link_limit();
	test_orphans();
	test_rename_kinds();
	test_rename_flags();
	test_rename_links();
	test_readdir();
	test_full_record();
	test_paths();
	test_ring();
	test_deep();
	test_lost_entry();
	test_lost_target();
	test_replies();
	for (unsigned seed = 1; seed <= 3; seed++) {
		empty_store();
		test_model(seed);
	}
}

int main(void)
{
	test_all(56);
	test_all(4);
	tree_box_close(c);
	return check_result();
}
