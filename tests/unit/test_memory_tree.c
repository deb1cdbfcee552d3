/* SPDX-License-Identifier: MIT */
/* The namespace when there is no memory: each change happens as a whole or not at all. Folder k % 2 of two gets the
 * names of try k; before and after a try the whole tree is written down and compared. */
#define TREE_ON_STORE
#include "catalog/derive.h"
#include "catalog/found.h"
#include "catalog/links.h"
#include "tests/unit/tagged.h"
#include "tests/unit/memory_steps.h"
#include "tests/unit/problems.h"
#include "tests/unit/tree_hands.h"

#include <sys/xattr.h>

static uint64_t top, other, victim, tagged;
static struct buf before = BUF_INIT;
static unsigned entries; /* of `top`, while nothing changes */

static const char *name_of(unsigned k, const char *what)
{
	static char names[4][40];
	static unsigned next;
	char *name = names[next++ % ARRAY_SIZE(names)];

	(void) snprintf(name, sizeof(names[0]), "%s%u", what, k);
	return name;
}

/* ---- the tree in words */

static void describe(struct buf *out, uint64_t dir, unsigned depth);

static void describe_entry(struct buf *out, const struct tree_entry *e, unsigned depth)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	struct inode i = { 0 };

	CHECK_EQ(inode_get(c, e->ino, &i), 0);
	CHECK_EQ(tree_listxattr(c, e->ino, &names), 0);
	CHECK_EQ(buf_addf(out, "%*s%s %o %u %u\n", (int)depth, "", e->name, i.mode, i.nlink, (unsigned)names.len), 0);
	if (S_ISDIR(i.mode))
		describe(out, e->ino, depth + 1);
}

static void describe(struct buf *out, uint64_t dir, unsigned depth)
{
	struct tree_dir *d;
	struct tree_entry e;
	uint64_t cookie = 0;
	int r;

	CHECK_EQ(tree_dir_open(c, dir, &d), 0);
	while ((r = tree_dir_next(d, cookie, &e)) > 0) {
		cookie = e.cookie;
		describe_entry(out, &e, depth);
	}
	CHECK_EQ(r, 0);
	(void) tree_dir_close(d);
}

static void note(void)
{
	buf_reset(&before);
	describe(&before, ROOT_INO, 0);
}

/* Nothing happened, or something did; afterwards the folders are empty again and noted. */
static bool happened(unsigned k, bool done)
{
	_cleanup_buf_ struct buf now = BUF_INIT;
	bool same;

	describe(&now, ROOT_INO, 0);
	same = now.len == before.len && memcmp(now.data, before.data, now.len) == 0;
	if (same == done)
		fprintf(stderr, "the tree:\n%.*s", (int)now.len, (const char *)now.data);
	return same != done;
}

static bool made_it(unsigned k, bool done)
{
	bool right = happened(k, done);

	note();
	return right;
}

/* ---- the changes */

static int make_file(unsigned k)
{
	return make(top, name_of(k, "file"), S_IFREG | 0644, NULL);
}

static int make_link(unsigned k)
{
	return make(top, name_of(k, "symlink"), S_IFLNK | 0777, NULL);
}

static int make_folder(unsigned k)
{
	return make(top, name_of(k, "folder"), S_IFDIR | 0755, NULL);
}

static int hard_link(unsigned k)
{
	return link_to(victim, other, name_of(k, "link"));
}

static int move(unsigned k)
{
	return rename_to(top, "victim", other, "victim");
}

/* Back to where the next try wants it. */
static bool moved(unsigned k, bool done)
{
	bool right = happened(k, done);

	if (done)
		CHECK_EQ(rename_to(other, "victim", top, "victim"), 0);
	return right;
}

static int exchange(unsigned k)
{
	return rename_flags(top, "victim", other, "folder", RENAME_EXCHANGE);
}

static bool exchanged(unsigned k, bool done)
{
	bool right = happened(k, done);

	if (done)
		CHECK_EQ(exchange(k), 0);
	return right;
}

static int replace(unsigned k)
{
	return rename_to(top, "victim", other, "replaced");
}

static bool replaced(unsigned k, bool done)
{
	bool right = happened(k, done);

	if (done) {
		CHECK_EQ(rename_to(other, "replaced", top, "victim"), 0);
		CHECK_EQ(lookup(top, "victim"), victim);
		(void) file(other, "replaced");
		note();
	}
	return right;
}

static int take_away(unsigned k)
{
	return unlink_name(other, "replaced");
}

static bool taken_away(unsigned k, bool done)
{
	bool right = happened(k, done);

	if (done) {
		(void) file(other, "replaced");
		note();
	}
	return right;
}

static int orphan(unsigned k)
{
	return unlink_open(other, "replaced", true);
}

static int take_folder_away(unsigned k)
{
	return rmdir_name(top, "empty");
}

static bool folder_taken_away(unsigned k, bool done)
{
	bool right = happened(k, done);

	if (done) {
		(void) directory(top, "empty");
		note();
	}
	return right;
}

static int set_xattr(unsigned k)
{
	struct tree_request rq = request();

	return tree_setxattr(c, &rq, tagged, name_of(k, "user.name"), "value", 5, XATTR_CREATE);
}

static int set_tags(unsigned k)
{
	_cleanup_buf_ struct buf tags = BUF_INIT;
	struct tree_request rq = request();

	if (buf_addf(&tags, "one,two,number%u", k) < 0)
		return -ENOMEM;
	return tree_setxattr(c, &rq, tagged, "user.xdg.tags", tags.data, tags.len, 0);
}

static int count_one(void *context, uint64_t ino)
{
	++*(unsigned *)context;
	return 0;
}

static bool has_tag(unsigned k, bool done)
{
	unsigned files = 0;
	const char *tag = name_of(k, "number");
	int r = foreach_tagged(c, tag, count_one, &files);

	return done ? r == 0 && files == 1 : r == -ENOENT || files == 0;
}

static bool links_agree(unsigned k, bool done)
{
	unsigned problems = 0;

	return derive_verify(c, problem_counts, &problems) > 0 && problems == 0;
}

static int set_links(unsigned k)
{
	struct tree_request rq = request();
	const char *targets = k % 2 ? "top/victim\nother" : "top/nothing";

	return tree_setxattr(c, &rq, tagged, "user.brainy.link.cites", targets, strlen(targets), 0);
}

static int find_links(unsigned k)
{
	static const char links[] = "wlinks\0victim\0plinks\0victim\0pl\0nothing\0wlinks\0top/Victim";
	struct found f = { .tags = "", .fields = "", .links = links, .links_len = k % 2 ? sizeof(links) : 15 };
	struct inode i;
	int r = inode_get(c, tagged, &i);

	return r < 0 ? r : tree_set_found(c, tagged, i.content_lsn, &f);
}

static int find_victim(unsigned k)
{
	return links_appeared(c, victim);
}

static int take_linked_away(unsigned k)
{
	int64_t ino = lookup(other, "linked");

	int r = ino < 0 ? 0 : unlink_name(other, "linked");

	return r < 0 || ino < 0 ? r : tree_forget_inode(c, (uint64_t)ino);
}

/* What was unlinked without memory is forgotten by the next. */
static bool linked_taken_away(unsigned k, bool done)
{
	struct tree_request rq = request();

	if (lookup(other, "linked") < 0)
		(void) file(other, "linked");
	CHECK_EQ(tree_setxattr(c, &rq, tagged, "user.brainy.link.cites", "other/linked", 12, 0), 0);
	note();
	return links_agree(k, done);
}

static int set_mode(unsigned k)
{
	struct tree_request rq = request();
	struct stat st = { .st_mode = k % 2 ? 0600 : 0640 };
	struct inode i;

	return tree_setattr(c, &rq, tagged, &st, TREE_SET_MODE, &i);
}

/* ---- and what only looks */

static int look_up(unsigned k)
{
	int64_t r = lookup(top, "victim");

	return r < 0 ? (int)r : 0;
}

static int no_such(unsigned k)
{
	int64_t r = lookup(top, "nothing");

	CHECK(r < 0);
	return r == -ENOENT ? 0 : (int)r;
}

/* All entries, or an error. */
static int read_folder(unsigned k)
{
	struct tree_dir *d;
	struct tree_entry e;
	uint64_t cookie = 0;
	unsigned n = 0;
	int r = tree_dir_open(c, top, &d);

	if (r < 0)
		return r;
	while ((r = tree_dir_next(d, cookie, &e)) > 0) {
		cookie = e.cookie;
		n++;
	}
	(void) tree_dir_close(d);
	if (r == 0 && entries)
		CHECK_EQ(n, entries);
	else if (r == 0)
		entries = n;
	return r;
}

static int path_of(unsigned k)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	return tree_path(c, top, ROOT_INO, 0, &path);
}

static void prepare(void)
{
	top = directory(ROOT_INO, "top");
	other = directory(ROOT_INO, "other");
	victim = file(top, "victim");
	tagged = file(top, "tagged");
	(void) directory(top, "empty");
	(void) directory(other, "folder");
	(void) file(other, "replaced");
	CHECK_EQ(derive_run(c), 0);
	note();
}

/* A further mount finds all that, and nothing else. */
static void check_reopened(void)
{
	note();
	c = tree_box_reopen(c);
	CHECK(happened(0, false));
	c = tree_box_reopen(c);
	CHECK(happened(0, false));
}

static void test(void)
{
	static const struct memory_step steps[] = {
		{ "create", make_file, made_it },
		{ "symlink", make_link, made_it },
		{ "mkdir", make_folder, made_it },
		{ "link", hard_link, made_it },
		{ "rename", move, moved },
		{ "rename exchange", exchange, exchanged },
		{ "rename over", replace, replaced },
		{ "unlink", take_away, taken_away },
		{ "unlink of an open file", orphan, taken_away },
		{ "rmdir", take_folder_away, folder_taken_away },
		{ "setxattr", set_xattr, made_it },
		{ "tags", set_tags, has_tag },
		{ "links", set_links, links_agree },
		{ "links found", find_links, links_agree },
		{ "links that wait", find_victim, links_agree },
		{ "unlink of what is linked to", take_linked_away, linked_taken_away },
		{ "chmod", set_mode, NULL },
	};
	static const struct memory_step looks[] = {
		{ "lookup", look_up, NULL },
		{ "lookup of nothing", no_such, NULL },
		{ "readdir", read_folder, NULL },
		{ "path", path_of, NULL },
	};

	prepare();
	memory_run(steps, ARRAY_SIZE(steps));
	entries = 0;
	CHECK_EQ(read_folder(0), 0);
	memory_run(looks, ARRAY_SIZE(looks));
	check_reopened();
	memory_run(looks, ARRAY_SIZE(looks));
	buf_done(&before);
}

int main(void)
{
	return tree_hands_run(test);
}
