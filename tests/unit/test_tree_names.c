/* SPDX-License-Identifier: MIT */
/* An inode's names: several, none while it is open, and the paths that they make. */
#include "tests/unit/any_is_open.h"
#include "tests/unit/tree_hands.h"

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
	CHECK_EQ(tree_unlink(c, &rq, dir, "open", any_is_open, NULL, &i), 0);
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
	CHECK_EQ(tree_unlink(c, &rq, dir, "empty", any_is_open, NULL, &i), 0);
	CHECK_EQ(orphans(), 1);
	CHECK_EQ(inode(ino).nlink, 0);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
	CHECK_EQ(inode_get(c, ino, &i), -ENOENT);
	ino = file(dir, "empty");
	CHECK_EQ(tree_unlink(c, &rq, dir, "empty", NULL, NULL, &i), 0);
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

static void test_all(void)
{
	test_links();
	test_link_limit();
	test_orphans();
	test_paths();
	test_deep();
}

int main(void)
{
	return tree_hands_run(test_all);
}
