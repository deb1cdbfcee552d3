/* SPDX-License-Identifier: MIT */
/* A namespace with records missing or wrong: an error, never less than there was, and never without end. */
#include "tests/unit/tree_hands.h"

static inline void drop_record(struct key key)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

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

static void test_all(void)
{
	test_lost_entry();
	test_lost_target();
	test_ring();
}

int main(void)
{
	return tree_hands_run(test_all);
}
