/* SPDX-License-Identifier: MIT */
/* The index queue. */
#include "tests/unit/any_is_open.h"
#include "tests/unit/xattr_box.h"

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

/* `change` in a batch of its own. */
static int in_batch(int (*change)(struct batch *b, uint64_t ino, uint64_t lsn), uint64_t ino, uint64_t lsn)
{
	struct batch *b;
	int r;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	r = change(b, ino, lsn);
	CHECK_EQ(batch_commit(b, NULL), 0);
	return r;
}

static int take_out(uint64_t ino, uint64_t lsn)
{
	return in_batch(queue_remove_in, ino, lsn);
}

static int attempt(uint64_t ino, uint64_t lsn)
{
	return in_batch(queue_attempt_in, ino, lsn);
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
	CHECK_EQ(entry(ino).why, EVENT_NAME | EVENT_CONTENT);
	/* But xattrs, of which documents have nothing. */
	CHECK_EQ(set(ino, "user.note", "x", 0), 0);
	CHECK_EQ(take_out(ino, lsn), 1);
	CHECK_EQ(take_out(ino, lsn), 0);
	CHECK_EQ(queue_get(c, ino, &e), -ENOENT);
	CHECK_EQ(inode(ino).flags, 0);
	CHECK_EQ(queued(), 0);

	/* And puts it back. */
	CHECK_EQ(set(ino, "user.note", "y", 0), 0);
	CHECK_EQ(set(ino, "user.xdg.tags", "y", 0), 0);
	CHECK_EQ(queued(), 0);
	write_to(ino);
	CHECK_EQ(entry(ino).why, EVENT_CONTENT);
	CHECK_EQ(queued(), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "queue2", any_is_open, NULL, &i), 0);
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
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "attempts", NULL, NULL, &i), 0);
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

/* A directory stands there for what lies below it. */
static void test_directory(void)
{
	struct tree_make make = { .mode = S_IFDIR | 0755 };
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;
	unsigned before = queued();
	struct inode dir, i;
	uint64_t lsn;

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "folder", &make, &dir), 0);
	CHECK_EQ(tree_rename(c, &rq, ROOT_INO, "folder", ROOT_INO, "empty", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(queued(), before);
	CHECK_EQ(tree_make(c, &rq, dir.ino, "below", &make, &i), 0);
	CHECK_EQ(tree_rename(c, &rq, ROOT_INO, "empty", ROOT_INO, "full", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(queued(), before + 1);
	CHECK_EQ(entry(dir.ino).why, EVENT_NAME | EVENT_BELOW);
	lsn = entry(dir.ino).lsn;
	CHECK_EQ(tree_rename(c, &rq, ROOT_INO, "full", ROOT_INO, "folder", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(take_out(dir.ino, lsn), 0);
	CHECK_EQ(take_out(dir.ino, entry(dir.ino).lsn), 1);
	CHECK_EQ(queued(), before);
	CHECK_EQ(tree_rename(c, &rq, ROOT_INO, "folder", ROOT_INO, "full", 0, NULL, NULL, &renamed), 0);
	CHECK_EQ(tree_rmdir(c, &rq, dir.ino, "below", &i), 0);
	CHECK_EQ(tree_rmdir(c, &rq, ROOT_INO, "full", &i), 0);
	CHECK_EQ(queued(), before);
}

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	test_queue();
	test_attempts();
	test_cheap_writes();
	test_directory();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
