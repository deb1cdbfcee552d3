/* SPDX-License-Identifier: MIT */
/* For who sees some files only, every answer is byte for byte the one of an index that never had the others; also
 * after modes, owners, lists and places have changed. */
#include "base/bytes.h"
#include "index/viewers.h"
#include "index_box.h"

#define OTHER 1000

static const uint32_t other_groups[] = { 1000, 77 };

static char *ask_as(struct box *b, uint64_t top, const struct identity *who, const char *name)
{
	struct query_scope scope = { .top = top, .mount_point = "/mnt", .who = who };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL, *text = NULL;
	int r = query_parse_name(name, &q, &why);

	if (r >= 0)
		r = index_query(b->index, &q, &scope, &answer, &why);
	query_done(&q);
	if (asprintf(&text, r < 0 ? "error: %s" : "%s", r < 0 ? why : buf_cstr(&answer.bytes)) < 0)
		abort();
	answer_done(&answer);
	free(why);
	return text;
}

static struct identity other(void)
{
	struct identity who = { 0 };

	CHECK_EQ(identity_init(&who, OTHER, other_groups, 2), 0);
	return who;
}

static void check_as(struct box *b, uint64_t top, const char *name, const char *want, int line)
{
	struct identity who = other();
	char *got = ask_as(b, top, &who, name);

	if (strcmp(got, want) != 0) {
		fprintf(stderr, "line %d: %s gives '%s', not '%s'\n", line, name, got, want);
		check_failures++;
	}
	free(got);
	identity_done(&who);
}
#define CHECK_AS(b, name, want) check_as(b, ROOT_INO, "format=paths&" name, want, __LINE__)

static void set_mode(struct box *b, uint64_t ino, mode_t mode)
{
	struct tree_request rq = { 0 };
	struct stat st = { .st_mode = mode };
	struct inode i;

	CHECK_EQ(tree_setattr(b->catalog, &rq, ino, &st, TREE_SET_MODE, &i), 0);
}

static void set_group(struct box *b, uint64_t ino, gid_t gid)
{
	struct tree_request rq = { 0 };
	struct stat st = { .st_gid = gid };
	struct inode i;

	CHECK_EQ(tree_setattr(b->catalog, &rq, ino, &st, TREE_SET_GID, &i), 0);
}

/* ---- the same answers as without the others */

static const char *const queries[] = {
	"format=json&q=pump", "format=json&q=pump valve", "format=json&mode=text&q=valve river",
	"format=json&mode=vector&q=pump", "format=tsv&q=name:open", "format=json&q=river&limit=2&offset=1",
	"format=jsonl&q=\"pump valve\"", "format=json&q=type:text -pump", "format=json&q=tag:red", "format=json&q=secret",
	"format=json&q=pump&sort=name", "format=md&q=river&sort=newest", "format=json&q=river&in=folder",
	"format=json&q=river&in=folder/..", "format=json&q=river&in=closed", "format=json&q=river&in=closed/../folder",
	"format=json&q=river&in=hidden0.txt", "format=json&q=x&sort=size&offset=1",
};

static void fill_open(struct box *b)
{
	uint64_t folder = box_folder(b, ROOT_INO, "folder");

	for (unsigned k = 0; k < 8; k++) {
		char name[32], text[200];
		uint64_t ino;

		(void) snprintf(name, sizeof(name), "open%u.txt", k);
		(void) snprintf(text, sizeof(text), "pump %s river stork %u %.*s", k % 2 ? "valve" : "lamp", k, (int)k * 4,
				"north barn wolf sand plank drum grip mint");
		ino = box_file(b, k % 3 ? folder : ROOT_INO, name, text);
		box_mtime(b, ino, 1000000 + k);
		if (k == 4)
			box_xattr(b, ino, "user.xdg.tags", "red");
	}
}

static void fill_hidden(struct box *b)
{
	uint64_t closed = box_folder(b, ROOT_INO, "closed");

	for (unsigned k = 0; k < 40; k++) {
		char name[32], text[200];
		uint64_t ino;

		(void) snprintf(name, sizeof(name), "hidden%u.txt", k);
		(void) snprintf(text, sizeof(text), "secret pump pump valve %s %u", k % 4 ? "river" : "grip mint", k);
		ino = box_file(b, k % 2 ? closed : ROOT_INO, name, text);
		if (k % 2 == 0)
			set_mode(b, ino, 0600);
		box_xattr(b, ino, "user.xdg.tags", "red, blue");
	}
	set_mode(b, closed, 0700);
}

/* Numbers of inodes differ; nothing else may. */
static void drop_inodes(char *text)
{
	for (char *at = text; (at = strstr(at, "\"inode\":")); at++) {
		char *end = strpbrk(at, ",}");

		memmove(at, end, strlen(end) + 1);
	}
}

static void check_same(struct box *with, struct box *without)
{
	struct identity who = other();

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		char *got = ask_as(with, ROOT_INO, &who, queries[i]), *want = ask_as(without, ROOT_INO, &who, queries[i]);

		drop_inodes(got);
		drop_inodes(want);
		if (strcmp(got, want) != 0) {
			fprintf(stderr, "%s:\n%s\nnot\n%s\n", queries[i], got, want);
			check_failures++;
		}
		CHECK(!strstr(got, "secret pump") && !strstr(got, "hidden1"));
		free(got);
		free(want);
	}
	identity_done(&who);
}

static void test_as_without(void)
{
	struct box *with = box_new(), *without = box_new();

	box_open_index(with);
	box_open_index(without);
	fill_hidden(with);
	fill_open(with);
	fill_open(without);
	box_wait(with);
	box_wait(without);
	check_same(with, without);
	box_remount(with);
	box_wait(with);
	check_same(with, without);
	box_free(with);
	box_free(without);
}

/* ---- changes */

static void test_changes(void)
{
	struct box *b = box_new();
	struct tree_request rq = { 0 };
	uint64_t top, deep, file, second;
	struct inode i;

	box_open_index(b);
	top = box_folder(b, ROOT_INO, "top");
	deep = box_folder(b, top, "deep");
	file = box_file(b, deep, "a.txt", "pump");
	box_wait(b);
	CHECK_AS(b, "q=pump", "top/deep/a.txt\n");
	set_mode(b, file, 0600);
	CHECK_AS(b, "q=pump", "");
	set_mode(b, file, 0640);
	CHECK_AS(b, "q=pump", "");
	set_group(b, file, 77);
	CHECK_AS(b, "q=pump", "top/deep/a.txt\n");
	set_mode(b, top, 0700);
	CHECK_AS(b, "q=pump", "");
	CHECK_AS(b, "q=name:a.txt", "");
	CHECK_ASK(b, "q=pump", "top/deep/a.txt");
	set_mode(b, top, 0711);
	CHECK_AS(b, "q=pump", "top/deep/a.txt\n");
	set_mode(b, deep, 0766);
	CHECK_AS(b, "q=pump", "");
	set_mode(b, deep, 0711);
	second = box_folder(b, ROOT_INO, "closed");
	set_mode(b, second, 0700);
	CHECK_AS(b, "q=pump", "top/deep/a.txt\n");
	box_rename(b, top, "deep", second, "deep");
	box_wait(b);
	CHECK_AS(b, "q=pump", "");
	box_rename(b, second, "deep", ROOT_INO, "deep");
	box_wait(b);
	CHECK_AS(b, "q=pump", "deep/a.txt\n");
	CHECK_EQ(tree_link(b->catalog, &rq, file, second, "secret name", &i), 0);
	box_wait(b);
	CHECK_AS(b, "q=pump", "");
	box_unlink(b, second, "secret name");
	box_wait(b);
	CHECK_AS(b, "q=pump", "deep/a.txt\n");
	CHECK_AS(b, "q=secret&mode=text", "");
	box_free(b);
}

/* A rename out of a closed folder: the document knows the name that it had there. */
static void test_waiting(void)
{
	struct identity who = other();
	struct box *b = box_new();
	uint64_t closed, file;

	box_open_index(b);
	closed = box_folder(b, ROOT_INO, "closed");
	set_mode(b, closed, 0700);
	file = box_file(b, closed, "merger.txt", "pump");
	(void) box_file(b, ROOT_INO, "b.txt", "pump");
	box_wait(b);
	b->busy_ino = file;
	CHECK_EQ(index_pending_of(b->index, &who), 0);
	box_close_index(b, true); /* nothing is indexed from now on */
	b->config.read_only = true;
	box_rename(b, closed, "merger.txt", ROOT_INO, "plain.txt");
	box_open_index(b);
	CHECK_AS(b, "q=merger&mode=text", "");
	CHECK_AS(b, "q=pump&mode=text", "b.txt\n");
	CHECK_EQ(index_pending_of(b->index, &who), 1);
	set_mode(b, file, 0600);
	CHECK_EQ(index_pending_of(b->index, &who), 0);
	CHECK_EQ(index_pending_of(b->index, NULL), 1);
	box_free(b);
	identity_done(&who);
}

/* More news than is kept, more identities than are kept. */
static void test_many(void)
{
	struct box *b = box_new();
	uint64_t file;

	box_open_index(b);
	file = box_file(b, ROOT_INO, "a.txt", "pump");
	box_wait(b);
	CHECK_AS(b, "q=pump", "a.txt\n");
	set_mode(b, file, 0600);
	for (unsigned i = 0; i < 5000; i++)
		set_mode(b, ROOT_INO, 0755);
	CHECK_AS(b, "q=pump", "");
	set_mode(b, file, 0640);
	set_group(b, file, 5);
	for (uint32_t uid = 1; uid < 40; uid++) {
		const uint32_t group = uid % 3 ? 4 : 5;
		struct identity who;
		char *got;

		CHECK_EQ(identity_init(&who, uid, &group, 1), 0);
		got = ask_as(b, ROOT_INO, &who, "format=paths&q=pump");
		CHECK(strcmp(got, uid % 3 ? "" : "a.txt\n") == 0);
		free(got);
		identity_done(&who);
	}
	CHECK_AS(b, "q=pump", "");
	box_free(b);
}

/* ---- any changes: what a query shows is what somebody would see who never asked before */

#define RANDOM_FILES 10u
#define RANDOM_FOLDERS 4u

struct random_tree {
	struct box *b;
	uint64_t folders[RANDOM_FOLDERS], files[RANDOM_FILES];
	unsigned in[RANDOM_FILES]; /* folder */
	bool linked[RANDOM_FILES];
};

static void change_file(struct random_tree *t, unsigned n, unsigned how)
{
	char name[16], link[16];
	struct tree_request rq = { 0 };
	unsigned to = (unsigned)rand() % RANDOM_FOLDERS;
	struct inode i;

	(void) snprintf(name, sizeof(name), "f%u", n);
	(void) snprintf(link, sizeof(link), "l%u", n);
	switch (how) {
	case 0:
		set_mode(t->b, t->files[n], rand() % 2 ? 0600 : 0644);
		break;
	case 1:
		set_group(t->b, t->files[n], rand() % 2 ? 77 : 5);
		break;
	case 2:
		box_write(t->b, t->files[n], "pump again", 10);
		break;
	case 3:
		if (to == t->in[n])
			break;
		box_rename(t->b, t->folders[t->in[n]], name, t->folders[to], name);
		t->in[n] = to;
		break;
	case 4:
		if (t->linked[n])
			box_unlink(t->b, t->folders[0], link);
		else
			CHECK_EQ(tree_link(t->b->catalog, &rq, t->files[n], t->folders[0], link, &i), 0);
		t->linked[n] = !t->linked[n];
		break;
	default:
		box_xattr(t->b, t->files[n], "user.colour", rand() % 2 ? "red" : "blue");
	}
}

static void check_random(struct random_tree *t)
{
	struct identity who = other();
	struct viewers *fresh;
	struct viewer *w;
	unsigned want = 0, got = 0;
	char *answer;

	CHECK_EQ(viewers_new(t->b->catalog, &fresh), 0);
	CHECK_EQ(viewers_get(fresh, &who, &w), 0);
	for (unsigned n = 0; n < RANDOM_FILES; n++)
		want += viewer_sees(w, t->files[n]) > 0;
	viewer_put(w);
	viewers_free(fresh);
	answer = ask_as(t->b, ROOT_INO, &who, "q=pump&mode=text&limit=100&format=paths");
	for (const char *at = answer; *at; at++)
		got += *at == '\n';
	CHECK_EQ(got, want);
	free(answer);
	identity_done(&who);
}

static void test_random(unsigned seed)
{
	struct random_tree t = { .b = box_new() };
	char name[16];

	srand(seed);
	box_open_index(t.b);
	for (unsigned n = 0; n < RANDOM_FOLDERS; n++) {
		(void) snprintf(name, sizeof(name), "d%u", n);
		t.folders[n] = box_folder(t.b, n ? t.folders[n / 2] : ROOT_INO, name);
	}
	for (unsigned n = 0; n < RANDOM_FILES; n++) {
		(void) snprintf(name, sizeof(name), "f%u", n);
		t.files[n] = box_file(t.b, t.folders[0], name, "pump");
	}
	for (unsigned round = 0; round < 150; round++) {
		for (unsigned changes = 1 + (unsigned)rand() % 3; changes > 0; changes--)
			if (rand() % 5 == 0)
				set_mode(t.b, t.folders[rand() % RANDOM_FOLDERS], rand() % 3 ? 0755 : 0700);
			else
				change_file(&t, (unsigned)rand() % RANDOM_FILES, (unsigned)rand() % 6);
		if (rand() % 10 == 0)
			box_remount(t.b);
		box_wait(t.b);
		check_random(&t);
	}
	box_free(t.b);
}

/* Classes are of what decides who may read, and there are not too many of them. */
static void test_classes(void)
{
	struct inode i = { .ino = 9, .uid = 1, .gid = 2, .mode = S_IFREG | 0644, .nlink = 1, .parent = ROOT_INO };
	struct box *b = box_new();
	struct viewers *v;
	uint32_t first, last = 0;

	CHECK_EQ(viewers_new(b->catalog, &v), 0);
	first = viewers_class(v, &i);
	CHECK(first > 0);
	i.mode |= 0111;
	CHECK_EQ(viewers_class(v, &i), first);
	i.nlink = 2;
	CHECK_EQ(viewers_class(v, &i), 0);
	i.nlink = 1;
	i.sets[SET_XATTRS].count = 1;
	CHECK_EQ(viewers_class(v, &i), 0);
	i.sets[SET_XATTRS].count = 0;
	for (i.uid = 2; i.uid < 10000; i.uid++) {
		uint32_t class = viewers_class(v, &i);

		CHECK(class == 0 || class == last + 1 || last == 0);
		last = class ? class : last;
	}
	i.uid = 1;
	CHECK_EQ(viewers_class(v, &i), first);
	viewers_free(v);
	box_free(b);
}

int main(void)
{
	test_classes();
	for (unsigned seed = 1; seed <= 4; seed++)
		test_random(seed);
	test_as_without();
	test_changes();
	test_waiting();
	test_many();
	return check_result();
}
