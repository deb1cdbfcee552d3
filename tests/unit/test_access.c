/* SPDX-License-Identifier: MIT */
/* Who may do what with an inode: mode bits, access lists, groups, and the way to it. */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "catalog/access.h"
#include "catalog/acl.h"
#include "catalog/tree.h"
#include "tests/fakes/mem_catalog.h"
#include "tests/unit/check.h"

#define OWNER 1000
#define GROUP 100
#define NOBODY UINT32_MAX

static struct catalog *c;

static uint64_t make(uint64_t dir, const char *name, mode_t mode)
{
	struct tree_request rq = { .uid = OWNER, .gid = GROUP };
	struct tree_make m = { .mode = mode };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, dir, name, &m, &i), 0);
	return i.ino;
}

static bool permits(uint64_t ino, uint32_t uid, const uint32_t *groups, size_t n, unsigned want)
{
	struct identity who;
	struct inode i;
	int r;

	CHECK_EQ(inode_get(c, ino, &i), 0);
	CHECK_EQ(identity_init(&who, uid, groups, n), 0);
	r = access_permits(c, &who, &i, want);
	CHECK(r == 0 || r == 1);
	identity_done(&who);
	return r == 1;
}

static const uint32_t none[] = { 1 }, member[] = { 50, GROUP, 3 }, friends[] = { 200, 1, 200 };

static void test_identity(void)
{
	struct identity a, b;

	CHECK_EQ(identity_init(&a, 1, friends, 3), 0);
	CHECK_EQ(a.n_groups, 2);
	CHECK(identity_has_group(&a, 200) && identity_has_group(&a, 1) && !identity_has_group(&a, 2));
	CHECK_EQ(identity_init(&b, 1, friends, 2), 0);
	CHECK(identity_is_same(&a, &b));
	identity_done(&b);
	CHECK_EQ(identity_init(&b, 1, NULL, 0), 0);
	CHECK(!identity_is_same(&a, &b) && !identity_has_group(&b, 0));
	identity_done(&a);
	identity_done(&b);
}

/* Each class by its own bits, also where another class has more. */
static void test_modes(void)
{
	uint64_t ino = make(ROOT_INO, "modes", S_IFREG | 0047);

	CHECK(!permits(ino, OWNER, member, 3, ACCESS_READ));
	CHECK(permits(ino, 7, member, 3, ACCESS_READ));
	CHECK(!permits(ino, 7, member, 3, ACCESS_SEARCH));
	CHECK(permits(ino, 7, none, 1, ACCESS_READ | ACCESS_SEARCH));
	ino = make(ROOT_INO, "but group", S_IFREG | 0604);
	CHECK(!permits(ino, 7, member, 3, ACCESS_READ));
	CHECK(permits(ino, 7, none, 1, ACCESS_READ) && permits(ino, OWNER, none, 1, ACCESS_READ));
}

static void set_acl(uint64_t ino, const uint32_t (*entries)[3], size_t n)
{
	struct tree_request rq = { 0 };
	uint8_t acl[4 + 8 * 8];

	store_le32(acl, 2);
	for (size_t i = 0; i < n; i++) {
		store_le16(acl + 4 + 8 * i, (uint16_t)entries[i][0]);
		store_le16(acl + 6 + 8 * i, (uint16_t)entries[i][1]);
		store_le32(acl + 8 + 8 * i, entries[i][2]);
	}
	CHECK_EQ(tree_setxattr(c, &rq, ino, XATTR_ACL_ACCESS, acl, 4 + 8 * n, 0), 0);
}

static void test_lists(void)
{
	static const uint32_t list[][3] = { { 1, 6, NOBODY }, { 2, 4, 7 }, { 2, 0, 8 }, { 4, 0, NOBODY },
					    { 8, 4, 200 }, { 16, 4, NOBODY }, { 32, 0, NOBODY } };
	static const uint32_t narrow[][3] = { { 1, 6, NOBODY }, { 2, 7, 7 }, { 4, 4, NOBODY },
					      { 16, 1, NOBODY }, { 32, 4, NOBODY } };
	uint64_t ino = make(ROOT_INO, "list", S_IFREG | 0600);

	set_acl(ino, list, 7);
	CHECK(permits(ino, 7, none, 1, ACCESS_READ));
	CHECK(!permits(ino, 8, friends, 2, ACCESS_READ)); /* named, so its groups do not count */
	CHECK(permits(ino, 9, friends, 2, ACCESS_READ));
	CHECK(!permits(ino, 9, friends, 2, ACCESS_SEARCH));
	CHECK(!permits(ino, 9, member, 3, ACCESS_READ));
	CHECK(!permits(ino, 9, none, 1, ACCESS_READ));
	CHECK(permits(ino, OWNER, none, 1, ACCESS_READ));
	ino = make(ROOT_INO, "narrow", S_IFREG | 0600);
	set_acl(ino, narrow, 5);
	CHECK(!permits(ino, 7, none, 1, ACCESS_READ) && permits(ino, 7, none, 1, ACCESS_SEARCH));
	CHECK(!permits(ino, 9, member, 3, ACCESS_READ)); /* a group that gives too little is not "others" */
	CHECK(permits(ino, 9, none, 1, ACCESS_READ));
}

/* The kernel asks no list whose mask, the group bits of the mode, is empty. */
static void test_empty_mask(void)
{
	static const uint32_t list[][3] = { { 1, 6, NOBODY }, { 2, 4, 7 }, { 4, 4, NOBODY }, { 16, 0, NOBODY },
					    { 32, 4, NOBODY } };
	uint64_t ino = make(ROOT_INO, "mask", S_IFREG | 0600);

	set_acl(ino, list, 5);
	CHECK(permits(ino, 7, none, 1, ACCESS_READ));
	CHECK(!permits(ino, 9, member, 3, ACCESS_READ));
}

static int not_this(void *context, uint64_t dir)
{
	return dir != *(uint64_t *)context;
}

static void test_walk(void)
{
	uint64_t open = make(ROOT_INO, "open", S_IFDIR | 0755), closed = make(ROOT_INO, "closed", S_IFDIR | 0700);
	uint64_t inner = make(closed, "inner", S_IFDIR | 0755), file = make(open, "file", S_IFREG | 0644);
	struct inode i;

	CHECK_EQ(access_walk(c, ROOT_INO, "open/file", not_this, &closed, &i), 0);
	CHECK_EQ(i.ino, file);
	CHECK_EQ(access_walk(c, ROOT_INO, "closed", not_this, &closed, &i), 0);
	CHECK_EQ(access_walk(c, ROOT_INO, "closed/inner", not_this, &closed, &i), -ENOENT);
	CHECK_EQ(access_walk(c, ROOT_INO, "closed/inner/../../open", not_this, &closed, &i), -ENOENT);
	CHECK_EQ(access_walk(c, ROOT_INO, "closed/none/../../open", not_this, &closed, &i), -ENOENT);
	CHECK_EQ(access_walk(c, ROOT_INO, "closed/..", not_this, &closed, &i), -ENOENT);
	CHECK_EQ(tree_walk(c, ROOT_INO, "closed/inner/../../open", &i), 0);
	CHECK_EQ(access_walk(c, inner, "", not_this, &closed, &i), 0);
	CHECK_EQ(i.ino, inner);
}

int main(void)
{
	c = mem_catalog_new();
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
	test_identity();
	test_modes();
	test_lists();
	test_empty_mask();
	test_walk();
	catalog_close(c);
	return check_result();
}
