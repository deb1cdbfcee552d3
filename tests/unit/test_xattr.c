/* SPDX-License-Identifier: MIT */
/* Xattrs, the tags that hang on one of them, and the index queue. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "catalog/tree.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

static struct catalog *c;

static uint64_t file(const char *name)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, name, &m, &i), 0);
	return i.ino;
}

static int set(uint64_t ino, const char *name, const char *value, int flags)
{
	struct tree_request rq = { 0 };

	return tree_setxattr(c, &rq, ino, name, value, strlen(value), flags);
}

static int unset(uint64_t ino, const char *name)
{
	struct tree_request rq = { 0 };

	return tree_removexattr(c, &rq, ino, name);
}

static void check_value(uint64_t ino, const char *name, const char *want)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	CHECK_EQ(tree_getxattr(c, ino, name, &value), want ? 0 : -ENODATA);
	if (want)
		CHECK_MEM(value.data ? value.data : (uint8_t *)"", value.len, want, strlen(want));
}

static struct inode inode(uint64_t ino)
{
	struct inode i = { 0 };

	CHECK_EQ(inode_get(c, ino, &i), 0);
	return i;
}

/* ---- xattrs */

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

static int set_acl(uint64_t ino, const char *name, const struct acl_entry *entries, size_t n)
{
	struct tree_request rq = { 0 };
	uint8_t acl[4 + 8 * 8];

	store_le32(acl, 2);
	for (size_t k = 0; k < n; k++) {
		store_le16(acl + 4 + 8 * k, entries[k].tag);
		store_le16(acl + 6 + 8 * k, entries[k].perm);
		store_le32(acl + 8 + 8 * k, entries[k].id);
	}
	return tree_setxattr(c, &rq, ino, name, acl, 4 + 8 * n, 0);
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

/* ---- tags */

struct found {
	unsigned count;
	uint64_t inos[16];
};

static int add_found(void *context, uint64_t ino)
{
	struct found *f = context;

	if (f->count < ARRAY_SIZE(f->inos))
		f->inos[f->count] = ino;
	f->count++;
	return 0;
}

/* How many files have the tag; `first`: the lowest of them. */
static int tagged(const char *tag, uint64_t *ret_first)
{
	struct found f = { 0 };
	int r = tree_foreach_tagged(c, tag, strlen(tag), add_found, &f);

	if (ret_first)
		*ret_first = f.inos[0];
	return r < 0 ? r : (int)f.count;
}

static size_t count_letter(char letter)
{
	const void *key, *value;
	size_t key_len, value_len, n = 0;
	struct cursor *cur;

	CHECK_EQ(cursor_open(c, &letter, 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) > 0)
		n++;
	(void) cursor_close(cur);
	return n;
}

static void test_tags(void)
{
	uint64_t a = file("tags.a"), b = file("tags.b"), first;
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(set(a, "user.xdg.tags", " red ,green,,  , red,blau gr\xc3\xbcn", 0), 0);
	CHECK_EQ(set(b, "user.xdg.tags", "green", 0), 0);
	CHECK_EQ(tagged("red", &first), 1);
	CHECK_EQ(first, a);
	CHECK_EQ(tagged("green", &first), 2);
	CHECK_EQ(tagged("blau gr\xc3\xbcn", NULL), 1);
	CHECK_EQ(tagged("Red", NULL), -ENOENT);
	CHECK_EQ(tagged("", NULL), -ENOENT);
	CHECK_EQ(count_letter('G'), 3);
	CHECK_EQ(count_letter('g'), 3);
	CHECK_EQ(count_letter('T'), 4);
	CHECK_EQ(set(a, "user.xdg.tags", "green,yellow", 0), 0);
	CHECK_EQ(tagged("red", NULL), -ENOENT);
	CHECK_EQ(tagged("yellow", NULL), 1);
	CHECK_EQ(unset(b, "user.xdg.tags"), 0);
	CHECK_EQ(tagged("green", &first), 1);
	CHECK_EQ(first, a);

	/* The tags go with the last name, not with the first. */
	CHECK_EQ(tree_link(c, &rq, a, ROOT_INO, "tags.c", &i), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.a", true, &i), 0);
	CHECK_EQ(tagged("green", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.c", true, &i), 0);
	CHECK_EQ(tagged("green", NULL), -ENOENT);
	CHECK_EQ(count_letter('G') + count_letter('g') + count_letter('T'), 0);

	/* Without a name a file has no tags, but its xattr stays. */
	check_value(a, "user.xdg.tags", "green,yellow");
	CHECK_EQ(set(a, "user.xdg.tags", "green,late", 0), 0);
	CHECK_EQ(tagged("late", NULL), -ENOENT);
	CHECK_EQ(tree_link(c, &rq, a, ROOT_INO, "tags.d", &i), 0);
	CHECK_EQ(tagged("late", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.d", false, &i), 0);
	CHECK_EQ(tree_forget_inode(c, a), 0);
	CHECK_EQ(inode_get(c, a, &i), -ENOENT);
	CHECK_EQ(count_letter('G') + count_letter('g') + count_letter('T'), 0);
}

static void test_many_tags(void)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct tree_request rq = { 0 };
	uint64_t ino = file("many");
	struct inode i;
	int r;

	for (int n = 0; n < 3000; n++)
		CHECK_EQ(buf_addf(&list, "%03x,", n), 0);
	CHECK_EQ(tree_setxattr(c, &rq, ino, "user.xdg.tags", list.data, list.len, 0), 0);
	CHECK_EQ(count_letter('T'), 3000);
	CHECK_EQ(tagged("bb7", NULL), 1);
	for (int n = 3000; n < 16384; n++)
		CHECK_EQ(buf_addf(&list, "%c%c%c,", '0' + n / 1024, '0' + n / 32 % 32, 'a' + n % 32), 0);
	/* The longest list there can be: all of it, or nothing where it does not fit a batch. */
	r = tree_setxattr(c, &rq, ino, "user.xdg.tags", list.data, list.len, 0);
	CHECK(r == 0 || r == -E2BIG);
	CHECK_EQ(count_letter('T'), r == 0 ? 15964 : 3000);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "many", false, &i), 0);
	CHECK_EQ(count_letter('T'), 0);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
}

static void test_lost_tag(void)
{
	uint64_t ino = file("losttag");
	const void *key, *value;
	size_t key_len, value_len;
	struct cursor *cur;
	struct batch *b;

	CHECK_EQ(set(ino, "user.xdg.tags", "gone", 0), 0);
	CHECK_EQ(cursor_open(c, "T", 1, &cur), 0);
	CHECK_EQ(cursor_next(cur, &key, &key_len, &value, &value_len), 1);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_remove(b, key, key_len);
	CHECK_EQ(batch_commit(b, NULL), 0);
	(void) cursor_close(cur);
	CHECK_EQ(tagged("gone", NULL), -EBADMSG);
}

/* ---- the queue */

static int count_entries(void *context, const struct queue_entry *e)
{
	++*(unsigned *)context;
	return 0;
}

static unsigned queued(void)
{
	unsigned n = 0;

	CHECK_EQ(queue_foreach(c, count_entries, &n), 0);
	CHECK_EQ(queue_count(c), n);
	return n;
}

/* A write, as tiers/ does it. */
static void write_to(uint64_t ino)
{
	struct batch *b;
	struct inode i;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, ino, &i), 0);
	CHECK_EQ(queue_add(b, &i, EVENT_CONTENT), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static int take_out(uint64_t ino, uint64_t lsn)
{
	struct batch *b;
	int r;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	r = queue_remove_in(b, ino, lsn);
	CHECK_EQ(batch_commit(b, NULL), 0);
	return r;
}

static int attempt(uint64_t ino, uint64_t lsn)
{
	struct batch *b;
	int r;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	r = queue_attempt_in(b, ino, lsn);
	CHECK_EQ(batch_commit(b, NULL), 0);
	return r;
}

static struct queue_entry entry(uint64_t ino)
{
	struct queue_entry e = { 0 };

	CHECK_EQ(queue_get(c, ino, &e), 0);
	return e;
}

static void test_queue(void)
{
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;
	struct queue_entry e;
	uint64_t ino = file("queue"), lsn;
	struct inode i;

	CHECK_EQ(queued(), 1);
	e = entry(ino);
	CHECK_EQ(e.lsn, inode(ino).content_lsn);
	CHECK_EQ(e.why, EVENT_NAME | EVENT_CONTENT);
	CHECK_EQ(e.attempts, 0);

	/* Each kind of change while the indexer reads keeps the entry. */
	lsn = e.lsn;
	write_to(ino);
	CHECK_EQ(take_out(ino, lsn), 0);
	lsn = entry(ino).lsn;
	CHECK_EQ(lsn, inode(ino).content_lsn);
	CHECK_EQ(tree_rename(c, &rq, ROOT_INO, "queue", ROOT_INO, "queue2", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(take_out(ino, lsn), 0);
	lsn = entry(ino).lsn;
	CHECK(lsn > inode(ino).content_lsn);
	CHECK_EQ(set(ino, "user.note", "x", 0), 0);
	CHECK_EQ(take_out(ino, lsn), 0);
	lsn = entry(ino).lsn;
	CHECK_EQ(entry(ino).why, EVENT_NAME | EVENT_CONTENT | EVENT_XATTR);
	CHECK_EQ(take_out(ino, lsn), 1);
	CHECK_EQ(take_out(ino, lsn), 0);
	CHECK_EQ(queue_get(c, ino, &e), -ENOENT);
	CHECK_EQ(inode(ino).flags, 0);
	CHECK_EQ(queued(), 0);

	/* And puts it back. */
	CHECK_EQ(set(ino, "security.x", "x", 0), 0);
	CHECK_EQ(queued(), 0);
	CHECK_EQ(set(ino, "user.note", "y", 0), 0);
	CHECK_EQ(entry(ino).why, EVENT_XATTR);
	CHECK_EQ(queued(), 1);
	write_to(ino);
	CHECK_EQ(entry(ino).why, EVENT_XATTR | EVENT_CONTENT);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "queue2", true, &i), 0);
	CHECK_EQ(queued(), 0);
	write_to(ino);
	CHECK_EQ(queued(), 0);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
}

static void test_attempts(void)
{
	uint64_t ino = file("attempts"), lsn = entry(ino).lsn;
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(attempt(ino, lsn), 1);
	CHECK_EQ(attempt(ino, lsn), 2);
	CHECK_EQ(entry(ino).attempts, 2);
	CHECK_EQ(entry(ino).lsn, lsn);
	write_to(ino);
	CHECK_EQ(attempt(ino, lsn), 0);
	CHECK_EQ(entry(ino).attempts, 0);
	CHECK_EQ(attempt(ino, entry(ino).lsn), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "attempts", false, &i), 0);
	CHECK_EQ(attempt(ino, lsn), 0);
}

/* Only a first change of the bytes touches the record. */
static void test_cheap_writes(void)
{
	uint64_t ino = file("cheap");
	struct key key = key_u64(key_u8(key_start('Q'), QUEUE_INDEX), ino);
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;

	CHECK_EQ(catalog_get(c, key.bytes, key.len, &before), 0);
	write_to(ino);
	write_to(ino);
	CHECK_EQ(catalog_get(c, key.bytes, key.len, &after), 0);
	CHECK_MEM(before.data, before.len, after.data, after.len);
	CHECK_EQ(entry(ino).lsn, catalog_last_lsn(c));
}

static void test_all(unsigned hash_bits)
{
	dentry_hash_bits = hash_bits;
	c = tree_box_open();
	CHECK(c != NULL);
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
	test_queue();
	test_attempts();
	test_cheap_writes();
	test_tags();
	test_many_tags();
	test_errors();
	test_access_acl();
	test_default_acl();
	test_model();
	test_lost_xattr();
	test_lost_tag();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
