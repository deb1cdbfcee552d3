/* SPDX-License-Identifier: MIT */
/* Quotas of directories: what counts where, also in the middle of a walk, and by chance. */
#include "catalog/extent.h"
#include "catalog/quota.h"
#include "tests/unit/tree_hands.h"

static int set(uint64_t dir, enum quota_limit which, uint64_t limit, bool *ret_walk)
{
	struct tree_request rq = request();
	bool walk;

	return quota_set(c, &rq, dir, which, limit, ret_walk ? ret_walk : &walk);
}

static void settle(void)
{
	struct quota_walk *w;
	int r;

	CHECK_EQ(quota_walk_new(c, &w), 0);
	while ((r = quota_walk_step(w)) > 0)
		continue;
	CHECK_EQ(r, 0);
	(void) quota_walk_free(w);
}

static struct quota quota(uint64_t dir)
{
	struct quota q = { 0 };

	CHECK_EQ(quota_get(c, dir, &q), 0);
	return q;
}

static void wrong(void *context, const char *text)
{
	fprintf(stderr, "%s\n", text);
	++*(unsigned *)context;
}

static void check_sums(int64_t quotas)
{
	unsigned problems = 0;
	int64_t n = quota_verify(c, wrong, &problems);

	CHECK_EQ(problems, 0);
	if (quotas >= 0)
		CHECK_EQ(n, quotas);
}

/* Makes the file `size` bytes long, all of them reserved. */
static int resize(uint64_t ino, uint64_t size)
{
	struct extent e = { .len = size, .kind = EXTENT_HOLE, .flags = EXTENT_ALLOCATED };
	struct batch *b;
	struct inode i;
	uint64_t next;
	int r = catalog_begin(c, false, &b);

	if (r < 0)
		return r;
	r = inode_get_in(b, ino, &i);
	if (r >= 0)
		r = extent_cut(b, &i, 0, i.size, 100, &next);
	if (r >= 0 && size)
		r = extent_put(b, &i, &e);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	i.size = size;
	inode_put(b, &i);
	return batch_commit(b, NULL);
}

static void test_limits(void)
{
	uint64_t dir = directory(ROOT_INO, "limits"), inner, f;
	bool walk;

	CHECK_EQ(set(dir, QUOTA_BYTES, 0, NULL), -ENODATA);
	CHECK_EQ(set(dir, QUOTA_BYTES, QUOTA_LIMIT_MAX + 1, NULL), -EINVAL);
	CHECK_EQ(set(dir, QUOTA_BYTES, 1000, &walk), 0);
	CHECK(!walk);
	CHECK_EQ(set(dir, QUOTA_INODES, 3, &walk), 0);
	inner = directory(dir, "inner");
	f = file(inner, "f");
	CHECK_EQ(set(f, QUOTA_BYTES, 1, NULL), -ENOTDIR);
	CHECK_EQ(make(dir, "g", S_IFREG | 0644, NULL), -EDQUOT);
	CHECK_EQ(make(inner, "g", S_IFLNK | 0777, NULL), -EDQUOT);
	CHECK_EQ(rename_flags(inner, "f", inner, "g", RENAME_WHITEOUT), -EDQUOT);
	CHECK_EQ(resize(f, 1001), -EDQUOT);
	CHECK_EQ(resize(f, 1000), 0);
	CHECK_EQ(quota(dir).bytes, 1000);
	CHECK_EQ(quota(dir).inodes, 3);
	CHECK_EQ(set(dir, QUOTA_BYTES, 500, NULL), 0);
	CHECK_EQ(resize(f, 1000), 0); /* the same bytes anew */
	CHECK_EQ(resize(f, 1001), -EDQUOT);
	CHECK_EQ(resize(f, 400), 0);
	CHECK_EQ(resize(f, 501), -EDQUOT);
	check_sums(1);
	CHECK_EQ(resize(f, 0), 0);
	CHECK_EQ(unlink_open(inner, "f", true), 0);
	CHECK_EQ(quota(dir).inodes, 3); /* somebody has it open */
	CHECK_EQ(tree_forget_inode(c, f), 0);
	CHECK_EQ(quota(dir).inodes, 2);
	CHECK_EQ(set(dir, QUOTA_BYTES, 0, &walk), 0);
	CHECK(!walk);
	CHECK_EQ(set(dir, QUOTA_INODES, 0, &walk), 0);
	CHECK(walk);
	settle();
	CHECK_EQ(inode(inner).quota, 0);
	check_sums(0);
	CHECK_EQ(set(inner, QUOTA_INODES, 1, NULL), 0);
	CHECK_EQ(rmdir_name(dir, "inner"), 0); /* and its quota with it */
	check_sums(0);
}

/* A walk in the middle of its work, and what others do then. */
static void test_walk(void)
{
	uint64_t dir = directory(ROOT_INO, "walk"), out = directory(ROOT_INO, "out"), sub[200], f, names = 0;
	struct quota_walk *w;
	char name[16], other[16];

	for (unsigned n = 0; n < ARRAY_SIZE(sub); n++) {
		(void) snprintf(name, sizeof(name), "%u", n);
		sub[n] = directory(dir, name);
		f = file(sub[n], "f");
		CHECK_EQ(resize(f, 10), 0);
	}
	CHECK_EQ(link_to(f, out, "link"), 0);
	CHECK_EQ(set(dir, QUOTA_INODES, 1000, NULL), 0);
	CHECK_EQ(quota_walk_new(c, &w), 0);
	CHECK_EQ(quota_walk_step(w), 1);
	CHECK_EQ(quota_walk_step(w), 1);
	check_sums(1);
	CHECK_EQ(quota(dir).state, QUOTA_ADOPTING);
	for (unsigned n = 0; n < ARRAY_SIZE(sub); n++) {
		bool taken = inode(sub[n]).quota == dir;

		(void) snprintf(name, sizeof(name), "%u", n);
		(void) snprintf(other, sizeof(other), "r%u", n);
		CHECK_EQ(rename_to(dir, name, dir, other), taken ? 0 : -EBUSY);
		if (n % 3 == 0)
			CHECK_EQ(rename_to(dir, taken ? other : name, out, name), taken ? -EXDEV : 0);
		names += !(n % 3 == 0 && !taken);
		CHECK_EQ(make(sub[n], "new", S_IFREG | 0644, NULL), 0);
	}
	while (quota_walk_step(w) > 0)
		continue;
	(void) quota_walk_free(w);
	check_sums(1);
	CHECK_EQ(quota(dir).state, QUOTA_SETTLED);
	CHECK_EQ(quota(dir).inodes, 1 + 3 * names);
	CHECK_EQ(quota(dir).bytes, 10 * names);
	CHECK_EQ(rename_to(out, "link", out, "other"), 0); /* counts where its new name is */
	check_sums(1);
	CHECK_EQ(set(dir, QUOTA_INODES, 0, NULL), 0);
	settle();
	check_sums(0);
}

/* ---- by chance */

#define DIRS 40u
#define ROUNDS 3000u

static uint64_t dirs[DIRS];

static uint64_t some(void)
{
	return dirs[(unsigned)rand() % DIRS];
}

static const char *some_name(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };

	return names[(unsigned)rand() % ARRAY_SIZE(names)];
}

/* The quota that what lies in `dir` must count for. */
static uint64_t nearest(uint64_t dir)
{
	struct quota q;
	struct inode i;

	for (;; dir = i.parent) {
		if (!dir || quota_get(c, dir, &q) == 0)
			return dir;
		i = inode(dir);
	}
}

static void check_tree(uint64_t dir)
{
	struct tree_dir *d;
	struct tree_entry e = { .cookie = 0 };

	CHECK_EQ(tree_dir_open(c, dir, &d), 0);
	while (tree_dir_next(d, e.cookie, &e) > 0) {
		struct inode i = inode(e.ino);

		if (S_ISDIR(i.mode))
			check_tree(e.ino);
		if (S_ISDIR(i.mode) || i.nlink == 1)
			CHECK_EQ(i.quota, nearest(S_ISDIR(i.mode) ? e.ino : dir));
	}
	(void) tree_dir_close(d);
}

static void one_change(void)
{
	uint64_t dir = some(), slot = (unsigned)rand() % DIRS, ino;
	const char *name = some_name();
	int64_t found = lookup(dir, name);

	switch (rand() % 9) {
	case 0:
		if (make(dir, name, S_IFDIR | 0755, &ino) == 0)
			dirs[slot] = ino;
		break;
	case 1:
	case 2:
		if (make(dir, name, S_IFREG | 0644, &ino) == 0)
			(void) resize(ino, (unsigned)rand() % 100);
		break;
	case 3:
		(void) rename_flags(dir, name, some(), some_name(), rand() % 3 ? 0 : RENAME_EXCHANGE);
		break;
	case 4:
		(void) rename_to(dir, name, dir, some_name());
		break;
	case 5:
		if (found > 0 && S_ISREG(inode((uint64_t)found).mode))
			(void) link_to((uint64_t)found, some(), some_name());
		break;
	case 6:
		if (found > 0 && S_ISREG(inode((uint64_t)found).mode)) {
			if (inode((uint64_t)found).nlink == 1)
				(void) resize((uint64_t)found, 0);
			(void) unlink_name(dir, name);
		} else {
			(void) rmdir_name(dir, name);
		}
		break;
	case 7:
		(void) set(dir, rand() % 2 ? QUOTA_BYTES : QUOTA_INODES, (unsigned)rand() % 4 ? 50 : 100000, NULL);
		break;
	default:
		(void) set(dir, rand() % 2 ? QUOTA_BYTES : QUOTA_INODES, 0, NULL);
	}
}

/* Directories may have gone whose numbers are still drawn. */
static void forget_the_dead(void)
{
	struct inode i;

	for (unsigned n = 0; n < DIRS; n++)
		if (inode_get(c, dirs[n], &i) < 0 || !i.nlink)
			dirs[n] = ROOT_INO;
}

static void test_chance(unsigned seed)
{
	struct quota_walk *w;

	srand(seed);
	for (unsigned n = 0; n < DIRS; n++)
		dirs[n] = ROOT_INO;
	CHECK_EQ(quota_walk_new(c, &w), 0);
	for (unsigned n = 0; n < ROUNDS; n++) {
		one_change();
		forget_the_dead();
		if (rand() % 3 == 0)
			CHECK(quota_walk_step(w) >= 0);
		if (n % 500 == 0)
			check_sums(-1);
		if (n % 1000 == 999) { /* a crash in the middle */
			(void) quota_walk_free(w);
			c = tree_box_reopen(c);
			CHECK_EQ(quota_walk_new(c, &w), 0);
		}
	}
	check_sums(-1);
	(void) quota_walk_free(w);
	settle();
	check_sums(-1);
	check_tree(ROOT_INO);
	if (check_failures)
		fprintf(stderr, "seed %u\n", seed);
}

static void test_all(void)
{
	test_limits();
	test_walk();
	for (unsigned seed = 1; seed <= 3 && !check_failures; seed++) {
		tree_hands_open(dentry_hash_bits);
		test_chance(seed);
	}
}

int main(void)
{
	return tree_hands_run(test_all);
}
