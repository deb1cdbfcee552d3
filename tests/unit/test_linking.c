/* SPDX-License-Identifier: MIT */
/* Links between files: what users set, what is found, how targets are looked for, and what happens when
 * they go. */
#include "catalog/found.h"
#include "catalog/links.h"
#include "catalog/tree_impl.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/derived.h"
#include "tests/unit/packed_box.h"
#include "tests/unit/xattr_box.h"

/* ---- hands */

static uint64_t make(uint64_t dir, const char *name, mode_t mode)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = mode };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, dir, name, &m, &i), 0);
	return i.ino;
}

static uint64_t folder(uint64_t dir, const char *name)
{
	return make(dir, name, S_IFDIR | 0755);
}

/* A new file, of which the index has heard. */
static uint64_t note(uint64_t dir, const char *name)
{
	uint64_t ino = make(dir, name, S_IFREG | 0644);

	CHECK_EQ(links_appeared(c, ino), 0);
	return ino;
}

static void move(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;

	CHECK_EQ(tree_rename(c, &rq, dir, name, new_dir, new_name, 0, NULL, NULL, &renamed), 0);
	if (renamed.replaced.ino)
		CHECK_EQ(tree_forget_inode(c, renamed.replaced.ino), 0);
	CHECK_EQ(links_appeared(c, renamed.moved.ino), 0);
}

static void drop(uint64_t dir, const char *name)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_unlink(c, &rq, dir, name, NULL, NULL, &i), 0);
	CHECK_EQ(tree_forget_inode(c, i.ino), 0);
	CHECK_EQ(inode_get(c, i.ino, &i), -ENOENT);
}

/* "wlinks:Name" and so on, one a word. */
static void add_link(struct buf *links, const char *word)
{
	const char *colon = strchr(word, ':');

	CHECK_EQ(buf_add(links, word, (size_t)(colon - word)), 0);
	CHECK_EQ(buf_add_u8(links, 0), 0);
	CHECK_EQ(buf_add(links, colon + 1, strlen(colon + 1) + 1), 0);
}

static void find_all(uint64_t ino, const struct buf *links, const char *fields, size_t fields_len)
{
	struct found f = { .tags = "",
			   .fields = fields,
			   .fields_len = fields_len,
			   .links = (const char *)links->data,
			   .links_len = links->len };

	CHECK_EQ(tree_set_found(c, ino, inode(ino).content_lsn, &f), 0);
}

static void find(uint64_t ino, const char *words)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	char copy[4096], *at = copy, *word;

	(void) snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&at, ";")))
		if (*word)
			add_link(&links, word);
	find_all(ino, &links, "", 0);
}

static uint64_t first_of(struct packed_walk w)
{
	struct packed_member m = { 0 };

	CHECK(packed_walk_next(&w, &m) >= 0);
	packed_walk_done(&w);
	return m.a;
}

static unsigned count_of(struct packed_walk w)
{
	struct packed_member m;
	unsigned n = 0;

	while (packed_walk_next(&w, &m) > 0)
		n++;
	packed_walk_done(&w);
	return n;
}

/* The only link of a file. */
static uint64_t target(uint64_t ino)
{
	CHECK(count_of(links_from(c, ino)) <= 1);
	return first_of(links_from(c, ino));
}

/* Records; of sets the members. */
static size_t records(char letter)
{
	const void *key, *value;
	size_t key_len, value_len, n = 0;
	struct cursor *cur;

	if (letter != 'W')
		return packed_box_count(c, letter);
	CHECK_EQ(cursor_open(c, &letter, 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) > 0)
		n++;
	(void) cursor_close(cur);
	return n;
}

/* ---- what users set */

#define CITES "user.brainy.link.cites"

static void test_set(void)
{
	uint64_t d = folder(ROOT_INO, "set"), a = note(d, "a"), b = note(d, "b 100%\n"),
		 src = note(ROOT_INO, "set.src");
	_cleanup_buf_ struct buf names = BUF_INIT, verb = BUF_INIT;
	struct packed_member m;
	struct packed_walk w;

	CHECK_EQ(set(src, CITES, "set/a\n\n/set/b 100%25%0A\nset/%zz%\n.//set/./c", 0), 0);
	check_value(src, CITES, "set/a\nset/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	CHECK_EQ(count_of(links_from(c, src)), 2);
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
	CHECK_EQ(first_of(links_from(c, src)), a);
	(void) folder(ROOT_INO, "set");
	CHECK_EQ(tree_setxattr(c, &(struct tree_request){ 0 }, src, "user.brainy.link.bad verb", "x", 1, 0),
		 -EINVAL);
	CHECK_EQ(set(src, CITES, "x", XATTR_CREATE), -EEXIST);
	CHECK_EQ(set(src, "user.brainy.link.other", "x", XATTR_REPLACE), -ENODATA);
	derived_check(c);

	drop(d, "a");
	check_value(src, CITES, "moved/a\nmoved/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	CHECK_EQ(count_of(links_from(c, src)), 1);
	a = note(d, "a");
	CHECK_EQ(first_of(links_to(c, a)), src);
	move(d, "a", ROOT_INO, "a.md");
	check_value(src, CITES, "a.md\nmoved/b 100%25%0A\nset/%25zz%25\n.//set/./c");
	derived_check(c);
	CHECK_EQ(unset(src, CITES), 0);
	check_value(src, CITES, NULL);
	CHECK_EQ(count_of(links_from(c, src)) + count_of(links_to(c, a)) + count_of(links_to(c, b)), 0);
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
	CHECK_EQ(count_of(links_from(c, src)), 2);
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
	CHECK_EQ(first_of(links_to(c, a)), b);
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
	CHECK_EQ(count_of(links_from(c, src)), 600);
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

/* ---- what is found */

static void test_wiki(void)
{
	uint64_t a = folder(ROOT_INO, "A"), b = folder(a, "B"), x = folder(ROOT_INO, "X");
	uint64_t src = note(b, "src.md"), far = note(x, "Wind Meter.md"), near, same;

	find(src, "wlinks:wind meter");
	CHECK_EQ(target(src), far);
	find(src, "wlinks:y/Wind Meter");
	CHECK_EQ(target(src), 0);
	find(src, "wlinks:x/WIND METER.MD");
	CHECK_EQ(target(src), far);
	/* What is bound stays, what is new goes to the nearest. */
	near = note(a, "WIND meter.md");
	CHECK_EQ(target(src), far);
	find(src, "wembeds:Wind Meter");
	CHECK_EQ(target(src), near);
	same = note(b, "wind meter.png");
	find(src, "wlinks:Wind Meter");
	CHECK_EQ(target(src), same);
	(void) note(b, "wind meter.txt");
	find(src, "wsees:Wind Meter");
	CHECK_EQ(target(src), same + 1);
	find(src, "wsees:wind meter.PNG");
	CHECK_EQ(target(src), same);
	/* A dot is no ending, or is one. */
	near = note(b, "node.js.md");
	find(src, "wlinks:Node.js");
	CHECK_EQ(target(src), near);
	far = note(b, "node.js");
	find(src, "wsees:Node.js");
	CHECK_EQ(target(src), far);
	find(src, "wlinks:v1.2");
	CHECK_EQ(target(src), 0);
	near = note(x, "V1.2.md");
	CHECK_EQ(target(src), near);
	derived_check(c);
	drop(b, "src.md");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
}

static void test_paths(void)
{
	uint64_t d = folder(ROOT_INO, "paths"), e = folder(d, "e"), src = note(e, "src.md"),
		 a = note(d, "a.md"), b;

	find(src, "plinks:../a.md");
	CHECK_EQ(target(src), a);
	/* A target keeps its link, though the text names where it was, as long as that stands there. */
	move(d, "a.md", ROOT_INO, "else.md");
	CHECK_EQ(target(src), a);
	b = note(d, "a.md");
	find(src, "plinks:../a.md;plinks:nothing.md");
	CHECK_EQ(target(src), a);
	find(src, "psees:../a.md");
	CHECK_EQ(target(src), b);
	find(src, "plinks:/else.md");
	CHECK_EQ(target(src), a);
	find(src, "plinks:../../../else.md;plinks:../e;plinks:/paths/e/;plinks:src.md/x;plinks:..");
	CHECK_EQ(target(src), 0);
	/* From the top of the tree that they came with. */
	find(src, "plinks:/a.md;plinks://e/src.md;plinks:/;plinks:/b.md");
	CHECK_EQ(count_of(links_from(c, src)), 2);
	/* It comes where it can see its target. */
	find(src, "plinks:../else.md");
	CHECK_EQ(target(src), 0);
	move(e, "src.md", d, "src.md");
	CHECK_EQ(target(src), a);
	/* One of that name takes the place of the target; so it does where the text names another place. */
	(void) note(ROOT_INO, "new.md");
	move(ROOT_INO, "new.md", ROOT_INO, "else.md");
	CHECK(target(src) != 0 && target(src) != a);
	move(ROOT_INO, "else.md", d, "far.md");
	a = note(ROOT_INO, "new.md");
	move(ROOT_INO, "new.md", d, "far.md");
	CHECK_EQ(target(src), a);
	move(d, "far.md", ROOT_INO, "else.md");
	drop(ROOT_INO, "else.md");
	CHECK_EQ(target(src), 0);
	a = note(ROOT_INO, "else.md");
	CHECK_EQ(target(src), a);
	CHECK_EQ(first_of(links_to(c, a)), src);
	derived_check(c);
	find(src, "");
	CHECK_EQ(target(src), 0);
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	drop(d, "src.md");
	drop(ROOT_INO, "else.md");
}

static void test_messages(void)
{
	static const char fields[] = "message-id\0<a.b@c>";
	uint64_t a, src = note(ROOT_INO, "answer.eml");

	find(src, "mreplies:<a.b@c>");
	CHECK_EQ(target(src), 0);
	a = note(ROOT_INO, "mail.eml");
	find_all(a, &BUF_INIT, fields, sizeof(fields));
	CHECK_EQ(links_appeared(c, a), 0);
	CHECK_EQ(target(src), a);
	derived_check(c);
	drop(ROOT_INO, "mail.eml");
	CHECK_EQ(target(src), 0);
	drop(ROOT_INO, "answer.eml");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
}

static int count_found(void *context, const struct found_link *l)
{
	unsigned *n = context;

	*n += l->bound ? 1 << 16 : 1;
	return 0;
}

static unsigned found(uint64_t ino)
{
	unsigned n = 0;

	CHECK_EQ(links_foreach_found(c, ino, count_found, &n), 0);
	return n;
}

static void test_many_found(void)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	uint64_t d = folder(ROOT_INO, "lots"), src = note(d, "src"), hub = note(d, "hub.md");
	char word[64];

	for (int n = 0; n < 5000; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, n == 70 ? "plinks:hub.md" : word);
	}
	links.len = 0;
	for (int n = 0; n < 60; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, n == 7 ? "plinks:hub.md" : word);
	}
	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), (1 << 16) + 59);
	CHECK_EQ(records('W'), 1);
	move(d, "hub.md", d, "other.md");
	for (int n = 60; n < 5000; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, word);
	}
	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), (1 << 16) + (int)LINKS_FOUND_MAX - 1);
	CHECK_EQ(records('W'), 64);
	CHECK_EQ(target(src), hub); /* it is bound as it was */
	(void) note(d, "4000.md");
	CHECK_EQ(found(src), (2 << 16) + (int)LINKS_FOUND_MAX - 2);
	derived_check(c);
	find(src, "plinks:hub.md");
	CHECK_EQ(target(src), hub);
	CHECK_EQ(records('W'), 1);
	find_all(src, &links, "", 0);
	drop(d, "src");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	drop(d, "other.md");
	derived_check(c);
}

/* Links that come for nothing from documents that mean harm. */
static void test_bad(void)
{
	static const char bad[] =
		"xlinks\0a\0wbad "
		"verb\0a\0w\0a\0wlinks\0\0plinks\0//\0plinks\0.\0wlinks\0/\0wlinks\0..\0wlinks";
	const struct buf links = { .data = (uint8_t *)bad, .len = sizeof(bad) };
	uint64_t src = note(ROOT_INO, "bad.md");

	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), 4);
	CHECK_EQ(target(src), 0);
	derived_check(c);
	drop(ROOT_INO, "bad.md");
	CHECK_EQ(records('w') + records('W'), 0);
}

static void test_hub(void)
{
	uint64_t d = folder(ROOT_INO, "hub"), hub = note(d, "Hub.md"), srcs[300];
	char name[32];

	for (unsigned n = 0; n < ARRAY_SIZE(srcs); n++) {
		(void) snprintf(name, sizeof(name), "%u.md", n);
		srcs[n] = note(d, name);
		find(srcs[n], n % 2 ? "wlinks:Hub;psees:Hub.md" : "psees:Hub.md");
		if (n % 3 == 0)
			CHECK_EQ(set(srcs[n], CITES, "hub/Hub.md", 0), 0);
	}
	CHECK_EQ(count_of(links_to(c, hub)), 300 + 150 + 100);
	derived_check(c);
	drop(d, "Hub.md");
	CHECK_EQ(records('L') + records('l'), 0);
	derived_check(c);
	hub = note(d, "Hub.md");
	CHECK_EQ(count_of(links_to(c, hub)), 300 + 150 + 100);
	derived_check(c);
}

/* ---- made anew */

static void notice(void *context, const char *text)
{
	(*(unsigned *)context)++;
}

static void test_anew(void)
{
	uint64_t a = note(ROOT_INO, "anew.a"), src = note(ROOT_INO, "anew.src");
	unsigned problems = 0;

	CHECK_EQ(set(src, CITES, "anew.a\nnothing", 0), 0);
	find(src, "wlinks:anew;wlinks:nobody");
	for (const char *letter = "Llw"; *letter; letter++) {
		packed_box_lose(c, *letter, SIZE_MAX);
		CHECK(derive_verify(c, notice, &problems) > 0);
		CHECK_EQ(problems, 1);
		problems = 0;
		derived_make_anew(c);
		derived_check(c);
		CHECK_EQ(count_of(links_from(c, src)), 2);
		CHECK_EQ(count_of(links_to(c, a)), 2);
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

/* ---- interrupted after any batch */

#ifndef TREE_ON_STORE
static int batches_left;

static void count_down(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	if (--batches_left == 0)
		mem_catalog_fail(c, -ENOSPC);
}

/* Does `work` with a stop after each of its batches, and then to its end; it must take so many stops at
 * least. */
static void interrupt(void (*work)(void *context), void *context, int stops)
{
	const struct catalog_config callbacks = { .committed = count_down };
	int n;

	catalog_set_callbacks(c, &callbacks);
	for (n = 1; n < 1000; n++) {
		batches_left = n;
		work(context);
		mem_catalog_fail(c, 0);
		derived_check(c);
		if (batches_left > 0)
			break;
	}
	CHECK(batches_left > 0 && n > stops);
	catalog_set_callbacks(c, &(struct catalog_config){ 0 });
}

struct finding {
	uint64_t ino;
	struct buf links;
};

static void find_some(void *context)
{
	const struct finding *f = context;
	struct found found = {
		.tags = "", .fields = "", .links = (const char *)f->links.data, .links_len = f->links.len
	};

	(void) tree_set_found(c, f->ino, inode(f->ino).content_lsn, &found);
}

static void forget(void *context)
{
	(void) tree_forget_inode(c, *(uint64_t *)context);
}

static void appear(void *context)
{
	(void) links_appeared(c, *(uint64_t *)context);
}

static void test_interrupted(void)
{
	uint64_t d = folder(ROOT_INO, "inter"), hub = note(d, "hub.md");
	struct finding f = { .ino = note(d, "src.md"), .links = BUF_INIT };
	struct inode i;
	char word[32];

	for (int n = 0; n < 50; n++) {
		(void) snprintf(word, sizeof(word), "wl%d:hub", n);
		add_link(&f.links, word);
	}
	interrupt(find_some, &f, 1);
	CHECK_EQ(count_of(links_to(c, hub)), 50);
	for (int n = 0; n < 250; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&f.links, word);
	}
	interrupt(find_some, &f, 9);
	CHECK_EQ(found(f.ino), (50 << 16) + 250);
	CHECK_EQ(set(f.ino, CITES, "inter/hub.md\ninter/7.md", 0), 0);
	CHECK_EQ(tree_unlink(c, &(struct tree_request){ 0 }, d, "hub.md", NULL, NULL, &i), 0);
	interrupt(forget, &hub, 3);
	CHECK_EQ(found(f.ino), 300);
	hub = make(d, "hub.md", S_IFREG | 0644);
	interrupt(appear, &hub, 3);
	CHECK_EQ(count_of(links_to(c, hub)), 51);
	CHECK_EQ(tree_unlink(c, &(struct tree_request){ 0 }, d, "src.md", NULL, NULL, &i), 0);
	interrupt(forget, &f.ino, 9);
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	buf_done(&f.links);
	drop(d, "hub.md");
}
#else
static void test_interrupted(void)
{
}
#endif

static int note_edge(void *context, uint64_t from, uint64_t to, uint32_t verb)
{
	uint64_t *sum = context;

	CHECK(from >= sum[0]);
	sum[0] = from;
	sum[1]++;
	return 0;
}

static void test_edges(void)
{
	uint64_t sum[2] = { 0 };

	CHECK_EQ(links_foreach(c, note_edge, sum), 0);
	CHECK_EQ(sum[1], 300 + 150 + 100);
}

static void test_all(unsigned hash_bits)
{
	xattr_box_open(hash_bits);
	CHECK_EQ(derive_run(c), 0);
	test_set();
	test_edit();
	test_sight();
	test_set_many();
	test_set_unnamed();
	test_wiki();
	test_paths();
	test_messages();
	test_many_found();
	test_bad();
	test_interrupted();
	test_anew();
	test_old_text();
	test_hub();
	test_edges();
	c = tree_box_reopen(c);
	derived_check(c);
	tree_box_close(c);
}

int main(void)
{
	test_all(56);
	test_all(4);
	return check_result();
}
