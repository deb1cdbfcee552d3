/* SPDX-License-Identifier: MIT */
/* Tags, which hang on an xattr. */
#include "tests/unit/tagged.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/xattr_box.h"

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
	int r = foreach_tagged(c, tag, add_found, &f);

	if (ret_first)
		*ret_first = f.inos[0];
	return r < 0 ? r : (int)f.count;
}

/* Records; of sets the members, of which a record says first how many it has. */
static size_t count_letter(char letter)
{
	const void *key, *value;
	size_t key_len, value_len, n = 0;
	struct cursor *cur;

	CHECK_EQ(cursor_open(c, &letter, 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) > 0)
		n += letter == 'T' ? *(const uint8_t *)value : 1;
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
	CHECK_EQ(count_letter('g'), 3 + 1); /* and the root */
	CHECK_EQ(count_letter('T'), 4);
	CHECK_EQ(set(a, "user.xdg.tags", "green,yellow", 0), 0);
	CHECK_EQ(tagged("red", NULL), -ENOENT);
	CHECK_EQ(tagged("yellow", NULL), 1);
	CHECK_EQ(unset(b, "user.xdg.tags"), 0);
	CHECK_EQ(tagged("green", &first), 1);
	CHECK_EQ(first, a);

	/* The tags go with the last name, not with the first. */
	CHECK_EQ(tree_link(c, &rq, a, ROOT_INO, "tags.c", &i), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.a", any_is_open, NULL, &i), 0);
	CHECK_EQ(tagged("green", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.c", any_is_open, NULL, &i), 0);
	CHECK_EQ(tagged("green", NULL), -ENOENT);
	CHECK_EQ(count_letter('G') + count_letter('T'), 0);

	/* Without a name a file has no tags, but its xattr stays. */
	check_value(a, "user.xdg.tags", "green,yellow");
	CHECK_EQ(set(a, "user.xdg.tags", "green,late", 0), 0);
	CHECK_EQ(tagged("late", NULL), -ENOENT);
	CHECK_EQ(tree_link(c, &rq, a, ROOT_INO, "tags.d", &i), 0);
	CHECK_EQ(tagged("late", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "tags.d", NULL, NULL, &i), 0);
	CHECK_EQ(tree_forget_inode(c, a), 0);
	CHECK_EQ(inode_get(c, a, &i), -ENOENT);
	CHECK_EQ(count_letter('G') + count_letter('T'), 0);
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
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "many", NULL, NULL, &i), 0);
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

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	test_tags();
	test_many_tags();
	test_lost_tag();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
