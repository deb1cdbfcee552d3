/* SPDX-License-Identifier: MIT */
/* Tags, which hang on an xattr. */
#include "tests/unit/tagged.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/packed_box.h"
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

/* Records; of sets the members. */
static size_t count_letter(char letter)
{
	return letter == 'T' ? packed_box_count(c, letter) : packed_box_records(c, letter);
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

/* An empty list is one, with a name and without. */
static void test_no_tags(void)
{
	uint64_t ino = file("empty");
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(set(ino, "user.xdg.tags", "", 0), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "empty", any_is_open, NULL, &i), 0);
	check_value(ino, "user.xdg.tags", "");
	CHECK_EQ(tree_link(c, &rq, ino, ROOT_INO, "again", &i), 0);
	check_value(ino, "user.xdg.tags", "");
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "again", NULL, NULL, &i), 0);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
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

/* ---- lists as they were written */

static uint64_t id_of(const char *tag)
{
	uint64_t id = 0;

	CHECK_EQ(tag_find(c, tag, strlen(tag), &id), 0);
	return id;
}

static void check_bytes(uint64_t ino, const char *want, size_t len)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	CHECK_EQ(tree_getxattr(c, ino, "user.xdg.tags", &value), 0);
	CHECK_MEM(value.data ? value.data : (uint8_t *)"", value.len, want, len);
}

static void test_text(void)
{
	static const char *const texts[] = {
		"", " ", ",", ",,,", " red ,green,,  , red,blau", "a", ",a,", "a, b ,\tc\n", "a/b/c", "-a,.,..",
		"\x01\xff,\xfe\xff", "%2C,%", "a ,a,a", "100%, 50% off",
	};
	uint64_t ino = file("text");
	struct tree_request rq = { 0 };
	struct inode i;

	for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
		CHECK_EQ(set(ino, "user.xdg.tags", texts[k], 0), 0);
		check_bytes(ino, texts[k], strlen(texts[k]));
	}
	/* A byte 0 is a blank at an end, and part of a name elsewhere. */
	CHECK_EQ(tree_setxattr(c, &rq, ino, "user.xdg.tags", "\0x\0y,z\0", 7, 0), 0);
	check_bytes(ino, "\0x\0y,z\0", 7);
	CHECK_EQ(tagged("z", NULL), 1);
	/* Slashes too many are not kept. */
	CHECK_EQ(set(ino, "user.xdg.tags", "/p//q/ , /,r/", 0), 0);
	check_value(ino, "user.xdg.tags", "p/q , /,r");
	CHECK_EQ(tagged("p", NULL), 1);
	CHECK_EQ(tagged("p/q", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "text", NULL, NULL, &i), 0);
	CHECK_EQ(count_letter('G') + count_letter('T'), 0);
}

/* As deep as names go; what is deeper is part of the last step. */
static void test_nested(void)
{
	static const char deep[] = "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r";
	uint64_t x = file("nested.x"), y = file("nested.y"), z = file("nested.z"), first;
	struct tree_request rq = { 0 };
	struct inode i;
	uint64_t n = 0;

	CHECK_EQ(set(x, "user.xdg.tags", "p/q/r,p/q", 0), 0);
	CHECK_EQ(set(y, "user.xdg.tags", "p", 0), 0);
	CHECK_EQ(set(z, "user.xdg.tags", deep, 0), 0);
	check_value(z, "user.xdg.tags", deep);
	CHECK_EQ(tagged(deep, &first), 1);
	CHECK_EQ(first, z);
	CHECK_EQ(tagged("a/b", NULL), 1);
	CHECK_EQ(tagged("p", &first), 2);
	CHECK_EQ(first, x);
	CHECK_EQ(tagged("p/q", NULL), 1);
	CHECK_EQ(tag_count_files(c, id_of("p"), &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(count_letter('G'), 3 + TAG_DEPTH_MAX);
	CHECK_EQ(set(x, "user.xdg.tags", "p/q", 0), 0);
	CHECK_EQ(tagged("p/q/r", NULL), -ENOENT);
	CHECK_EQ(unset(x, "user.xdg.tags"), 0);
	CHECK_EQ(tagged("p/q", NULL), -ENOENT);
	CHECK_EQ(tagged("p", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "nested.x", NULL, NULL, &i), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "nested.y", NULL, NULL, &i), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "nested.z", NULL, NULL, &i), 0);
	CHECK_EQ(count_letter('G') + count_letter('T'), 0);
}

/* ---- renaming */

static int rename_tag(const char *tag, uint64_t above, const char *name, bool may_replace)
{
	struct tree_request rq = { 0 };

	return tree_rename_tag(c, &rq, id_of(tag), above, name, may_replace);
}

static void check_names_of_files(const uint64_t *inos, const char *const *wants, size_t n)
{
	for (size_t k = 0; k < n; k++)
		check_value(inos[k], "user.xdg.tags", wants[k]);
}

#define CHECK_NAMES(...) \
	check_names_of_files(inos, (const char *const[]){ __VA_ARGS__ }, ARRAY_SIZE(((const char *[]){ __VA_ARGS__ })))

static void test_rename(void)
{
	const uint64_t inos[] = { file("rename.1"), file("rename.2"), file("rename.3") };
	const uint64_t root = LABEL_ROOT_TAGS;
	struct tree_request rq = { 0 };
	uint64_t empty, id;
	struct inode i;

	CHECK_EQ(set(inos[0], "user.xdg.tags", " a/b/c ,, d", 0), 0);
	CHECK_EQ(set(inos[1], "user.xdg.tags", "a/b,a,a/b/c", 0), 0);
	CHECK_EQ(set(inos[2], "user.xdg.tags", "d,e", 0), 0);
	id = id_of("a/b/c");
	CHECK_EQ(rename_tag("a/b/c", id_of("a/b"), "z", false), 0);
	CHECK_EQ(id_of("a/b/z"), id);
	CHECK_NAMES(" a/b/z ,, d", "a/b,a,a/b/z", "d,e");
	CHECK_EQ(rename_tag("a/b", id_of("a"), "y \xff.", false), 0);
	CHECK_NAMES(" a/y \xff./z ,, d", "a/y \xff.,a,a/y \xff./z", "d,e");
	CHECK_EQ(rename_tag("a", root, "x", false), 0);
	CHECK_NAMES(" x/y \xff./z ,, d", "x/y \xff.,x,x/y \xff./z", "d,e");
	CHECK_EQ(tagged("a", NULL), -ENOENT);
	CHECK_EQ(tagged("x", NULL), 2);
	c = tree_box_reopen(c);
	CHECK_EQ(rename_tag("x/y \xff.", id_of("d"), "b", false), 0);
	CHECK_NAMES(" d/b/z ,, d", "d/b,x,d/b/z", "d,e");
	CHECK_EQ(tagged("d", NULL), 3);
	CHECK_EQ(tagged("x", NULL), 1);

	/* Where it cannot go. */
	CHECK_EQ(rename_tag("d", id_of("d/b"), "d", true), -EINVAL);
	CHECK_EQ(rename_tag("d", id_of("d"), "d", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, "d", true), -ENOTEMPTY);
	CHECK_EQ(rename_tag("e", root, "d", false), -EEXIST);
	CHECK_EQ(rename_tag("e", root, "", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, "a,b", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, "a/b", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, " a", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, "a ", true), -EINVAL);
	CHECK_EQ(rename_tag("e", root, "e", true), 0);
	CHECK_EQ(tree_make_tag(c, &rq, root, "empty", &empty), 0);
	CHECK_EQ(rename_tag("e", root, "empty", false), -EEXIST);
	CHECK_EQ(rename_tag("e", root, "empty", true), 0);
	CHECK_NAMES(" d/b/z ,, d", "d/b,x,d/b/z", "d,empty");
	CHECK(id_of("empty") != empty);
	CHECK_EQ(tree_rename_tag(c, &rq, empty, root, "back", true), -ENOENT);

	for (unsigned k = 1; k <= 3; k++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "rename.%u", k);
		CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
	}
	/* Those that were renamed stay, as folders do. */
	CHECK_EQ(count_letter('T'), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("d")), -ENOTEMPTY);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("d/b/z")), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("d/b")), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("x")), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("empty")), 0);
	CHECK_EQ(count_letter('G'), 0);
}

/* A tag too deep could not be told again from what the xattr says. */
static void test_too_deep(void)
{
	struct tree_request rq = { 0 };
	uint64_t id, above = LABEL_ROOT_TAGS, ids[TAG_DEPTH_MAX], other;

	for (unsigned k = 0; k < TAG_DEPTH_MAX; k++) {
		CHECK_EQ(tree_make_tag(c, &rq, above, "s", &ids[k]), 0);
		above = ids[k];
	}
	CHECK_EQ(tree_make_tag(c, &rq, above, "s", &id), -ENAMETOOLONG);
	CHECK_EQ(tree_make_tag(c, &rq, ids[TAG_DEPTH_MAX - 3], "t/u/v/w", &id), -ENAMETOOLONG);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "o/p", &other), 0);
	CHECK_EQ(rename_tag("o", ids[TAG_DEPTH_MAX - 2], "o", false), -ENAMETOOLONG);
	CHECK_EQ(rename_tag("o", ids[TAG_DEPTH_MAX - 3], "o", false), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, other), 0);
	CHECK_EQ(tree_remove_tag(c, &rq, id_of("s/s/s/s/s/s/s/s/s/s/s/s/s/s/o")), 0);
	for (unsigned k = TAG_DEPTH_MAX; k > 0; k--)
		CHECK_EQ(tree_remove_tag(c, &rq, ids[k - 1]), 0);
	CHECK_EQ(count_letter('G'), 0);
}

/* ---- tagging by number */

#define IDS_MAX 4
struct ids {
	uint64_t ids[IDS_MAX];
	size_t n;
};

static struct ids ids_of(const char *const *tags)
{
	struct ids ids = { 0 };

	while (tags && *tags)
		ids.ids[ids.n++] = id_of(*tags++);
	return ids;
}

#define TAGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int retag(uint64_t ino, const char *const *without, const char *const *with)
{
	struct tree_request rq = { 0 };
	struct ids lose = ids_of(without), gain = ids_of(with);

	return tree_retag(c, &rq, ino, &(struct retag){ .without = lose.ids, .n_without = lose.n, .with = gain.ids,
						       .n_with = gain.n });
}

static void test_retag(void)
{
	uint64_t ino = file("retag"), id;
	struct tree_request rq = { 0 };
	struct inode i;

	for (const char *const *tag = TAGS("r", "g", "b", "p/q", "p/s"); *tag; tag++)
		CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, *tag, &id), 0);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "p/q", &id), -EEXIST);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "p/a,b", &id), -EINVAL);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "", &id), -EINVAL);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "/", &id), -EINVAL);

	CHECK_EQ(retag(ino, NULL, TAGS("r")), 0);
	check_value(ino, "user.xdg.tags", "r");
	CHECK_EQ(retag(ino, NULL, TAGS("r", "g", "r")), 0);
	check_value(ino, "user.xdg.tags", "r,g");
	CHECK_EQ(retag(ino, TAGS("r"), TAGS("b", "p/q")), 0);
	check_value(ino, "user.xdg.tags", "g,b,p/q");
	CHECK_EQ(retag(ino, TAGS("r"), NULL), -ENODATA);
	CHECK_EQ(retag(ino, TAGS("r"), TAGS("g")), 0); /* whoever has it got it */
	CHECK_EQ(retag(ino, TAGS("g"), TAGS("g")), 0);
	check_value(ino, "user.xdg.tags", "b,p/q,g");

	/* What goes takes its comma along, and all below it goes, too; the rest is as it was. */
	CHECK_EQ(set(ino, "user.xdg.tags", " r , g,,p/q, p ,b, p/s ,", 0), 0);
	CHECK_EQ(retag(ino, TAGS("p"), NULL), 0);
	check_value(ino, "user.xdg.tags", " r , g,, b");
	CHECK_EQ(tagged("p", NULL), 0);
	CHECK_EQ(tagged("p/q", NULL), 0); /* it was made as a folder */
	CHECK_EQ(retag(ino, TAGS("r", "g"), NULL), 0);
	CHECK_EQ(tagged("b", NULL), 1);
	CHECK_EQ(tagged("r", NULL), 0);
	CHECK_EQ(retag(ino, TAGS("b"), NULL), 0);
	check_value(ino, "user.xdg.tags", NULL);
	CHECK_EQ(count_letter('T'), 0);

	/* Only by a name. */
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "retag", any_is_open, NULL, &i), 0);
	CHECK_EQ(retag(ino, NULL, TAGS("r")), -ENOENT);
	CHECK_EQ(tree_forget_inode(c, ino), 0);
	CHECK_EQ(retag(ino, NULL, TAGS("r")), -ENOENT);
	for (const char *const *tag = TAGS("r", "g", "b", "p/q", "p/s", "p"); *tag; tag++)
		CHECK_EQ(tree_remove_tag(c, &rq, id_of(*tag)), 0);
	CHECK_EQ(count_letter('G'), 0);
}

/* One that is added by number is bounded as one that is written. */
static void test_long_list(void)
{
	static char name[1001];
	uint64_t ino = file("long"), id, last = 0;
	struct tree_request rq = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct inode i;
	int r = 0, n;

	for (n = 0; n < 100 && r == 0; n++) {
		memset(name, 'a' + n % 26, sizeof(name) - 1);
		name[0] = (char)('A' + n / 26);
		CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, name, &id), 0);
		r = tree_retag(c, &rq, ino, &(struct retag){ .with = &id, .n_with = 1 });
		last = id;
	}
	CHECK_EQ(r, -E2BIG);
	CHECK_EQ(n, 66); /* 65 with their commas fit into 64 KiB */
	CHECK_EQ(tree_getxattr(c, ino, "user.xdg.tags", &value), 0);
	CHECK(value.len <= 65536);
	CHECK_EQ(tree_remove_tag(c, &rq, last), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "long", NULL, NULL, &i), 0);
	CHECK_EQ(count_letter('T'), 0);
}

/* Text until it has a name. */
static void test_unnamed(void)
{
	const struct tree_make make = { .mode = S_IFREG | 0600, .unnamed = true };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };
	uint64_t id = 0;

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "", &make, &i), 0);
	CHECK_EQ(set(i.ino, "user.xdg.tags", " u/v ,w", 0), 0);
	check_value(i.ino, "user.xdg.tags", " u/v ,w");
	CHECK_EQ(tagged("w", NULL), -ENOENT);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "new", &id), 0);
	CHECK_EQ(retag(i.ino, NULL, TAGS("new")), -ENOENT);
	CHECK_EQ(tree_link(c, &rq, i.ino, ROOT_INO, "unnamed", &i), 0);
	check_value(i.ino, "user.xdg.tags", " u/v ,w");
	CHECK_EQ(tagged("u", NULL), 1);
	CHECK_EQ(retag(i.ino, TAGS("w"), TAGS("new")), 0);
	check_value(i.ino, "user.xdg.tags", " u/v,new");
	/* Renamed while it has no name: that is the one it has afterwards. */
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "unnamed", any_is_open, NULL, &i), 0);
	CHECK_EQ(tagged("new", NULL), 0);
	CHECK_EQ(rename_tag("new", LABEL_ROOT_TAGS, "newer", false), 0);
	CHECK_EQ(tree_link(c, &rq, i.ino, ROOT_INO, "unnamed", &i), 0);
	check_value(i.ino, "user.xdg.tags", " u/v,new");
	CHECK_EQ(tagged("new", NULL), 1);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "unnamed", NULL, NULL, &i), 0);
	for (const char *const *tag = TAGS("newer", "w"); *tag; tag++)
		CHECK_EQ(tree_remove_tag(c, &rq, id_of(*tag)), 0);
	CHECK_EQ(count_letter('G') + count_letter('T'), 0);
}

static void test_lost_tag(void)
{
	uint64_t ino = file("losttag");

	CHECK_EQ(set(ino, "user.xdg.tags", "gone", 0), 0);
	packed_box_lose(c, 'T', 1);
	CHECK_EQ(tagged("gone", NULL), -EBADMSG);
}

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	test_tags();
	test_no_tags();
	test_many_tags();
	test_text();
	test_nested();
	test_rename();
	test_too_deep();
	test_retag();
	test_unnamed();
	test_long_list();
	test_lost_tag();
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
