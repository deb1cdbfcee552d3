/* SPDX-License-Identifier: MIT */
/* What repair makes of records that contradict each other: everything that is there stays, what follows is made anew,
 * what has lost its name is in lost+found, and a second repair finds nothing. */
#include "catalog/found.h"
#include "tests/unit/repair_box.h"

/* ---- what can be wrong */

static void test_nothing(void)
{
	begin_test();
	made(made(ROOT_INO, "d", S_IFDIR | 0755), "f", S_IFREG | 0644);
	made(ROOT_INO, "l", S_IFLNK | 0777);
	CHECK_EQ(repair(STOPPED), 0);
	CHECK_EQ(repair(KILLED), 0);
	CHECK_EQ(state("lost+found"), -ENOENT);
	end_test();
}

static void test_lost_name(void)
{
	struct tree_request rq = { 0 };
	uint64_t dir, f, g;

	begin_test();
	dir = made(ROOT_INO, "d", S_IFDIR | 0755);
	f = made(dir, "f", S_IFREG | 0640);
	g = made(dir, "g", S_IFREG | 0640);
	CHECK_EQ(tree_link(box.c, &rq, g, ROOT_INO, "again", &(struct inode){ 0 }), 0);
	write_inline(f, 0, "the bytes");
	drop(entry_key(dir, "f"));
	drop(entry_key(dir, "g"));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup(lost_name(f)).ino, f);
	CHECK_EQ(lookup(lost_name(f)).size, 9);
	CHECK_EQ(lookup(lost_name(f)).mode, S_IFREG | 0640);
	CHECK_EQ(lookup("again").nlink, 1); /* its other name is enough */
	CHECK_EQ(lookup("d").nlink, 2);
	CHECK_EQ(lookup("lost+found").mode, S_IFDIR | 0700);
	end_test();
}

static void test_lost_inode(void)
{
	uint64_t dir, f;

	begin_test();
	dir = made(ROOT_INO, "d", S_IFDIR | 0755);
	f = made(dir, "f", S_IFREG | 0644);
	write_inline(f, 0, "twelve bytes");
	drop(box_key('I', f));
	drop(box_key('I', dir));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(state("d/f"), -ENOENT); /* who knows how many bytes it had? */
	CHECK_EQ(lookup(lost_name(f)).size, 12);
	CHECK_EQ(lookup(lost_name(f)).mode, S_IFREG | 0600);
	CHECK_EQ(lookup("d").mode, S_IFDIR | 0700);
	CHECK_EQ(lookup("d").nlink, 2);
	end_test();
}

static void test_lost_root(void)
{
	begin_test();
	made(ROOT_INO, "f", S_IFREG | 0644);
	drop(box_key('I', ROOT_INO));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup("f").nlink, 1);
	end_test();
}

static void test_lost_bytes(void)
{
	struct extent lost;
	uint64_t f;
	struct buf value = BUF_INIT;
	struct key key;

	begin_test();
	f = made(ROOT_INO, "f", S_IFREG | 0644);
	write_inline(f, 0, "one");
	write_inline(f, 3, "two");
	write_inline(f, 6, "three");
	key = box_key('E', f);
	drop(key_u64(key, 6));
	CHECK(repair(ALONE) > 0);
	key = key_u64(box_key('E', f), 6);
	CHECK_EQ(catalog_get(box.c, key.bytes, key.len, &value), 0);
	CHECK_EQ(extent_decode(key.bytes, key.len, value.data, value.len, &lost), 0);
	CHECK(lost.kind == EXTENT_LOST && lost.offset == 3 && lost.len == 3);
	CHECK_EQ(lookup("f").size, 11);
	buf_done(&value);
	end_test();
}

/* A file with an extent that is not of its time is not left where it was. */
static void test_other_bytes(void)
{
	struct extent e = { .len = 3, .kind = EXTENT_INLINE, .data = (const uint8_t *)"old" };
	struct buf value = BUF_INIT;
	uint64_t f;

	begin_test();
	f = made(ROOT_INO, "f", S_IFREG | 0644);
	write_inline(f, 0, "new");
	CHECK_EQ(extent_encode(&e, &value), 0);
	put(key_u64(box_key('E', f), 3), value.data, value.len);
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(state("f"), -ENOENT);
	CHECK_EQ(lookup(lost_name(f)).size, 3);
	buf_done(&value);
	end_test();
}

/* a/b and b's entry for a: nothing leads there. */
static void test_circle(void)
{
	struct buf value = BUF_INIT;
	uint64_t a, b, f;
	struct key from, to;

	begin_test();
	a = made(ROOT_INO, "a", S_IFDIR | 0755);
	b = made(a, "b", S_IFDIR | 0755);
	f = made(b, "f", S_IFREG | 0644);
	from = entry_key(ROOT_INO, "a");
	to = entry_key(b, "a");
	CHECK_EQ(catalog_get(box.c, from.bytes, from.len, &value), 0);
	put(to, value.data, value.len);
	drop(from);
	CHECK(repair(ALONE) > 0);
	CHECK(state(lost_name(a)) == 0 || state(lost_name(b)) == 0);
	if (state(lost_name(a)) == 0)
		CHECK_EQ(tree_is_below(box.c, f, a), 1);
	else
		CHECK_EQ(tree_is_below(box.c, f, b), 1);
	buf_done(&value);
	end_test();
}

/* A directory has one name; an entry names what is there, and of the type that it says. */
static void test_wrong_entries(void)
{
	struct buf value = BUF_INIT;
	struct key from, to;
	uint64_t d, e, f;

	begin_test();
	d = made(ROOT_INO, "d", S_IFDIR | 0755);
	e = made(ROOT_INO, "e", S_IFDIR | 0755);
	f = made(d, "f", S_IFREG | 0644);
	from = entry_key(ROOT_INO, "d");
	to = entry_key(e, "d");
	CHECK_EQ(catalog_get(box.c, from.bytes, from.len, &value), 0);
	put(to, value.data, value.len);
	buf_reset(&value);
	from = entry_key(d, "f");
	CHECK_EQ(catalog_get(box.c, from.bytes, from.len, &value), 0);
	put(entry_key(f, "f"), value.data, value.len); /* of a file */
	CHECK(repair(ALONE) > 0);
	CHECK((state("d/f") == 0) != (state("e/d/f") == 0));
	CHECK_EQ(lookup("e").nlink + lookup("").nlink, 2 + 2 + 2);
	buf_done(&value);
	end_test();
}

static void test_what_follows(void)
{
	struct tree_request rq = { 0 };
	struct tree_stats s;
	uint64_t f;

	begin_test();
	f = made(ROOT_INO, "f", S_IFREG | 0644);
	CHECK_EQ(tree_link(box.c, &rq, f, ROOT_INO, "g", &(struct inode){ 0 }), 0);
	CHECK_EQ(tree_setxattr(box.c, &rq, f, "user.xdg.tags", "a,b", 3, 0), 0);
	drop(first_key(key_start('P')));
	drop(first_key(key_start('V')));
	drop(first_key(key_start('Q')));
	put(key_u64(key_start('O'), f), "\1", 1);
	put(key_u64(key_start('O'), 4711), "\1", 1);
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup("g").nlink, 2);
	CHECK_EQ(queue_count(box.c), 1);
	tree_get_stats(box.c, &s);
	CHECK(s.files == 1 && s.directories == 1);
	CHECK_EQ(box_count(&box, "O", 1), 0);
	end_test();
}

static void test_lost_xattrs(void)
{
	struct tree_request rq = { 0 };
	uint64_t f, l;

	begin_test();
	f = made(ROOT_INO, "f", S_IFREG | 0664);
	l = made(ROOT_INO, "l", S_IFLNK | 0777);
	CHECK_EQ(tree_setxattr(box.c, &rq, f, "user.a", "1", 1, 0), 0);
	CHECK_EQ(tree_setxattr(box.c, &rq, f, "user.b", "2", 1, 0), 0);
	drop(first_key(box_key('X', f)));
	drop(first_key(box_key('X', l)));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup("f").mode, S_IFREG | 0604); /* an access list may have been among them */
	CHECK_EQ(lookup("f").sets[SET_XATTRS].count, 1);
	CHECK_EQ(lookup("l").size, strlen("/lost+found/?"));
	end_test();
}

/* ---- what can be found again: the log has it, and the sets prove it */

static void test_found_again(enum before before)
{
	struct buf value = BUF_INIT;
	struct tree_request rq = { 0 };
	uint64_t d, f, g;

	begin_test();
	d = made(ROOT_INO, "d", S_IFDIR | 0755);
	f = made(d, "f", S_IFREG | 0640);
	g = made(d, "g", S_IFREG | 0640);
	for (unsigned i = 0; i < 20; i++) {
		write_inline(f, 2 * i, i % 2 ? "ab" : "cd");
		CHECK_EQ(tree_setxattr(box.c, &rq, g, "user.n", &i, sizeof(i), 0), 0);
	}
	drop(entry_key(d, "f"));
	drop(entry_key(ROOT_INO, "d"));
	drop(first_key(box_key('X', g)));
	drop(key_u64(box_key('E', f), 2));
	drop(key_u64(box_key('E', f), 30));
	CHECK(repair(before) > 0);
	CHECK_EQ(lookup("d/f").size, 40);
	CHECK_EQ(lookup("d/f").mode, S_IFREG | 0640);
	CHECK_EQ(lookup("d/f").sets[SET_EXTENTS].count, 20);
	CHECK_EQ(tree_getxattr(box.c, g, "user.n", &value), 0);
	CHECK(value.len == 4 && value.data[0] == 19); /* the last one of them */
	CHECK_EQ(state("lost+found"), -ENOENT);
	buf_done(&value);
	end_test();
}

/* Of an inode that is lost with its directory's entries, too: others lose their rights, nothing else is lost. */
static void test_found_inodes(void)
{
	uint64_t d, f;

	begin_test();
	d = made(ROOT_INO, "d", S_IFDIR | 0755);
	f = made(d, "f", S_IFREG | 0664);
	write_inline(f, 0, "bytes");
	drop(entry_key(d, "f"));
	drop(box_key('I', d));
	drop(box_key('I', f));
	CHECK(repair(STOPPED) > 0);
	CHECK_EQ(lookup("d/f").size, 5);
	CHECK_EQ(lookup("d/f").uid, 1000);
	CHECK_EQ(lookup("d/f").mode, S_IFREG | 0600);
	CHECK_EQ(lookup("d").mode, S_IFDIR | 0700);
	end_test();
}

/* What was removed does not come back, whatever the log remembers. */
static void test_removed(void)
{
	struct tree_request rq = { 0 };
	struct inode gone;

	begin_test();
	made(ROOT_INO, "kept", S_IFREG | 0644);
	made(ROOT_INO, "removed", S_IFREG | 0644);
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, "removed", NULL, NULL, &gone), 0);
	made(ROOT_INO, "other", S_IFREG | 0644);
	drop(entry_key(ROOT_INO, "kept"));
	CHECK(repair(STOPPED) > 0);
	CHECK_EQ(state("kept"), 0);
	CHECK_EQ(state("other"), 0);
	CHECK_EQ(state("removed"), -ENOENT);
	CHECK_EQ(state("lost+found"), -ENOENT);
	end_test();
}

/* ---- the store and the log */

/* What was found in a file is found again, where some of it may be lost. */
static void test_lost_findings(void)
{
	static const char links[] = "wlinks\0f";
	struct found found = { .tags = "", .fields = "", .links = links, .links_len = sizeof(links) };
	struct queue_entry entry;
	uint64_t f, g;

	begin_test();
	f = made(ROOT_INO, "f", S_IFREG | 0644);
	g = made(ROOT_INO, "g", S_IFREG | 0644);
	CHECK_EQ(tree_set_found(box.c, f, lookup("f").content_lsn, &found), 0);
	CHECK_EQ(repair(STOPPED), 0);
	put(key_u64(key_start('W'), f), "x", 1);
	CHECK_EQ(repair(ALONE), 2);
	CHECK_EQ(queue_get(box.c, f, &entry), 0);
	CHECK(entry.why & EVENT_RULES);
	CHECK_EQ(queue_get(box.c, g, &entry), 0);
	CHECK(!(entry.why & EVENT_RULES));
	end_test();
}

static void test_damaged_store(void)
{
	begin_test();
	for (unsigned i = 0; i < 300; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "%u", i);
		write_inline(made(ROOT_INO, name, S_IFREG | 0644), 0, name);
	}
	CHECK_EQ(box_stop(&box), 0);
	/* Both states of the store have lost their trees, their leaves are there. */
	box_shell(&box, "rm $V/wal/segment-*; dd if=/dev/zero of=$V/catalog/data.mdb bs=4096 count=2 conv=notrunc 2>/dev/null");
	CHECK(repair(KILLED) > 0);
	for (unsigned i = 0; i < 300; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "%u", i);
		CHECK_EQ(lookup(name).size, strlen(name));
	}
	end_test();
}

/* The log still has all that happened to a young volume. */
static void test_lost_store(const char *command, enum before before)
{
	struct tree_request rq = { 0 };
	uint64_t d;
	char name[16];

	begin_test();
	d = made(ROOT_INO, "d", S_IFDIR | 0755);
	for (unsigned i = 0; i < 200; i++) {
		(void) snprintf(name, sizeof(name), "%u", i);
		write_inline(made(d, name, S_IFREG | 0644), 0, name);
	}
	for (unsigned i = 0; i < 50; i++) {
		(void) snprintf(name, sizeof(name), "%u", i);
		CHECK_EQ(tree_rename(box.c, &rq, d, name, ROOT_INO, name, 0, NULL, NULL, &(struct tree_renamed){ 0 }), 0);
	}
	if (before == KILLED)
		box_close(&box);
	else
		CHECK_EQ(box_stop(&box), 0);
	box_shell(&box, command);
	CHECK(repair(KILLED) > 0);
	for (unsigned i = 0; i < 200; i++) {
		(void) snprintf(name, sizeof(name), i < 50 ? "%u" : "d/%u", i);
		CHECK_EQ(lookup(name).size, strlen(name) - (i < 50 ? 0 : 2));
	}
	CHECK_EQ(state("d/1"), -ENOENT);
	CHECK_EQ(state("lost+found"), -ENOENT);
	end_test();
}

/* Of a store that was cut off, the front has former states of records without saying that they are former. What the log
 * knows goes over them. */
static void test_cut_store(enum before before)
{
	char name[16];
	uint64_t last;

	begin_test();
	for (unsigned i = 0; i < 300; i++) {
		(void) snprintf(name, sizeof(name), "%u", i);
		write_inline(made(ROOT_INO, name, S_IFREG | 0644), 0, name);
		if (i % 60 != 59)
			continue;
		CHECK_EQ(box_stop(&box), 0);
		open_box(false);
	}
	last = made(ROOT_INO, "last", S_IFREG | 0644);
	write_inline(last, 0, "last");
	if (before == KILLED)
		box_close(&box);
	else
		CHECK_EQ(box_stop(&box), 0);
	box_shell(&box, "truncate -s 30000 $V/catalog/data.mdb");
	CHECK(repair(KILLED) > 0);
	CHECK(state("last") == 0 || state(lost_name(last)) == 0);
	end_test();
}

/* Killed when the store was written and the log was not in its place. */
static void test_interrupted(void)
{
	struct buf kept = BUF_INIT;

	begin_test();
	made(made(ROOT_INO, "d", S_IFDIR | 0755), "f", S_IFREG | 0644);
	drop(entry_key(ROOT_INO, "d"));
	box_close(&box);
	box_shell(&box, "cp -a $V/wal $V/wal.old");
	CHECK(rehearse() > 0);
	CHECK_EQ(catalog_repair_commit(box.c, &kept), 0);
	box_close(&box);
	box_shell(&box, "mv $V/wal $V/wal.new; mv $V/wal.old $V/wal");
	CHECK_EQ(rehearse(), 0);
	CHECK(catalog_repair_interrupted(box.c));
	CHECK_EQ(catalog_repair_commit(box.c, &kept), 0);
	box_close(&box);
	CHECK_EQ(rehearse(), 0);
	CHECK(!catalog_repair_interrupted(box.c));
	box_close(&box);
	open_box(false);
	CHECK_EQ(state("d/f"), 0);
	buf_done(&kept);
	end_test();
}

/* Nothing is left, and nothing is made of it. */
static void test_nothing_left(void)
{
	begin_test();
	made(ROOT_INO, "f", S_IFREG | 0644);
	CHECK_EQ(box_stop(&box), 0);
	box_shell(&box, "rm $V/wal/segment-* $V/catalog/data.mdb");
	open_box(true);
	CHECK_EQ(catalog_repair(box.c, &config), -ENODATA);
	box_free(&box);
}

int main(void)
{
	test_nothing();
	test_lost_name();
	test_lost_inode();
	test_lost_root();
	test_lost_bytes();
	test_other_bytes();
	test_circle();
	test_wrong_entries();
	test_what_follows();
	test_lost_xattrs();
	test_found_again(STOPPED);
	test_found_again(KILLED);
	test_found_inodes();
	test_removed();
	test_lost_findings();
	test_damaged_store();
	test_lost_store("rm $V/catalog/data.mdb", STOPPED);
	test_lost_store("rm $V/catalog/data.mdb", KILLED);
	test_lost_store("truncate -s 8000 $V/catalog/data.mdb", STOPPED);
	test_lost_store("truncate -s 0 $V/catalog/data.mdb", STOPPED);
	test_lost_store("truncate -s 0 $V/catalog/data.mdb", KILLED);
	test_lost_store("dd if=/dev/zero of=$V/catalog/data.mdb bs=4096 seek=2 count=500 conv=notrunc 2>/dev/null", STOPPED);
	test_cut_store(STOPPED);
	test_cut_store(KILLED);
	test_interrupted();
	test_nothing_left();
	return check_result();
}
