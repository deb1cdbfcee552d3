/* SPDX-License-Identifier: MIT */
/* A volume of an older version, with tags in another form: they are made anew. */
#include "catalog/tree_impl.h"
#include "catalog/walk.h"
#include "tests/unit/derived.h"
#include "tests/unit/tagged.h"
#include "tests/unit/xattr_box.h"

static void set_old_tags(uint64_t ino, const char *text)
{
	struct inode i;
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, ino, &i), 0);
	CHECK_EQ(xattr_put_in(b, &i, XATTR_TAGS, text, strlen(text)), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* Its records of tags, of another form. */
static void put_old_tag(uint64_t id, uint64_t ino)
{
	struct key g = key_u64(key_start('g'), id), t = key_u64(key_u64(key_start('T'), id), ino);
	struct key name = key_id(key_start('G'), (struct id128){ "an older hash" });
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_put(b, g.bytes, g.len, "0123456789abcdef", 16);
	batch_put(b, t.bytes, t.len, "", 0);
	batch_put(b, name.bytes, name.len, "\3red\1", 5);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void test_old_volume(void)
{
	uint64_t x = file("old.x"), y = file("old.y"), id, red = 0;
	static const char empty[] = "";
	unsigned problems = 0;

	set_old_tags(x, " red ,, green,old/one");
	set_old_tags(y, "red");
	set_old_tags(file("old.z"), empty);
	CHECK_EQ(catalog_next_number(c, COUNTER_TAG, &id), 0);
	put_old_tag(id, x);
	CHECK(derive_is_due(c));
	CHECK_EQ(derive_verify(c, problem_counts, &problems), 0);
	CHECK_EQ(problems, 0);
	CHECK_EQ(derive_run(c), 0);
	CHECK(!derive_is_due(c));
	CHECK_EQ(derive_verify(c, problem_counts, &problems), 4);
	CHECK_EQ(problems, 0);
	check_value(x, "user.xdg.tags", " red ,, green,old/one");
	check_value(y, "user.xdg.tags", "red");
	CHECK_EQ(has_tagged(c, "red"), 1);
	CHECK_EQ(has_tagged(c, "old"), 1);
	CHECK_EQ(has_tagged(c, "blue"), -ENOENT);
	CHECK_EQ(tag_find(c, "red", 3, &red), 0);
	CHECK(red > id);
	CHECK_EQ(set(x, "user.xdg.tags", "blue", 0), 0);
	CHECK_EQ(has_tagged(c, "blue"), 1);
	CHECK_EQ(derive_verify(c, problem_counts, &problems), 4);
	CHECK_EQ(problems, 0);
}

int main(void)
{
	xattr_box_open(56);
	test_old_volume();
	tree_box_close(c);
	return check_result();
}
