/* SPDX-License-Identifier: MIT */
/* rename(2): what may take the place of what, its flags, and names of one inode. */
#include "tests/unit/tree_hands.h"

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

static void test_all(void)
{
	test_rename_kinds();
	test_rename_flags();
	test_rename_links();
}

int main(void)
{
	return tree_hands_run(test_all);
}
