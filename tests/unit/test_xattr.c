/* SPDX-License-Identifier: MIT */
/* Xattrs, and the access control lists that are some of them. */
#include "tests/unit/xattr_box.h"

static void test_errors(void)
{
	uint64_t ino = file("errors");
	static char big[XATTR_SIZE_MAX + 1], name[300];
	struct tree_request rq = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;

	CHECK_EQ(set(ino, "user.a", "1", XATTR_REPLACE), -ENODATA);
	CHECK_EQ(set(ino, "user.a", "1", XATTR_CREATE), 0);
	CHECK_EQ(set(ino, "user.a", "2", XATTR_CREATE), -EEXIST);
	check_value(ino, "user.a", "1");
	CHECK_EQ(set(ino, "user.a", "2", XATTR_REPLACE), 0);
	CHECK_EQ(set(ino, "user.a", "", 0), 0);
	check_value(ino, "user.a", "");
	check_value(ino, "user.b", NULL);
	CHECK_EQ(unset(ino, "user.b"), -ENODATA);
	CHECK_EQ(unset(ino, "user.a"), 0);
	check_value(ino, "user.a", NULL);
	CHECK_EQ(inode(ino).sets[SET_XATTRS].count, 0);
	memset(name, 'n', 256);
	CHECK_EQ(set(ino, name, "1", 0), -ERANGE);
	CHECK_EQ(set(ino, "", "1", 0), -ERANGE);
	name[255] = 0;
	CHECK_EQ(set(ino, name, "1", 0), 0);
	check_value(ino, name, "1");
	CHECK_EQ(tree_setxattr(c, &rq, ino, "user.big", big, sizeof(big), 0), -E2BIG);
	CHECK_EQ(tree_setxattr(c, &rq, ino, "user.big", big, sizeof(big) - 1, 0), 0);
	CHECK_EQ(tree_getxattr(c, ino, "user.big", &value), 0);
	CHECK_EQ(value.len, XATTR_SIZE_MAX);
	CHECK_EQ(set(1 << 30, "user.a", "1", 0), -ENOENT);
	CHECK_EQ(tree_getxattr(c, 1 << 30, "user.a", &value), -ENOENT);
	CHECK_EQ(tree_listxattr(c, 1 << 30, &value), -ENOENT);
}

static bool listed(const struct buf *names, const char *name)
{
	const char *at = (const char *)names->data, *end = at + names->len;

	for (; at < end; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

#define NAMES 60

/* Random changes, and what is then there. */
static void test_model(void)
{
	uint64_t ino = file("model");
	bool there[NAMES] = { false };
	_cleanup_buf_ struct buf names = BUF_INIT;
	unsigned count = 0, found = 0;
	char name[16], value[16];

	for (int n = 0; n < 2000; n++) {
		int which = rand() % NAMES;

		(void) snprintf(name, sizeof(name), "user.%d", which);
		if (rand() % 3) {
			CHECK_EQ(set(ino, name, name + 5, 0), 0);
			there[which] = true;
		} else {
			CHECK_EQ(unset(ino, name), there[which] ? 0 : -ENODATA);
			there[which] = false;
		}
	}
	CHECK_EQ(tree_listxattr(c, ino, &names), 0);
	for (int n = 0; n < NAMES; n++) {
		(void) snprintf(name, sizeof(name), "user.%d", n);
		(void) snprintf(value, sizeof(value), "%d", n);
		CHECK_EQ(listed(&names, name), there[n]);
		check_value(ino, name, there[n] ? value : NULL);
		count += there[n];
	}
	for (size_t n = 0; n < names.len; n++)
		found += !names.data[n];
	CHECK_EQ(found, count);
}

static void test_lost_xattr(void)
{
	uint64_t ino = file("lost");
	struct inode i;
	struct batch *b;

	CHECK_EQ(set(ino, "user.a", "1", 0), 0);
	i = inode(ino);
	i.sets[SET_XATTRS].hash.bytes[3] ^= 1;
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	c = tree_box_reopen(c);
	CHECK_EQ(tree_getxattr(c, ino, "user.b", &BUF_INIT), -EBADMSG);
	CHECK_EQ(tree_listxattr(c, ino, &BUF_INIT), -EBADMSG);
	CHECK_EQ(set(ino, "user.b", "1", 0), -EBADMSG);
}

/* ---- access control lists */

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

static int set_acl_with(uint64_t ino, const char *name, const struct acl_entry *entries, size_t n, int flags)
{
	struct tree_request rq = { 0 };
	uint8_t acl[4 + 8 * 8];

	store_le32(acl, 2);
	for (size_t k = 0; k < n; k++) {
		store_le16(acl + 4 + 8 * k, entries[k].tag);
		store_le16(acl + 6 + 8 * k, entries[k].perm);
		store_le32(acl + 8 + 8 * k, entries[k].id);
	}
	return tree_setxattr(c, &rq, ino, name, acl, 4 + 8 * n, flags);
}

static int set_acl(uint64_t ino, const char *name, const struct acl_entry *entries, size_t n)
{
	return set_acl_with(ino, name, entries, n, 0);
}

/* The permissions of the n-th entry, or -errno. */
static int acl_perm(uint64_t ino, const char *name, size_t n)
{
	_cleanup_buf_ struct buf acl = BUF_INIT;
	int r = tree_getxattr(c, ino, name, &acl);

	return r < 0 ? r : load_le16(acl.data + 6 + 8 * n);
}

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

static const struct acl_entry minimal[] = { { 1, 7, UINT32_MAX }, { 4, 5, UINT32_MAX }, { 32, 1, UINT32_MAX } };
static const struct acl_entry full[] = { { 1, 7, UINT32_MAX }, { 2, 6, 1000 }, { 4, 4, UINT32_MAX },
					 { 16, 6, UINT32_MAX }, { 32, 0, UINT32_MAX } };

static void test_access_acl(void)
{
	uint64_t ino = file("acl");
	struct tree_request rq = { 0 };
	struct stat st = { .st_mode = 0610 };
	struct inode i;

	CHECK_EQ(set_acl(ino, ACCESS, full, 5), 0);
	CHECK_EQ(inode(ino).mode, S_IFREG | 0760);
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_MODE, &i), 0);
	CHECK_EQ(i.mode, S_IFREG | 0610);
	CHECK_EQ(acl_perm(ino, ACCESS, 0), 6);
	CHECK_EQ(acl_perm(ino, ACCESS, 1), 6);
	CHECK_EQ(acl_perm(ino, ACCESS, 2), 4);
	CHECK_EQ(acl_perm(ino, ACCESS, 3), 1);
	CHECK_EQ(set_acl(ino, ACCESS, full + 1, 4), -EINVAL);
	CHECK_EQ(set_acl(ino, ACCESS, minimal, 3), 0);
	CHECK_EQ(inode(ino).mode, S_IFREG | 0751);
	CHECK_EQ(acl_perm(ino, ACCESS, 0), -ENODATA);
	CHECK_EQ(set(ino, ACCESS, "no list", 0), -EINVAL);
	CHECK_EQ(set(ino, DEFAULT, "no list", 0), -EINVAL);
	st.st_mode = 02750;
	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_MODE, &i), 0);
	CHECK_EQ(set_acl(ino, ACCESS, full, 5), 0);
	CHECK_EQ(inode(ino).mode, S_IFREG | S_ISGID | 0760);
	CHECK_EQ(set_acl_with(ino, ACCESS, full, 5, TREE_XATTR_KILL_SGID), 0);
	CHECK_EQ(inode(ino).mode, S_IFREG | 0760);
}

static struct inode make_below(uint64_t dir, const char *name, mode_t mode)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = mode, .umask = 022 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, dir, name, &m, &i), 0);
	return i;
}

static void test_default_acl(void)
{
	uint64_t dir = make_below(ROOT_INO, "acls", S_IFDIR | 0777).ino;
	struct inode i = inode(dir);

	CHECK_EQ(i.mode, S_IFDIR | 0755);
	CHECK_EQ(set_acl(dir, DEFAULT, full, 5), 0);
	i = make_below(dir, "f", S_IFREG | 0666); /* the umask does not count here */
	CHECK_EQ(i.mode, S_IFREG | 0660);
	CHECK_EQ(acl_perm(i.ino, ACCESS, 0), 6);
	CHECK_EQ(acl_perm(i.ino, ACCESS, 3), 6);
	CHECK_EQ(acl_perm(i.ino, DEFAULT, 0), -ENODATA);
	i = make_below(dir, "d", S_IFDIR | 0777);
	CHECK_EQ(i.mode, S_IFDIR | 0760);
	CHECK_EQ(acl_perm(i.ino, DEFAULT, 3), 6);
	CHECK_EQ(set_acl(dir, DEFAULT, minimal, 3), 0);
	i = make_below(dir, "g", S_IFREG | 0666);
	CHECK_EQ(i.mode, S_IFREG | 0640);
	CHECK_EQ(i.sets[SET_XATTRS].count, 0);
}

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	test_errors();
	test_access_acl();
	test_default_acl();
	test_model();
	test_lost_xattr();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
