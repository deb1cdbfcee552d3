/* SPDX-License-Identifier: MIT */
/* Sets that are made anew: each single fault is found, and mended so that all is as it was before. */
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/saved.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"
#include "tests/unit/derived.h"
#include "tests/unit/tagged.h"
#include "tests/unit/xattr_box.h"

#define FILES 9

static uint64_t files[FILES];

static struct packed_walk times_walk(struct catalog *cat)
{
	struct key prefix = file_times_prefix();

	return packed_walk_over(cat, &prefix);
}

/* ---- a volume with all of it */

static void set_found(uint64_t ino, const char *tags, size_t tags_len, const char *fields, size_t fields_len)
{
	const struct found f = { tags, tags_len, fields, fields_len };

	CHECK_EQ(tree_set_found(c, ino, inode(ino).content_lsn, &f), 0);
}

static void set_time(uint64_t ino, int64_t seconds)
{
	const struct stat st = { .st_mtim = { .tv_sec = seconds } };
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_setattr(c, &rq, ino, &st, TREE_SET_MTIME, &i), 0);
}

static uint64_t id_of(const char *tag)
{
	uint64_t id = 0;

	CHECK_EQ(tag_find(c, tag, strlen(tag), &id), 0);
	return id;
}

static void fill(void)
{
	static const char *const names[FILES] = { "a.txt", "A.md", "b", "c.txt", "d", "e.1", "f", "g", "h" };
	struct tree_request rq = { .uid = 77 };
	uint64_t id;
	struct inode i;

	for (unsigned k = 0; k < FILES; k++) {
		files[k] = file(names[k]);
		set_time(files[k], (int64_t)k * 100000 - 200000);
	}
	CHECK_EQ(tree_link(c, &rq, files[0], ROOT_INO, "a.pdf", &i), 0); /* the same stem twice */
	CHECK_EQ(tree_link(c, &rq, files[1], ROOT_INO, "other", &i), 0);
	CHECK_EQ(set(files[0], "user.xdg.tags", " red ,, project/alpha,", 0), 0);
	CHECK_EQ(set(files[1], "user.xdg.tags", "red,project", 0), 0);
	CHECK_EQ(set(files[2], "user.xdg.tags", "project/beta/x,green", 0), 0);
	CHECK_EQ(set(files[3], "user.author", "Smith", 0), 0);
	CHECK_EQ(set(files[4], "user.author", "Jones", 0), 0);
	set_found(files[2], "red\0late/one", 13, "author\0Smith", 13);
	set_found(files[5], "red", 4, "title\0A title", 14);
	CHECK_EQ(tree_make_tag(c, &rq, LABEL_ROOT_TAGS, "empty/folder", &id), 0);
	CHECK_EQ(tree_make_saved(c, &rq, LABEL_ROOT_SAVED, "search", &id), 0);
	CHECK_EQ(tree_make_saved(c, &rq, id, "within", &id), 0);
	for (unsigned k = 0; k < 150; k++) { /* sets of several chunks */
		char name[16];

		(void) snprintf(name, sizeof(name), "many%u", k);
		CHECK_EQ(set(file(name), "user.xdg.tags", "many", 0), 0);
	}
}

/* ---- all that follows from other records, as text */

static void dump_set(struct buf *out, const char *what, uint64_t id, struct packed_walk w)
{
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0)
		CHECK_EQ(buf_addf(out, "%s %llu: %llu %llu %u\n", what, (unsigned long long)id, (unsigned long long)m.a,
				  (unsigned long long)m.b, m.n), 0);
	CHECK_EQ(r, 0);
	packed_walk_done(&w);
}

struct dump {
	struct buf text; /* owned */
	bool whole;      /* flags and owners as well */
};

static int dump_label(void *context, const struct record *record)
{
	uint64_t id = load_be64(record->key + 1);
	_cleanup_label_ struct label l = { 0 };
	struct dump *d = context;
	uint64_t found = 0;

	CHECK_EQ(label_get(c, id, &l), 0);
	CHECK_EQ(buf_addf(&d->text, "label %llu below %llu: %llu %llu %u %u %.*s\n", (unsigned long long)id,
			  (unsigned long long)l.above, (unsigned long long)l.files, (unsigned long long)l.below,
			  d->whole ? l.flags : 0, d->whole ? l.uid : 0, (int)l.name.len, l.name.data), 0);
	if (id < LABEL_ROOT_TAGS) {
		CHECK_EQ(label_find(c, l.above, (const char *)l.name.data, l.name.len, &found), 0);
		CHECK_EQ(found, id);
	}
	dump_set(&d->text, "files of", id, label_walk_files(c, id));
	dump_set(&d->text, "below", id, label_walk_below(c, id));
	return 0;
}

static struct buf dump(bool whole)
{
	struct dump d = { .whole = whole };
	struct key labels = key_start('g');

	for (unsigned k = 0; k < FILES; k++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		int r = tree_getxattr(c, files[k], "user.xdg.tags", &value);

		CHECK_EQ(buf_addf(&d.text, "file %u: %d %.*s\n", k, r, (int)value.len, value.len ? (char *)value.data : ""), 0);
	}
	CHECK_EQ(records_foreach(c, &labels, dump_label, &d), 0);
	dump_set(&d.text, "names", 0, file_names_walk(c));
	dump_set(&d.text, "times", 0, times_walk(c));
	return d.text;
}

/* ---- faults */

static unsigned verify(void)
{
	unsigned problems = 0;

	CHECK(derive_verify(c, problem_counts, &problems) > FILES);
	return problems;
}

static struct key id_key(char letter, uint64_t id)
{
	return key_u64(key_start(letter), id);
}

static struct batch *begin(void)
{
	struct batch *b = NULL;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	return b;
}

static void change_member(struct key prefix, uint64_t a, uint64_t b, uint32_t n)
{
	const struct packed_change change = { .a = a, .b = b, .clear = UINT32_MAX, .set = n };
	struct batch *batch = begin();
	uint32_t was;

	CHECK_EQ(packed_set_change(batch, &prefix, &change, &was), n > 0);
	CHECK(was != n);
	CHECK_EQ(batch_commit(batch, NULL), 0);
}

static struct packed_member first_of(struct packed_walk w)
{
	struct packed_member m = { 0 };

	CHECK_EQ(packed_walk_next(&w, &m), 1);
	packed_walk_done(&w);
	return m;
}

static void remove_record(struct key key)
{
	struct batch *b = begin();

	CHECK_EQ(catalog_get(c, key.bytes, key.len, NULL), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* What a label says of itself. */
static void change_label(uint64_t id, int files_more, int below_more, uint64_t above)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_label_ struct label l = { 0 };
	struct key key = id_key('g', id);
	struct batch *b = begin();

	CHECK_EQ(label_get(c, id, &l), 0);
	CHECK_EQ(buf_add_varint(&value, above ? above : l.above), 0);
	CHECK_EQ(buf_add_varint(&value, l.files + (uint64_t)files_more), 0);
	CHECK_EQ(buf_add_varint(&value, l.below + (uint64_t)below_more), 0);
	CHECK_EQ(buf_add_u8(&value, (uint8_t)l.flags), 0);
	CHECK_EQ(buf_add_varint(&value, l.uid), 0);
	CHECK_EQ(buf_add(&value, l.name.data, l.name.len), 0);
	batch_put(b, key.bytes, key.len, value.data, value.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* The record of a label by its name. */
static struct key name_key_of(uint64_t id)
{
	const void *key, *value;
	struct key found = { .len = 0 };
	size_t key_len, value_len;
	struct cursor *cur;

	CHECK_EQ(cursor_open(c, "G", 1, &cur), 0);
	while (!found.len && cursor_next(cur, &key, &key_len, &value, &value_len) > 0) {
		struct reader in = reader_over(value, value_len);

		if (reader_varint(&in) != id)
			continue;
		memcpy(found.bytes, key, key_len);
		found.len = key_len;
	}
	(void) cursor_close(cur);
	CHECK(found.len > 0);
	return found;
}

static void name_removed(void)
{
	struct packed_member m = first_of(file_names_walk(c));

	change_member(file_names_prefix(), m.a, m.b, 0);
}

static void name_added(void)
{
	change_member(file_names_prefix(), 12345, files[0], 1);
}

static void name_moved(void)
{
	name_removed();
	name_added();
}

static void name_counted_wrong(void)
{
	struct packed_member m = first_of(file_names_walk(c));

	change_member(file_names_prefix(), m.a, m.b, m.n + 1);
}

static void time_removed(void)
{
	struct packed_member m = first_of(times_walk(c));

	change_member(file_times_prefix(), m.a, m.b, 0);
}

static void time_added(void)
{
	change_member(file_times_prefix(), file_quarter(0) + 7, files[0], 1);
}

static void time_moved(void)
{
	struct packed_member m = first_of(times_walk(c));

	change_member(file_times_prefix(), m.a, m.b, 0);
	change_member(file_times_prefix(), m.a + 1, m.b, 1);
}

static void file_removed(void)
{
	change_member(id_key('T', id_of("red")), files[0], 0, 0);
}

static void file_added(void)
{
	change_member(id_key('T', id_of("red")), files[7], 0, LABEL_SET);
}

static void file_moved(void)
{
	change_member(id_key('T', id_of("red")), files[0], 0, 0);
	change_member(id_key('T', id_of("red")), files[7], 0, LABEL_SET);
}

static void file_in_another(void)
{
	change_member(id_key('T', id_of("green")), files[2], 0, 0);
	change_member(id_key('T', id_of("project/alpha")), files[2], 0, LABEL_SET);
}

static void why_changed(void)
{
	change_member(id_key('T', id_of("red")), files[0], 0, LABEL_SET | LABEL_FOUND);
}

static void why_less(void)
{
	change_member(id_key('T', id_of("red")), files[5], 0, LABEL_SET);
}

static void chunk_lost(void)
{
	struct key prefix = id_key('T', id_of("many")), key;

	CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK_EQ(record_first(c, &prefix, &prefix, &key, NULL), 1);
	remove_record(key);
}

static void files_counted_wrong(void)
{
	change_label(id_of("red"), 1, 0, 0);
}

/* Together they are as many as before. */
static void files_counted_crosswise(void)
{
	change_label(id_of("red"), 1, 0, 0);
	change_label(id_of("many"), -1, 0, 0);
}

static void below_counted_wrong(void)
{
	change_label(id_of("project"), 0, -1, 0);
}

static void below_counted_crosswise(void)
{
	change_label(id_of("project"), 0, 1, 0);
	change_label(id_of("empty"), 0, -1, 0);
}

static void child_removed(void)
{
	change_member(id_key('h', id_of("project")), id_of("project/alpha"), 0, 0);
}

static void child_added(void)
{
	change_member(id_key('h', id_of("project")), id_of("red"), 0, 1);
}

static void child_moved(void)
{
	change_member(id_key('h', id_of("project")), id_of("project/alpha"), 0, 0);
	change_member(id_key('h', id_of("empty")), id_of("project/alpha"), 0, 1);
}

static void name_of_label_lost(void)
{
	remove_record(name_key_of(id_of("project")));
}

static void name_of_empty_lost(void)
{
	remove_record(name_key_of(id_of("empty/folder")));
}

static void label_lost(void)
{
	remove_record(id_key('g', id_of("project")));
}

static void label_without_files_lost(void)
{
	remove_record(id_key('g', id_of("project/beta")));
}

static uint64_t saved_id(void)
{
	uint64_t id = 0;

	CHECK_EQ(label_find(c, LABEL_ROOT_SAVED, "search", 6, &id), 0);
	CHECK_EQ(label_find(c, id, "within", 6, &id), 0);
	return id;
}

static void saved_lost(void)
{
	remove_record(id_key('g', saved_id()));
}

static void root_lost(void)
{
	remove_record(id_key('g', LABEL_ROOT_TAGS));
}

static void field_lost(void)
{
	uint64_t id = 0;

	CHECK_EQ(field_find_name(c, "author", &id), 0);
	remove_record(id_key('g', id));
}

static void value_name_lost(void)
{
	uint64_t id = 0;

	CHECK_EQ(field_find(c, "author", "Smith", 5, &id), 0);
	remove_record(name_key_of(id));
}

static const struct fault {
	const char *name;
	void (*make)(void);
	bool loses_flags; /* a lost record is made from another one, which has no flags and no owner */
} faults[] = {
	{ "name_removed", name_removed },
	{ "name_added", name_added },
	{ "name_moved", name_moved },
	{ "name_counted_wrong", name_counted_wrong },
	{ "time_removed", time_removed },
	{ "time_added", time_added },
	{ "time_moved", time_moved },
	{ "file_removed", file_removed },
	{ "file_added", file_added },
	{ "file_moved", file_moved },
	{ "file_in_another", file_in_another },
	{ "why_changed", why_changed },
	{ "why_less", why_less },
	{ "chunk_lost", chunk_lost },
	{ "files_counted_wrong", files_counted_wrong },
	{ "files_counted_crosswise", files_counted_crosswise },
	{ "below_counted_wrong", below_counted_wrong },
	{ "below_counted_crosswise", below_counted_crosswise },
	{ "child_removed", child_removed },
	{ "child_added", child_added },
	{ "child_moved", child_moved },
	{ "name_of_label_lost", name_of_label_lost },
	{ "name_of_empty_lost", name_of_empty_lost },
	{ "label_lost", label_lost, true },
	{ "label_without_files_lost", label_without_files_lost, true },
	{ "saved_lost", saved_lost, true },
	{ "root_lost", root_lost },
	{ "field_lost", field_lost, true },
	{ "value_name_lost", value_name_lost },
};

static void check_same(const struct buf *before, const struct buf *now, const char *what)
{
	if (now->len == before->len && memcmp(now->data, before->data, now->len) == 0)
		return;
	fprintf(stderr, "%s: before\n%.*s\nafterwards\n%.*s\n", what, (int)before->len, before->data, (int)now->len, now->data);
	check_failures++;
}

static void test_fault(const struct fault *f)
{
	int failures = check_failures;
	_cleanup_buf_ struct buf before = dump(!f->loses_flags);

	f->make();
	CHECK(verify() > 0);
	c = tree_box_reopen(c);
	derived_make_anew(c);
	CHECK_EQ(verify(), 0);
	_cleanup_buf_ struct buf now = dump(!f->loses_flags);
	check_same(&before, &now, f->name);
	if (check_failures > failures)
		fprintf(stderr, "in the test of %s\n", f->name);
}

static void test_faults(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(faults); k++)
		test_fault(&faults[k]);
}

/* Its name is known to nobody any more; which files had it is. */
static void test_both_lost(void)
{
	uint64_t id = id_of("green");
	char want[64];

	remove_record(name_key_of(id));
	remove_record(id_key('g', id));
	CHECK(verify() > 0);
	derived_make_anew(c);
	CHECK_EQ(verify(), 0);
	(void) snprintf(want, sizeof(want), "project/beta/x,lost tag %llu", (unsigned long long)id);
	check_value(files[2], "user.xdg.tags", want);
	CHECK_EQ(has_tagged(c, want + strlen("project/beta/x,")), 1);
}

/* Without the record that says how far it is, tags are not taken for those of an older version. */
static void test_state_lost(void)
{
	_cleanup_buf_ struct buf before = dump(true);

	remove_record(key_u8(key_start('V'), 8));
	CHECK(derive_is_due(c));
	CHECK_EQ(derive_run(c), 0);
	CHECK_EQ(verify(), 0);
	_cleanup_buf_ struct buf now = dump(true);
	check_same(&before, &now, "state lost");
}

/* ---- fields */

/* The same value, written in another way. */
static void test_field_rewritten(void)
{
	uint64_t ino = file("field"), id = 0;
	uint32_t why = 0;

	CHECK_EQ(set(ino, "user.author", "Miller", 0), 0);
	CHECK_EQ(set(ino, "user.author", " Miller\n", 0), 0);
	CHECK_EQ(field_find(c, "author", "Miller", 6, &id), 0);
	CHECK_EQ(label_why(c, id, ino, &why), 0);
	CHECK_EQ(why, LABEL_SET);
	CHECK_EQ(set(ino, "user.author", "\1", 0), 0);
	CHECK_EQ(field_find(c, "author", "Miller", 6, &id), -ENOENT);
	CHECK_EQ(unset(ino, "user.author"), 0);
	CHECK_EQ(verify(), 0);
}

int main(void)
{
	xattr_box_open(4);
	CHECK_EQ(derive_run(c), 0);
	fill();
	CHECK_EQ(verify(), 0);
	test_field_rewritten();
	test_faults();
	test_state_lost();
	test_both_lost();
	tree_box_close(c);
	return check_result();
}
