/* SPDX-License-Identifier: MIT */
/* Reading directories: cookies that stay while entries come and go, and a record that is full. */
#include "tests/unit/tree_hands.h"

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

static void test_all(void)
{
	test_readdir();
	test_full_record();
}

int main(void)
{
	return tree_hands_run(test_all);
}
