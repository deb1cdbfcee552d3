/* SPDX-License-Identifier: MIT */
/* Volumes made anew of packs that were written here: which of several descriptions wins, who has a name, whose bytes are
 * put together, and what goes to lost+found. */
#include <string.h>

#include "files_box.h"
#include "pack_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "tiers/rebuild/rebuild.h"
#include "tiers/rebuild/spans.h"

static struct files_box box;
static struct keyring *keys;   /* of the packs */
static struct temp_folder warm;
static struct bucket *bucket;  /* NULL: none */
static struct rebuild_report report;
static char told[16384];       /* all problems, a line each */

/* ---- packs */

static struct pack_writer *writer;
static int writer_fd;

static void begin(uint64_t lsn)
{
	struct pack_writer_config config = { .keys = keys, .lsn = lsn };
	struct pack_inode root = pack_folder_inode(ROOT_INO);

	writer_fd = openat(warm.dirfd, "new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(writer_fd >= 0);
	config.fd = writer_fd;
	CHECK_EQ(pack_writer_new(&config, &writer), 0);
	root.mode = S_IFDIR | 01750;
	CHECK_EQ(pack_writer_add_directory(writer, &root, 0, "", 0), 0);
}

static void finish(char ret_name[ID128_TEXT_SIZE])
{
	struct pack_summary s;

	CHECK_EQ(pack_writer_finish(writer, &s), 0);
	writer = pack_writer_free(writer);
	CHECK_EQ(close(writer_fd), 0);
	CHECK_EQ(renameat(warm.dirfd, "new", warm.dirfd, id128_format(s.run.id, ret_name)), 0);
}

static void end(void)
{
	char name[ID128_TEXT_SIZE];

	finish(name);
}

static void folder(uint64_t ino, uint64_t parent, const char *name)
{
	struct pack_inode i = pack_folder_inode(ino);

	CHECK_EQ(pack_writer_add_directory(writer, &i, parent, name, strlen(name)), 0);
}

static void file(uint64_t ino, uint64_t size, uint64_t content_lsn, uint64_t parent, const char *name)
{
	struct pack_inode i = pack_file_inode(ino, size);

	i.content_lsn = content_lsn;
	CHECK_EQ(pack_writer_begin_file(writer, &i), 0);
	if (name)
		CHECK_EQ(pack_writer_add_name(writer, parent, name, strlen(name)), 0);
}

static struct pack_frame bytes(uint64_t offset, const char *text)
{
	struct pack_frame f = { 0 };

	CHECK_EQ(pack_writer_add_bytes(writer, offset, text, strlen(text), &f), 0);
	return f;
}

static void small(uint64_t ino, uint64_t content_lsn, uint64_t parent, const char *name, const char *text)
{
	file(ino, strlen(text), content_lsn, parent, name);
	(void) bytes(0, text);
}

static void spoil(const char *name, uint64_t at)
{
	int fd = openat(warm.dirfd, name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	CHECK_EQ(io_pread_exact(fd, &byte, 1, at), 0);
	byte ^= 1;
	CHECK_EQ(io_pwrite(fd, &byte, 1, at), 0);
	CHECK_EQ(close(fd), 0);
}

/* ---- volumes */

static void note(void *context, const char *text)
{
	size_t len = strlen(told);

	(void) snprintf(told + len, sizeof(told) - len, "%s\n", text);
}

static void open_all(void)
{
	told[0] = '\0';
	temp_folder_make(&warm);
	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
}

static void build(void)
{
	const struct rebuild_config config = { .files = box.f, .keys = keys, .warm_dirfd = warm.dirfd, .bucket = bucket,
					       .problem = note };

	CHECK_EQ(rebuild(&config, &report), 0);
	files_box_verify(&box);
}

static void close_all(void)
{
	files_box_free(&box);
	temp_folder_remove(&warm);
}

static struct inode at(const char *path)
{
	struct inode i = { 0 };
	int r = tree_walk(box.c, ROOT_INO, path, &i);

	if (r < 0)
		fprintf(stderr, "%s: %s; told:\n%s", path, strerror(-r), told);
	CHECK_EQ(r, 0);
	return i;
}

static void absent(const char *path)
{
	struct inode i;

	CHECK_EQ(tree_walk(box.c, ROOT_INO, path, &i), -ENOENT);
}

static void holds(const char *path, const char *text)
{
	struct inode i = at(path);
	char got[256] = "";

	CHECK_EQ(i.size, strlen(text));
	CHECK_EQ(file_read(box.f, i.ino, 0, got, sizeof(got) - 1, TIER_WAIT), (ssize_t)strlen(text));
	CHECK(strcmp(got, text) == 0);
}

static void said(const char *text)
{
	if (!strstr(told, text))
		fprintf(stderr, "not told: %s; but:\n%s", text, told);
	CHECK(strstr(told, text) != NULL);
}

/* ---- cases */

static void check_inode(const struct inode *i, const struct pack_inode *from)
{
	CHECK_EQ(i->mode, from->mode);
	CHECK(i->uid == from->uid && i->gid == from->gid);
	CHECK(pack_time_equal(i->atime, from->atime) && pack_time_equal(i->mtime, from->mtime));
	CHECK(pack_time_equal(i->ctime, from->ctime) && pack_time_equal(i->btime, from->btime));
}

static void test_attributes(void)
{
	struct pack_inode root = pack_folder_inode(ROOT_INO), dir = pack_folder_inode(10), f = pack_file_inode(11, 3);
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct inode i;

	open_all();
	begin(100);
	f.mode = S_IFREG | 06711;
	dir.mode = S_IFDIR | 02750;
	CHECK_EQ(pack_writer_add_directory(writer, &dir, ROOT_INO, "dir", 3), 0);
	CHECK_EQ(pack_writer_add_xattr(writer, "user.of.dir", "d", 1), 0);
	folder(12, 10, "below");
	CHECK_EQ(pack_writer_begin_file(writer, &f), 0);
	CHECK_EQ(pack_writer_add_name(writer, 10, "a", 1), 0);
	CHECK_EQ(pack_writer_add_name(writer, 12, "b", 1), 0);
	CHECK_EQ(pack_writer_add_xattr(writer, "user.xdg.tags", "x,y", 3), 0);
	(void) bytes(0, "abc");
	end();
	build();
	CHECK(report.problems == 0 && report.packs == 1 && report.files == 1 && report.directories == 2 &&
	      report.bytes == 3 && report.aside == 0);
	i = at("dir");
	check_inode(&i, &dir);
	CHECK_EQ(tree_getxattr(box.c, i.ino, "user.of.dir", &value), 0);
	i = at("");
	root.mode = S_IFDIR | 01750;
	check_inode(&i, &root);
	i = at("dir/below/b");
	check_inode(&i, &f);
	CHECK_EQ(i.nlink, 2);
	CHECK_EQ(at("dir/a").ino, i.ino);
	buf_reset(&value);
	CHECK_EQ(tree_getxattr(box.c, i.ino, "user.xdg.tags", &value), 0);
	CHECK(value.len == 3 && memcmp(value.data, "x,y", 3) == 0);
	holds("dir/a", "abc");
	close_all();
}

/* The latest content, under the name that the latest pack of it tells; bytes of older content are none of it. */
static void test_versions(void)
{
	open_all();
	begin(50);
	small(20, 40, ROOT_INO, "old name", "the old text");
	small(21, 40, ROOT_INO, "stays", "stays");
	end();
	begin(100);
	small(20, 90, ROOT_INO, "name", "new");
	end();
	begin(70); /* the same content as in the first, packed anew after a rename */
	small(21, 40, ROOT_INO, "renamed", "stays");
	end();
	build();
	CHECK_EQ(report.problems, 0);
	CHECK_EQ(report.files, 2);
	holds("name", "new");
	holds("renamed", "stays");
	absent("old name");
	absent("stays");
	close_all();
}

/* Pieces in several packs, and holes; what nobody has of it is lost, and is no zeros. */
static void test_pieces(void)
{
	char got[32];
	struct inode i;

	open_all();
	begin(10);
	file(30, 12, 5, ROOT_INO, "whole");
	(void) bytes(0, "abc");
	CHECK_EQ(pack_writer_add_hole(writer, 3, 3), 0);
	file(31, 12, 5, ROOT_INO, "part");
	(void) bytes(0, "abc");
	small(32, 4, ROOT_INO, "mixed", "older content");
	end();
	begin(20);
	file(30, 12, 5, ROOT_INO, "whole");
	(void) bytes(6, "ghijkl");
	file(32, 13, 15, ROOT_INO, "mixed");
	(void) bytes(0, "newer");
	end();
	build();
	i = at("whole");
	CHECK_EQ(file_read(box.f, i.ino, 0, got, sizeof(got), TIER_WAIT), 12);
	CHECK(memcmp(got, "abc\0\0\0ghijkl", 12) == 0);
	absent("part");
	i = at("lost+found/#31-part");
	CHECK_EQ(i.size, 12);
	CHECK_EQ(file_read(box.f, i.ino, 0, got, 3, TIER_WAIT), 3);
	CHECK(memcmp(got, "abc", 3) == 0);
	CHECK_EQ(file_read(box.f, i.ino, 3, got, 3, TIER_WAIT), -EIO);
	said("part: 9 of 12 bytes are lost, from byte 3 on (no pack has them); the rest is in lost+found/#31-part");
	i = at("lost+found/#32-mixed");
	CHECK_EQ(file_read(box.f, i.ino, 5, got, 8, TIER_WAIT), -EIO);
	CHECK(report.problems == 2 && report.aside == 2 && report.lost_bytes == 17);
	close_all();
}

static void test_names(void)
{
	open_all();
	begin(10);
	small(40, 5, ROOT_INO, "twice", "first");
	folder(41, ROOT_INO, "folder");
	small(42, 5, 41, "in it", "in the first folder");
	folder(43, ROOT_INO, "was folder");
	small(44, 5, 43, "in that", "in that");
	small(45, 5, ROOT_INO, "was file", "was a file");
	small(46, 5, 999, "homeless", "homeless");
	small(47, 5, 0, NULL, "nameless");
	end();
	begin(20);
	small(50, 15, ROOT_INO, "twice", "second");
	folder(51, ROOT_INO, "folder");
	small(52, 15, 51, "in it", "in the second folder");
	small(53, 15, ROOT_INO, "was folder", "is a file");
	folder(54, ROOT_INO, "was file");
	small(55, 15, 54, "f", "f");
	end();
	build();
	holds("twice", "second");
	holds("lost+found/#40-twice", "first");
	holds("folder/in it", "in the second folder");
	holds("lost+found/#41-folder/in it", "in the first folder");
	holds("was folder", "is a file");
	holds("lost+found/#43-was folder/in that", "in that");
	holds("was file/f", "f");
	holds("lost+found/#45-was file", "was a file");
	holds("lost+found/#46-homeless", "homeless");
	holds("lost+found/#47-", "nameless");
	said("twice: a later one has its name; the file is now lost+found/#40-twice");
	said("folder/: a later folder has its name; this folder is now lost+found/#41-folder");
	said("was folder/: a later file has its name; this folder is now lost+found/#43-was folder");
	said("?/homeless: no pack says where its folder was");
	close_all();
}

/* Folders that lie in each other by descriptions of several times; a lost+found that was there. */
static void add_ring(void)
{
	begin(10);
	folder(60, ROOT_INO, "a");
	folder(61, 60, "b");
	small(62, 5, 61, "f", "f");
	folder(63, ROOT_INO, "lost+found");
	small(64, 5, 63, "#65-x", "was here before");
	small(65, 5, 999, "x", "x");
	end();
}

/* The oldest pack is made last, or first: folders are listed in either order. */
static void test_rings(bool last)
{
	open_all();
	if (!last)
		add_ring();
	begin(20);
	folder(61, ROOT_INO, "b");
	folder(60, 61, "a");
	small(66, 15, 60, "g", "g");
	end();
	begin(30);
	folder(60, 61, "a"); /* its folder is not described */
	small(67, 25, 60, "h", "h");
	end();
	if (last)
		add_ring();
	build();
	holds("b/f", "f");
	holds("b/a/g", "g");
	holds("b/a/h", "h");
	holds("lost+found/#65-x", "was here before");
	holds("lost+found/#65-1-x", "x");
	close_all();
}

/* A file has the name that lost+found should have. */
static void test_lost_found_taken(void)
{
	open_all();
	begin(10);
	small(68, 5, 999, "y", "y");
	end();
	begin(20);
	small(69, 15, ROOT_INO, "lost+found", "a file");
	end();
	build();
	holds("lost+found", "a file");
	holds("lost+found.rebuilt/#68-y", "y");
	said("the file is now lost+found.rebuilt/#68-y");
	close_all();
}

/* Damage costs what lay in it; where the same bytes lie elsewhere, too, nothing. */
static void test_damage(void)
{
	char bad[ID128_TEXT_SIZE], gone[ID128_TEXT_SIZE];
	struct pack_frame f;
	struct stat st;

	open_all();
	begin(10);
	small(70, 5, ROOT_INO, "saved", "in two packs");
	small(71, 5, ROOT_INO, "good", "good");
	end();
	begin(20);
	file(70, 12, 5, ROOT_INO, "saved");
	f = bytes(0, "in two packs");
	finish(bad);
	spoil(bad, f.place + 3);
	begin(30);
	file(72, 4, 25, ROOT_INO, "lost");
	f = bytes(0, "lost");
	small(73, 25, ROOT_INO, "beside", "beside it");
	finish(bad);
	spoil(bad, f.place + 3);
	begin(40);
	small(74, 35, ROOT_INO, "unknown", "unknown");
	finish(gone);
	CHECK_EQ(fstatat(warm.dirfd, gone, &st, 0), 0);
	spoil(gone, (uint64_t)st.st_size - 20);
	build();
	holds("saved", "in two packs");
	holds("good", "good");
	holds("beside", "beside it");
	absent("lost");
	absent("unknown");
	said("lost: 4 of 4 bytes are lost, from byte 0 on (the pack is damaged there)");
	said("cannot be read (damaged, or of another volume)");
	said(gone);
	CHECK(report.packs == 3 && report.packs_damaged == 1 && report.problems == 2);
	close_all();
}

/* In the bucket: with dates in its key, beside a damaged copy here, and with what is no pack. */
static void test_bucket(void)
{
	char name[ID128_TEXT_SIZE], key[96];
	_cleanup_buf_ struct buf object = BUF_INIT;
	struct bucket_body body = { 0 };

	open_all();
	begin(10);
	file(80, 200000, 5, ROOT_INO, "cold");
	for (unsigned k = 0; k < 4; k++) {
		_cleanup_free_ uint8_t *noise = malloc(50000);
		struct pack_frame f;

		pack_noise(k, noise, 50000);
		CHECK_EQ(pack_writer_add_bytes(writer, k * 50000, noise, 50000, &f), 0);
	}
	finish(name);
	CHECK_EQ(io_read_file_at(warm.dirfd, name, PACK_MAX, &object), 0);
	spoil(name, 100); /* its first frame */
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	(void) snprintf(key, sizeof(key), "packs/2023/11/%s", name);
	body.data = object.data;
	body.len = object.len;
	CHECK_EQ(bucket_put(bucket, NULL, key, &body, NULL), 0);
	CHECK_EQ(bucket_put(bucket, NULL, "packs/notes", &body, NULL), 0);
	build();
	CHECK_EQ(report.problems, 0);
	CHECK_EQ(at("cold").size, 200000);
	CHECK_EQ(report.bytes, 200000);
	bucket = bucket_free(bucket);
	close_all();
}

static void test_spans(void)
{
	struct spans s = { 0 };
	struct span gap;

	CHECK_EQ(spans_gap(&s, 5, 10, &gap), 1);
	CHECK(gap.from == 5 && gap.to == 10);
	CHECK_EQ(spans_add(&s, 10, 20), 0);
	CHECK_EQ(spans_add(&s, 30, 40), 0);
	CHECK_EQ(spans_add(&s, 0, 5), 0);
	CHECK_EQ(spans_gap(&s, 0, 100, &gap), 1);
	CHECK(gap.from == 5 && gap.to == 10);
	CHECK_EQ(spans_gap(&s, 12, 35, &gap), 1);
	CHECK(gap.from == 20 && gap.to == 30);
	CHECK_EQ(spans_gap(&s, 12, 20, &gap), 0);
	CHECK_EQ(spans_add(&s, 20, 30), 0);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(spans_gap(&s, 10, 40, &gap), 0);
	CHECK_EQ(spans_add(&s, 3, 50), 0);
	CHECK(s.n == 1 && s.all[0].from == 0 && s.all[0].to == 50);
	CHECK_EQ(spans_add(&s, 60, 60), 0);
	CHECK_EQ(s.n, 1);
	spans_done(&s);
}

int main(void)
{
	CHECK_EQ(keyring_start(), 0);
	keys = pack_keys(7);
	test_spans();
	test_attributes();
	test_versions();
	test_pieces();
	test_names();
	test_rings(false);
	test_rings(true);
	test_lost_found_taken();
	test_damage();
	test_bucket();
	keyring_free(keys);
	return check_result();
}
