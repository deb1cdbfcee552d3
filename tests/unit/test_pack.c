/* SPDX-License-Identifier: MIT */
/* Packs: what is written is read, at every length, with and without a dictionary, with any names and attributes, by
 * the table and past it. */
#include "tests/unit/pack_box.h"

#include <stdio.h>

static struct keyring *keys;
static struct pack_opener *opener;

/* Past the table, as reads of files do it. */
static void check_frame(int fd, const struct seal_run_header *h, const struct pack_frame *f,
			const struct pack_dictionary *d, const uint8_t *want)
{
	struct pack_run *run = NULL;
	uint8_t *sealed = malloc(f->stored_len), *plain = malloc(f->plain_len);

	CHECK_EQ(pack_run_open(keys, h, &run), 0);
	CHECK_EQ(io_pread_exact(fd, sealed, f->stored_len, f->place), 0);
	CHECK_EQ(pack_frame_open(opener, run, f, sealed, d, plain), 0);
	CHECK(memcmp(plain, want, f->plain_len) == 0);
	free(sealed);
	free(plain);
	run = pack_run_free(run);
}

/* ---- lengths */

static const size_t lens[] = { 1, 2, 3, 15, 16, 17, 100, 1000, 4095, 4096, 4097, 16383, 16384, 16385, 65536, 262144,
			       524288, PACK_FRAME_MAX - 1, PACK_FRAME_MAX };

static uint8_t *make_content(unsigned k, bool noise)
{
	uint8_t *data = malloc(lens[k]);

	if (noise)
		pack_noise(k + 1, data, lens[k]);
	else
		pack_text(k + 1, data, lens[k]);
	return data;
}

static void check_file(struct pack *p, uint64_t ino, const uint8_t *want, size_t len)
{
	const struct pack_entry *e = pack_find(p, ino);
	uint8_t *got = malloc(len + 10);
	struct pack_inode i = pack_file_inode(ino, len);

	CHECK(e && pack_inode_equal(&e->inode, &i));
	if (!e)
		return;
	CHECK_EQ(pack_read(p, e, 0, got, len + 10), len);
	CHECK(memcmp(got, want, len) == 0);
	CHECK_EQ(pack_read(p, e, len - 1, got, 10), 1);
	CHECK_EQ(got[0], want[len - 1]);
	CHECK_EQ(pack_read(p, e, len, got, 10), 0);
	free(got);
}

static void test_lengths(const struct pack_dictionary *d, bool noise)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, d, 0);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_frame frames[ARRAY_SIZE(lens)], f;
	struct seal_run_header h = *pack_writer_get_header(w);
	struct pack_summary s, s2;
	uint64_t total = 0;

	for (unsigned k = 0; k < ARRAY_SIZE(lens); k++) {
		uint8_t *data = make_content(k, noise);
		struct pack_inode i = pack_file_inode(k + 10, lens[k]);

		CHECK_EQ(pack_writer_begin_file(w, &i), 0);
		CHECK_EQ(pack_writer_add_name(w, 1, "name", 4), 0);
		CHECK_EQ(pack_writer_add_bytes(w, 0, data, lens[k], &frames[k]), 0);
		CHECK_EQ(frames[k].number, k);
		CHECK_EQ(frames[k].plain_len, lens[k]);
		CHECK(frames[k].stored_len <= lens[k] + 17);
		CHECK(noise || lens[k] < 1000 || frames[k].stored_len < lens[k] * 2 / 3);
		total += lens[k];
		free(data);
	}
	CHECK_EQ(pack_writer_add_bytes(w, 0, "x", 0, &f), -EINVAL);
	CHECK_EQ(pack_writer_add_bytes(w, 0, keys, PACK_FRAME_MAX + 1, &f), -EINVAL);
	CHECK_EQ(pack_writer_add_bytes(w, INT64_MAX, "xy", 2, &f), -EINVAL);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), s.stored_size);
	CHECK(id128_equal(h.id, s.run.id));
	CHECK_EQ(s.plain_bytes, total);
	CHECK_EQ(s.n_files, ARRAY_SIZE(lens));
	CHECK_EQ(s.n_frames, ARRAY_SIZE(lens));
	CHECK_EQ(s.n_directories, 0);
	CHECK_EQ(s.lsn, 77);
	CHECK_EQ(s.created_ns, 123456789);
	CHECK_EQ(s.dictionary_id, d ? pack_dictionary_id(d) : 0);
	CHECK_EQ(s.first_day, 1700000010 / 86400);
	p = pack_box_open(keys, fd);
	pack_get_summary(p, &s2);
	CHECK(pack_summary_equal(&s, &s2));
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(lens); k++) {
		uint8_t *data = make_content(k, noise);

		check_file(p, k + 10, data, lens[k]);
		check_frame(fd, &h, &frames[k], d, data);
		CHECK_EQ(pack_get_frame(p, k, &f), 0);
		CHECK(memcmp(&f, &frames[k], sizeof(f)) == 0);
		free(data);
	}
	CHECK_EQ(pack_get_frame(p, ARRAY_SIZE(lens), &f), -ENOENT);
	CHECK(!pack_find(p, 9999) && !pack_find(p, 0));
}

/* ---- any names, attributes and xattrs */

#define FILES   300u
#define FOLDERS 40u

static uint64_t any_number(uint64_t *seed)
{
	return pack_random(seed) >> (pack_random(seed) >> 8 & 63);
}

static struct timespec any_time(uint64_t *seed)
{
	struct timespec t = { (time_t)any_number(seed), (long)(pack_random(seed) % 1000000000) };

	if (pack_random(seed) & 256)
		t.tv_sec = -t.tv_sec;
	return t;
}

static struct pack_inode any_inode(uint64_t *seed, uint64_t ino, uint32_t type)
{
	struct pack_inode i = { .ino = ino, .mode = type | ((uint32_t)pack_random(seed) & 07777) };

	i.uid = (uint32_t)any_number(seed);
	i.gid = (uint32_t)any_number(seed);
	i.rdev = any_number(seed);
	i.size = any_number(seed) >> 1;
	i.atime = any_time(seed);
	i.mtime = any_time(seed);
	i.ctime = any_time(seed);
	i.btime = any_time(seed);
	i.generation = any_number(seed);
	i.content_lsn = any_number(seed);
	return i;
}

static size_t any_name(uint64_t *seed, char ret_name[256])
{
	size_t len = 3 + pack_random(seed) % 253;

	for (size_t k = 0; k < len; k++) {
		ret_name[k] = (char)(pack_random(seed) >> 16);
		if (ret_name[k] == 0 || ret_name[k] == '/')
			ret_name[k] = 'x';
	}
	ret_name[len] = 0;
	return len;
}

static uint64_t entry_seed(uint64_t ino)
{
	return (ino + 1) * 0x9e3779b97f4a7c15ull;
}

static uint64_t folder_ino(unsigned k)
{
	return k == 0 ? 1 : UINT64_MAX - k * 12345678901ull;
}

static uint64_t file_ino(unsigned k)
{
	return 5 + k * k * 977ull;
}

/* Each draws from `seed` what the other drew. */
static void add_xattrs(struct pack_writer *w, uint64_t *seed)
{
	uint8_t *value = malloc(64 << 10);
	char name[256];

	for (uint64_t n = pack_random(seed) % 4; n-- > 0;) {
		size_t len = n == 2 && pack_random(seed) % 10 == 0 ? 64 << 10 : pack_random(seed) % 300;

		(void) any_name(seed, name);
		pack_noise(*seed, value, len);
		CHECK_EQ(pack_writer_add_xattr(w, name, value, len), 0);
	}
	free(value);
}

static void check_xattrs(const struct pack_entry *e, uint64_t *seed)
{
	uint8_t *value = malloc(64 << 10);
	uint64_t n = pack_random(seed) % 4;
	char name[256];

	CHECK_EQ(e->n_xattrs, n);
	for (uint32_t k = 0; n-- > 0 && k < e->n_xattrs; k++) {
		size_t len = n == 2 && pack_random(seed) % 10 == 0 ? 64 << 10 : pack_random(seed) % 300;

		(void) any_name(seed, name);
		pack_noise(*seed, value, len);
		CHECK(strcmp(name, e->xattrs[k].name) == 0);
		CHECK_MEM(e->xattrs[k].value, e->xattrs[k].len, value, len);
	}
	free(value);
}

static void check_name(const struct pack_name *n, uint64_t parent, uint64_t *seed)
{
	char name[256];
	size_t len = any_name(seed, name);

	CHECK_EQ(n->parent, parent);
	CHECK_MEM(n->name, n->len, name, len);
	CHECK_EQ(n->name[n->len], 0);
}

static void add_folder(struct pack_writer *w, unsigned k)
{
	uint64_t ino = folder_ino(k), seed = entry_seed(ino);
	struct pack_inode i = any_inode(&seed, ino, S_IFDIR);
	char name[256];
	size_t len = k == 0 ? 0 : any_name(&seed, name);

	CHECK(!pack_writer_has_directory(w, ino));
	CHECK_EQ(pack_writer_add_directory(w, &i, folder_ino(k / 3), name, len), 0);
	CHECK(pack_writer_has_directory(w, ino));
	add_xattrs(w, &seed);
}

static int check_folder(void *context, const struct pack_entry *e)
{
	unsigned k = (*(unsigned *)context)++;
	uint64_t ino = folder_ino(k), seed = entry_seed(ino);
	struct pack_inode i = any_inode(&seed, ino, S_IFDIR);

	CHECK(pack_inode_equal(&i, &e->inode));
	CHECK_EQ(e->n_names, k > 0);
	if (e->n_names)
		check_name(e->names, folder_ino(k / 3), &seed);
	check_xattrs(e, &seed);
	CHECK_EQ(e->n_pieces, 0);
	return 0;
}

static uint32_t file_type(unsigned k)
{
	static const uint32_t types[] = { S_IFREG, S_IFLNK, S_IFIFO, S_IFCHR, S_IFSOCK };

	return types[k % 20 < 5 ? k % 20 : 0];
}

static void add_file(struct pack_writer *w, unsigned k)
{
	uint64_t ino = file_ino(k), seed = entry_seed(ino);
	struct pack_inode i = any_inode(&seed, ino, file_type(k));
	char name[256];

	CHECK_EQ(pack_writer_begin_file(w, &i), 0);
	for (uint64_t n = pack_random(&seed) % 4; n-- > 0;)
		CHECK_EQ(pack_writer_add_name(w, folder_ino(n % FOLDERS), name, any_name(&seed, name)), 0);
	add_xattrs(w, &seed);
}

static int check_any_file(void *context, const struct pack_entry *e)
{
	unsigned k = (*(unsigned *)context)++;
	uint64_t ino = file_ino(k), seed = entry_seed(ino), n;
	struct pack_inode i = any_inode(&seed, ino, file_type(k));

	CHECK(pack_inode_equal(&i, &e->inode));
	n = pack_random(&seed) % 4;
	CHECK_EQ(e->n_names, n);
	for (uint32_t at = 0; at < e->n_names; at++)
		check_name(&e->names[at], folder_ino(--n % FOLDERS), &seed);
	check_xattrs(e, &seed);
	return 0;
}

static void test_attributes(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 0);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_summary s;
	unsigned folders = 0, files = 0;

	/* Folders before and between files. */
	for (unsigned k = 0; k < FILES; k++) {
		for (; folders < FOLDERS && folders <= k / 4; folders++)
			add_folder(w, folders);
		add_file(w, k);
	}
	for (unsigned k = 0; k < FOLDERS; k++) {
		struct pack_inode again = pack_folder_inode(folder_ino(k));

		CHECK_EQ(pack_writer_add_directory(w, &again, 1, "again", 5), 0);
	}
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK_EQ(s.n_files, FILES);
	CHECK_EQ(s.n_directories, FOLDERS);
	p = pack_box_open(keys, fd);
	folders = 0;
	CHECK_EQ(pack_foreach_directory(p, check_folder, &folders), 0);
	CHECK_EQ(pack_foreach_file(p, check_any_file, &files), 0);
	CHECK_EQ(folders, FOLDERS);
	CHECK_EQ(files, FILES);
	for (unsigned k = 0; k < FILES; k++)
		CHECK(pack_find(p, file_ino(k)) && pack_find(p, file_ino(k))->inode.ino == file_ino(k));
}

/* ---- pieces */

static void test_pieces(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_writer_ struct pack_writer *w = pack_box_writer(keys, fd, NULL, 0);
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_inode i = pack_file_inode(7, 1 << 20), other = pack_file_inode(8, 40000), part = pack_file_inode(9, 1000);
	uint8_t data[100000], want[1 << 20] = { 0 }, got[1 << 20];
	const struct pack_entry *e;
	struct pack_summary s;
	struct pack_frame f;

	pack_text(5, data, sizeof(data));
	CHECK_EQ(pack_writer_begin_file(w, &i), 0);
	CHECK_EQ(pack_writer_add_hole(w, 0, 1 << 20), 0);
	CHECK_EQ(pack_writer_add_bytes(w, 50000, data, 100000, &f), 0);
	memcpy(want + 50000, data, 100000);
	CHECK_EQ(pack_writer_add_bytes(w, 20000, data, 60000, &f), 0); /* later wins */
	memcpy(want + 20000, data, 60000);
	CHECK_EQ(pack_writer_add_piece(w, 900000, 0, 1000, 5000), 0);
	memcpy(want + 900000, data + 1000, 5000);
	CHECK_EQ(pack_writer_add_hole(w, 30000, 10), 0);
	memset(want + 30000, 0, 10);
	CHECK_EQ(pack_writer_add_piece(w, 0, 0, 95001, 5000), -EINVAL);
	CHECK_EQ(pack_writer_add_piece(w, 0, 2, 0, 1), -EINVAL);
	CHECK_EQ(pack_writer_add_piece(w, 0, 0, 100000, 0), -EINVAL);
	CHECK_EQ(pack_writer_add_piece(w, INT64_MAX, 0, 0, 1), -EINVAL);
	CHECK_EQ(pack_writer_add_hole(w, 5, 0), -EINVAL);
	CHECK_EQ(pack_writer_add_hole(w, 5, INT64_MAX), -EINVAL);
	CHECK_EQ(pack_writer_begin_file(w, &other), 0);
	CHECK_EQ(pack_writer_add_piece(w, 0, 1, 10000, 40000), 0); /* shared */
	CHECK_EQ(pack_writer_begin_file(w, &part), 0);
	CHECK_EQ(pack_writer_add_bytes(w, 500, data, 500, &f), 0);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK_EQ(s.n_frames, 3);

	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	e = pack_find(p, 7);
	CHECK_EQ(pack_read(p, e, 0, got, sizeof(got)), sizeof(got));
	CHECK(memcmp(got, want, sizeof(got)) == 0);
	CHECK_EQ(e->n_pieces, 5);
	CHECK(e->pieces[0].frame == PACK_HOLE && e->pieces[3].frame == 0 && e->pieces[3].skip == 1000);
	e = pack_find(p, 8);
	CHECK_EQ(pack_read(p, e, 0, got, sizeof(got)), 40000);
	CHECK(memcmp(got, data + 10000, 40000) == 0);
	e = pack_find(p, 9);
	CHECK_EQ(pack_read(p, e, 500, got, 1000), 500);
	CHECK_EQ(pack_read(p, e, 499, got, 10), -ENODATA);
}

int main(void)
{
	struct pack_dictionary *d;

	keys = pack_keys(3);
	CHECK_EQ(pack_opener_new(&opener), 0);
	d = pack_train(600, 900, 16 << 10);
	test_lengths(NULL, false);
	test_lengths(NULL, true);
	test_lengths(d, false);
	test_lengths(d, true);
	test_attributes();
	test_pieces();
	d = pack_dictionary_free(d);
	opener = pack_opener_free(opener);
	keys = keyring_free(keys);
	return check_result();
}
