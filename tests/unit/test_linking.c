/* SPDX-License-Identifier: MIT */
/* Links that users set: as a whole, one by one, of files without a name, and made anew. */
#include "catalog/tree_impl.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/linking_box.h"

static void test_set(void)
{
	uint64_t d = folder(ROOT_INO, "set"), a = note(d, "a"), b = note(d, "b 100%\n"),
		 src = note(ROOT_INO, "set.src");
	_cleanup_buf_ struct buf names = BUF_INIT, verb = BUF_INIT;
	struct packed_member m;
	struct packed_walk w;

	CHECK_EQ(set(src, CITES, "set/a\n\n/set/b 100%25%0A\nset/%zz%\n.//set/./c", 0), 0);
	check_value(src, CITES, "set/a\nset/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	CHECK_EQ(packed_count_of(links_from(c, src)), 2);
	w = links_to(c, a);
	CHECK_EQ(packed_walk_next(&w, &m), 1);
	CHECK_EQ(m.a, src);
	CHECK_EQ(m.n, LINK_BY_USER);
	CHECK_EQ(link_verb_name(c, (uint32_t)m.b, &verb), 0);
	CHECK_MEM(verb.data, verb.len, "cites", 5);
	packed_walk_done(&w);
	CHECK_EQ(tree_listxattr(c, src, &names), 0);
	CHECK_MEM(names.data, names.len, CITES, sizeof(CITES));

	/* It is where its targets are, and what is waited for comes. */
	move(ROOT_INO, "set", ROOT_INO, "moved");
	check_value(src, CITES, "moved/a\nmoved/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	CHECK_EQ(packed_first_of(links_from(c, src)), a);
	(void) folder(ROOT_INO, "set");
	CHECK_EQ(tree_setxattr(c, &(struct tree_request){ 0 }, src, "user.brainy.link.bad verb", "x", 1, 0),
		 -EINVAL);
	CHECK_EQ(set(src, CITES, "x", XATTR_CREATE), -EEXIST);
	CHECK_EQ(set(src, "user.brainy.link.other", "x", XATTR_REPLACE), -ENODATA);
	derived_check(c);

	drop(d, "a");
	check_value(src, CITES, "moved/a\nmoved/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	CHECK_EQ(packed_count_of(links_from(c, src)), 1);
	a = note(d, "a");
	CHECK_EQ(packed_first_of(links_to(c, a)), src);
	move(d, "a", ROOT_INO, "a.md");
	check_value(src, CITES, "a.md\nmoved/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	derived_check(c);
	CHECK_EQ(unset(src, CITES), 0);
	check_value(src, CITES, NULL);
	CHECK_EQ(packed_count_of(links_from(c, src)) + packed_count_of(links_to(c, a)) + packed_count_of(links_to(c, b)), 0);
	CHECK_EQ(records('L') + records('l') + records('w'), 0);
	drop(ROOT_INO, "a.md");
	drop(ROOT_INO, "set.src");
	derived_check(c);
}

static struct link_target to_path(const char *path)
{
	return (struct link_target){ .path = path };
}

static int add_to(uint64_t src, const char *verb, struct link_target to)
{
	return tree_add_link(c, &(struct tree_request){ 0 }, src, verb, &to);
}

static int remove_from(uint64_t src, const char *verb, struct link_target to)
{
	return tree_remove_link(c, &(struct tree_request){ 0 }, src, verb, &to);
}

/* One by one, beside what is set as a whole. */
static void test_edit(void)
{
	uint64_t d = folder(ROOT_INO, "edit"), a = note(d, "a"), b = note(d, "b"), src = note(d, "src");
	const struct link_place from = { src, "cites" }, to = { b, "quotes" };
	const struct link_target target = { .ino = a };

	CHECK_EQ(add_to(src, "cites", target), 0);
	CHECK_EQ(add_to(src, "cites", to_path("edit/b")), 0);
	CHECK_EQ(add_to(src, "cites", to_path("edit/later")), 0);
	CHECK_EQ(add_to(src, "cites", to_path("edit/a")), 0); /* it is there */
	check_value(src, CITES, "edit/a\nedit/b\nedit/later");
	CHECK_EQ(packed_count_of(links_from(c, src)), 2);
	derived_check(c);
	CHECK_EQ(add_to(src, "bad verb", target), -EINVAL);
	CHECK_EQ(add_to(src + 1000, "cites", target), -ENOENT);
	CHECK_EQ(remove_from(src, "cites", to_path("edit/never")), -ENODATA);
	CHECK_EQ(remove_from(src, "other", target), -ENODATA);
	CHECK_EQ(remove_from(src, "cites", (struct link_target){ .ino = b }), 0);
	CHECK_EQ(remove_from(src, "cites", to_path("edit/later")), 0);
	check_value(src, CITES, "edit/a");

	CHECK_EQ(tree_move_link(c, &(struct tree_request){ 0 }, &from, &to, &(struct link_target){ .ino = b }), -ENODATA);
	CHECK_EQ(tree_move_link(c, &(struct tree_request){ 0 }, &from, &(struct link_place){ b, "" }, &target), -EINVAL);
	check_value(src, CITES, "edit/a");
	CHECK_EQ(tree_move_link(c, &(struct tree_request){ 0 }, &from, &to, &target), 0);
	check_value(src, CITES, NULL);
	check_value(b, "user.brainy.link.quotes", "edit/a");
	CHECK_EQ(packed_first_of(links_to(c, a)), b);
	derived_check(c);
	drop(d, "a");
	drop(d, "b");
	drop(d, "src");
	derived_check(c);
}

static int sees_one(void *context, uint64_t ino)
{
	return ino == *(const uint64_t *)context;
}

static int sees_path(void *context, const char *path, size_t len)
{
	return len > 5 && memcmp(path, "open/", 5) == 0;
}

static void test_sight(void)
{
	uint64_t d = folder(ROOT_INO, "sight"), a = note(d, "a"), b = note(d, "b"), src = note(d, "src");
	const struct link_sight sight = { sees_one, sees_path, &a }, none = { sees_one, sees_path, &src };
	_cleanup_buf_ struct buf text = BUF_INIT;

	CHECK(links_is_xattr(CITES) && !links_is_xattr("user.brainy.link.bad verb") && !links_is_xattr("user.cites"));
	CHECK_EQ(set(src, CITES, "sight/a\nsight/b\nopen/x\nclosed/x", 0), 0);
	CHECK_EQ(links_get_set(c, src, CITES, &sight, &text), 0);
	CHECK_MEM(text.data, text.len, "sight/a\nopen/x", 14);
	CHECK_EQ(remove_from(src, "cites", to_path("open/x")), 0);
	CHECK_EQ(links_get_set(c, src, CITES, &none, &text), -ENODATA);
	CHECK_EQ(links_get_set(c, b, CITES, &sight, &text), -ENODATA);
	drop(d, "b"); /* what lost its name is a path */
	text.len = 0;
	CHECK_EQ(links_get_set(c, src, CITES, &(struct link_sight){ sees_one, sees_path, &b }, &text), -ENODATA);
	drop(d, "a");
	drop(d, "src");
}

static void test_set_many(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT, value = BUF_INIT;
	uint64_t d = folder(ROOT_INO, "many"), src = note(d, "src");
	struct tree_request rq = { 0 };
	char name[64];

	for (int n = 0; n < 1200; n++) {
		(void) snprintf(name, sizeof(name), "a file with a name %d", n);
		if (n % 2)
			(void) note(d, name);
		CHECK_EQ(buf_addf(&text, "many/%s%s", name, n < 1199 ? "\n" : ""), 0);
	}
	CHECK_EQ(tree_setxattr(c, &rq, src, CITES, text.data, text.len, 0), 0);
	CHECK_EQ(packed_count_of(links_from(c, src)), 600);
	CHECK_EQ(tree_getxattr(c, src, CITES, &value), 0);
	CHECK_MEM(value.data, value.len, text.data, text.len);
	CHECK_EQ(buf_extend(&text, (60 << 10) + 1 - text.len, &(uint8_t *){ NULL }), 0);
	CHECK_EQ(tree_setxattr(c, &rq, src, CITES, text.data, text.len, 0), -E2BIG);
	derived_check(c);
	/* Without its last name it goes in steps. */
	drop(d, "src");
	CHECK_EQ(records('L') + records('l') + records('w'), 0);
	derived_check(c);
}

/* Without a name, the links are there until the file goes for good. */
static void test_set_unnamed(void)
{
	uint64_t a = note(ROOT_INO, "un.a"), src = note(ROOT_INO, "un.src");
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(set(src, CITES, "un.a", 0), 0);
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "un.src", any_is_open, NULL, &i), 0);
	check_value(src, CITES, "un.a");
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, "un.a", any_is_open, NULL, &i), 0);
	check_value(src, CITES, "un.a");
	CHECK_EQ(set(src, CITES, "un.b", 0), 0);
	CHECK_EQ(tree_link(c, &rq, src, ROOT_INO, "un.src", &i), 0);
	CHECK_EQ(tree_forget_inode(c, a), 0);
	a = note(ROOT_INO, "un.b");
	CHECK_EQ(target(src), a);
	CHECK_EQ(set(src, CITES, "un.src", 0), 0);
	CHECK_EQ(target(src), src);
	derived_check(c);
	drop(ROOT_INO, "un.src");
	drop(ROOT_INO, "un.b");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
}

/* ---- made anew */

static void test_anew(void)
{
	uint64_t a = note(ROOT_INO, "anew.a"), src = note(ROOT_INO, "anew.src");
	unsigned problems = 0;

	CHECK_EQ(set(src, CITES, "anew.a\nnothing", 0), 0);
	find(src, "wlinks:anew;wlinks:nobody");
	for (const char *letter = "Llw"; *letter; letter++) {
		packed_box_lose(c, *letter, SIZE_MAX);
		CHECK(derive_verify(c, problem_counts, &problems) > 0);
		CHECK_EQ(problems, 1);
		problems = 0;
		derived_make_anew(c);
		derived_check(c);
		CHECK_EQ(packed_count_of(links_from(c, src)), 2);
		CHECK_EQ(packed_count_of(links_to(c, a)), 2);
	}
	drop(ROOT_INO, "anew.src");
	drop(ROOT_INO, "anew.a");
}

#define LINK_BAD "user.brainy.link.bad verb"

/* As versions before this one stored it. */
static void test_old_text(void)
{
	uint64_t a = note(ROOT_INO, "old.a"), src = note(ROOT_INO, "old.src");
	struct inode i;
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, src, &i), 0);
	CHECK_EQ(xattr_put_in(b, &i, CITES, "old.a\nold.b", 11), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(xattr_put_in(b, &i, LINK_BAD, "x", 1), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	check_value(src, CITES, "old.a\nold.b");
	derived_make_anew(c);
	derived_check(c);
	check_value(src, LINK_BAD, "x");
	CHECK_EQ(unset(src, LINK_BAD), 0);
	check_value(src, LINK_BAD, NULL);
	check_value(src, CITES, "old.a\nold.b");
	CHECK_EQ(target(src), a);
	CHECK_EQ(unset(src, CITES), 0);
	check_value(src, CITES, NULL);
	derived_check(c);
}

static void test_all(void)
{
	test_set();
	test_edit();
	test_sight();
	test_set_many();
	test_set_unnamed();
	test_anew();
	test_old_text();
}

int main(void)
{
	return linking_box_run(test_all);
}
