/* SPDX-License-Identifier: MIT */
/* Tags in the batch of what is made or renamed: all of it happens, or nothing. */
#include "tests/unit/tagged.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/xattr_box.h"

#define TAGS "user.xdg.tags"

static uint64_t tag(const char *name)
{
	struct tree_request rq = { 0 };
	uint64_t id = 0;

	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, name, &id), 0);
	return id;
}

static void remove_tag(uint64_t id)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(tree_remove_tag(c, &rq, id), 0);
}

static int count_file(void *context, uint64_t ino)
{
	++*(int *)context;
	return 0;
}

/* How many files have it. */
static int tagged(const char *name)
{
	int n = 0, r = foreach_tagged(c, name, count_file, &n);

	return r < 0 ? r : n;
}

static int make_file(const char *name, const struct retag *tags, struct inode *ret_i)
{
	struct tree_request rq = { .tags = tags };
	const struct tree_make m = { .mode = S_IFREG | 0644 };

	return tree_make(c, &rq, ROOT_INO, name, &m, ret_i);
}

static int rename_file(const char *name, const char *new_name, const struct retag *tags,
		       struct tree_renamed *ret)
{
	struct tree_request rq = { .tags = tags };

	return tree_rename(c, &rq, ROOT_INO, name, ROOT_INO, new_name, 0, any_is_open, NULL, ret);
}

static void unlink_file(const char *name)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
}

static int lookup(const char *name, struct inode *ret_i)
{
	return tree_lookup(c, ROOT_INO, name, ret_i);
}

/* ---- what is made */

static void test_make(void)
{
	const uint64_t red = tag("red"), deep = tag("deep/er"), blue = tag("blue"), with[] = { red, deep };
	const struct retag tags = { .with = with, .n_with = 2, .without = &blue, .n_without = 1 };
	struct inode i, now;

	CHECK_EQ(make_file("made", &tags, &i), 0);
	check_value(i.ino, TAGS, "red,deep/er");
	CHECK_EQ(tagged("red"), 1);
	CHECK_EQ(tagged("deep"), 1);
	CHECK_EQ(tagged("blue"), 0);
	/* What was returned is what is stored. */
	CHECK_EQ(lookup("made", &now), 0);
	CHECK_EQ(now.ino, i.ino);
	CHECK_EQ(now.sets[SET_XATTRS].count, i.sets[SET_XATTRS].count);
	CHECK_MEM((const uint8_t *)&now.sets[SET_XATTRS], sizeof(now.sets[SET_XATTRS]),
		  (const char *)&i.sets[SET_XATTRS], sizeof(i.sets[SET_XATTRS]));
	CHECK_EQ(make_file("made", &tags, &i), -EEXIST);
	CHECK_EQ(tagged("red"), 1);

	c = tree_box_reopen(c);
	check_value(now.ino, TAGS, "red,deep/er");
	unlink_file("made");
	CHECK_EQ(tagged("red") + tagged("deep"), 0);
}

/* Nobody has it, and it was not made. */
static void check_no_trace(const struct tree_stats *before, const char *name)
{
	struct tree_stats now;
	struct inode i;

	tree_get_stats(c, &now);
	CHECK_EQ(now.files, before->files);
	CHECK_EQ(lookup(name, &i), -ENOENT);
	CHECK_EQ(tagged("red"), 0);
}

static void test_make_with_one_that_is_gone(void)
{
	uint64_t red = tag("kept"), gone = tag("gone"), with[] = { 0, 0 };
	const struct retag tags = { .with = with, .n_with = 2 };
	struct inode root = inode(ROOT_INO), i = { .ino = 7 };
	struct tree_stats before;
	uint64_t queued = queue_count(c);

	remove_tag(gone);
	tree_get_stats(c, &before);
	for (unsigned k = 0; k < 2; k++) {
		with[k] = red;
		with[!k] = gone;
		CHECK_EQ(make_file("none", &tags, &i), -ENOENT);
		CHECK_EQ(i.ino, 7);
		check_no_trace(&before, "none");
		CHECK_EQ(tagged("kept"), 0);
	}
	CHECK_EQ(inode(ROOT_INO).mtime.tv_nsec, root.mtime.tv_nsec);
	CHECK_EQ(inode(ROOT_INO).sets[SET_ENTRIES].count, root.sets[SET_ENTRIES].count);
	CHECK_EQ(queue_count(c), queued);
	with[0] = with[1] = red;
	CHECK_EQ(make_file("none", &tags, &i), 0);
	check_value(i.ino, TAGS, "kept");
	unlink_file("none");
	remove_tag(red);
}

/* ---- what is renamed */

static void test_rename(void)
{
	const uint64_t old = tag("old"), new = tag("new");
	const struct retag tags = { .with = &new, .n_with = 1, .without = &old, .n_without = 1 };
	struct tree_renamed renamed;
	struct inode i;
	uint64_t ino = file("a");

	CHECK_EQ(set(ino, TAGS, "old, other", 0), 0);
	CHECK_EQ(rename_file("a", "b", &tags, &renamed), 0);
	CHECK_EQ(renamed.moved.ino, ino);
	CHECK_EQ(renamed.replaced.ino, 0);
	CHECK_EQ(lookup("b", &i), 0);
	check_value(ino, TAGS, " other,new");
	CHECK_EQ(tagged("old"), 0);
	CHECK_EQ(tagged("new"), 1);

	/* What is to lose a tag that it has not is renamed all the same. */
	CHECK_EQ(rename_file("b", "c", &(struct retag){ .without = &old, .n_without = 1 }, &renamed), 0);
	CHECK_EQ(lookup("c", &i), 0);
	check_value(ino, TAGS, " other,new");

	/* And no tag is changed where it cannot be. */
	CHECK_EQ(rename_file("none", "c", &tags, &renamed), -ENOENT);
	CHECK_EQ(tagged("new"), 1);
	c = tree_box_reopen(c);
	check_value(ino, TAGS, " other,new");
	unlink_file("c");
}

static void test_rename_with_one_that_is_gone(void)
{
	const uint64_t gone = tag("late");
	const struct retag tags = { .with = &gone, .n_with = 1 };
	struct tree_renamed renamed = { .moved.ino = 7 };
	uint64_t ino = file("d"), other = file("e");
	struct inode i;

	remove_tag(gone);
	CHECK_EQ(rename_file("d", "e", &tags, &renamed), -ENOENT);
	CHECK_EQ(renamed.moved.ino, 7);
	CHECK_EQ(lookup("d", &i), 0);
	CHECK_EQ(i.ino, ino);
	CHECK_EQ(lookup("e", &i), 0);
	CHECK_EQ(i.ino, other);
	CHECK_EQ(i.nlink, 1);
	check_value(ino, TAGS, NULL);
	unlink_file("d");
	unlink_file("e");
}

/* Onto another name of its own it stays where it is, and is another's place no more than before. */
static void test_two_names(void)
{
	const uint64_t both = tag("both");
	const struct retag tags = { .without = &both, .n_without = 1 };
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;
	uint64_t ino = file("f");
	struct inode i;

	CHECK_EQ(set(ino, TAGS, "both", 0), 0);
	CHECK_EQ(tree_link(c, &rq, ino, ROOT_INO, "g", &i), 0);
	CHECK_EQ(rename_file("f", "g", &tags, &renamed), 0);
	CHECK_EQ(renamed.moved.ino, ino);
	CHECK_EQ(renamed.replaced.ino, 0);
	check_value(ino, TAGS, NULL);
	CHECK_EQ(tagged("both"), 0);
	CHECK_EQ(lookup("f", &i), 0);
	CHECK_EQ(lookup("g", &i), 0);
	CHECK_EQ(i.nlink, 2);
	unlink_file("f");
	unlink_file("g");
}

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	test_make();
	test_make_with_one_that_is_gone();
	test_rename();
	test_rename_with_one_that_is_gone();
	test_two_names();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
