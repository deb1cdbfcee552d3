/* SPDX-License-Identifier: MIT */
/* Packs that are not as they were written: each byte changed, cut anywhere, of other volumes, with parts of others.
 * What is read is right or refused. */
#include "tests/unit/pack_box.h"

#include <stdio.h>

#include "base/bytes.h"
#include "tiers/pack/pack_format.h"

#define SMALL_FILES 12u

DEFINE_CLEANUP(struct keyring *, keyring_free)

static struct keyring *keys;
static struct pack_opener *opener;
static struct pack_dictionary *dictionary;

static size_t file_len(unsigned k)
{
	return 40 + k * 53;
}

static void file_bytes(unsigned k, uint8_t *ret_data)
{
	pack_text(k + 100, ret_data, file_len(k));
}

/* A folder, small files that use the dictionary, one larger; `variant` makes other bytes of the same lengths. */
static struct pack_memory make_pack(unsigned variant, const struct pack_dictionary *d)
{
	_cleanup_close_ int fd = pack_new_fd();
	struct pack_writer_config config = { .keys = keys, .fd = fd, .dictionary = d };
	_cleanup_writer_ struct pack_writer *w = NULL;
	struct pack_inode root = pack_folder_inode(1);
	struct pack_summary s;
	struct pack_frame f;
	uint8_t data[4096];

	CHECK_EQ(pack_writer_new(&config, &w), 0);
	CHECK_EQ(pack_writer_add_directory(w, &root, 0, "", 0), 0);
	for (unsigned k = 0; k < SMALL_FILES; k++) {
		struct pack_inode i = pack_file_inode(k + 10, file_len(k));

		CHECK_EQ(pack_writer_begin_file(w, &i), 0);
		CHECK_EQ(pack_writer_add_name(w, 1, "name", 4), 0);
		CHECK_EQ(pack_writer_add_xattr(w, "user.k", &k, sizeof(k)), 0);
		file_bytes(k + variant, data);
		CHECK_EQ(pack_writer_add_bytes(w, 0, data, file_len(k), &f), 0);
	}
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	return pack_memory_load(fd);
}

/* 0: all of it can be read, and is right. */
static int read_all(struct keyring *with, struct pack_memory *m)
{
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_source source = pack_memory_source(m);
	int r = pack_open(with, &source, NULL, &p);
	uint8_t got[4096], want[4096];

	if (r < 0)
		return r;
	for (unsigned k = 0; k < SMALL_FILES; k++) {
		const struct pack_entry *e = pack_find(p, k + 10);
		ssize_t n;

		CHECK(e && e->n_names == 1 && strcmp(e->names[0].name, "name") == 0);
		n = e ? pack_read(p, e, 0, got, sizeof(got)) : -ENOENT;
		file_bytes(k, want);
		if (n >= 0)
			CHECK_MEM(got, n, want, file_len(k));
		else
			r = (int)n;
	}
	CHECK_EQ(pack_verify(p, NULL, NULL), r);
	CHECK_EQ(pack_verify_seals(p, NULL, NULL), r);
	return r;
}

static void test_each_byte(void)
{
	struct pack_memory m = make_pack(0, dictionary);

	CHECK_EQ(read_all(keys, &m), 0);
	for (size_t at = 0; at < m.len; at++) {
		uint8_t was = m.bytes[at], bit = (uint8_t)(1u << at % 8);

		/* In the middle of the dictionary every byte is as every other. */
		if (at > 400 && at + 8000 < m.len && at % 16 != 0)
			continue;
		m.bytes[at] ^= bit;
		CHECK(read_all(keys, &m) == -EBADMSG);
		m.bytes[at] = was;
	}
	CHECK_EQ(read_all(keys, &m), 0);
	free(m.bytes);
}

static void test_cut(void)
{
	struct pack_memory m = make_pack(0, NULL), longer = m;
	size_t len = m.len;

	for (m.len = 0; m.len < len; m.len++)
		CHECK_EQ(read_all(keys, &m), -EBADMSG);
	longer.bytes = calloc(1, len + 100);
	memcpy(longer.bytes, m.bytes, len);
	for (longer.len = len + 1; longer.len <= len + 100; longer.len++)
		CHECK_EQ(read_all(keys, &longer), -EBADMSG);
	memmove(longer.bytes + 16, longer.bytes, len);
	longer.len = len + 16;
	CHECK_EQ(read_all(keys, &longer), -EBADMSG);
	/* The file ends before its size says. */
	{
		struct pack_source source = { pack_memory_read, &m, len + 50 };
		struct pack *p = NULL;

		m.len = len;
		CHECK_EQ(pack_open(keys, &source, NULL, &p), -EBADMSG);
		source.size = PACK_MAX + 1;
		CHECK_EQ(pack_open(keys, &source, NULL, &p), -EBADMSG);
	}
	free(m.bytes);
	free(longer.bytes);
}

/* Torn while it was written: zeros from some byte on, or in the middle. */
static void test_torn(void)
{
	struct pack_memory m = make_pack(0, NULL);
	uint8_t *whole = malloc(m.len);

	memcpy(whole, m.bytes, m.len);
	for (size_t at = 0; at + 40 < m.len; at += 37) {
		memset(m.bytes + at, 0, 40);
		CHECK_EQ(read_all(keys, &m), -EBADMSG);
		memcpy(m.bytes, whole, m.len);
		memset(m.bytes + at, 0, m.len - at);
		CHECK_EQ(read_all(keys, &m), -EBADMSG);
		memcpy(m.bytes, whole, m.len);
	}
	free(whole);
	free(m.bytes);
}

static void test_wrong_key(void)
{
	_cleanup_(keyring_freep) struct keyring *other = pack_keys(9);
	struct pack_memory m = make_pack(0, NULL);

	CHECK_EQ(read_all(other, &m), -EBADMSG);
	free(m.bytes);
}

/* ---- frames in other places */

static void get_frames(struct pack_memory *m, struct seal_run_header *ret_h, struct pack_frame *ret_frames)
{
	struct pack_source source = pack_memory_source(m);
	struct pack_summary s;
	struct pack *p = NULL;

	CHECK_EQ(pack_open(keys, &source, NULL, &p), 0);
	pack_get_summary(p, &s);
	*ret_h = s.run;
	for (unsigned k = 0; k < SMALL_FILES; k++)
		CHECK_EQ(pack_get_frame(p, k, &ret_frames[k]), 0);
	p = pack_close(p);
}

/* With the bytes that lie at `from`. */
static int open_bytes(const struct pack_memory *m, uint32_t from, const struct pack_run *run, const struct pack_frame *f,
		      const struct pack_dictionary *d, uint8_t *ret_plain)
{
	uint8_t *sealed = malloc(f->stored_len);
	int r;

	memcpy(sealed, m->bytes + from, f->stored_len);
	r = pack_frame_open(opener, run, f, sealed, d, ret_plain);
	free(sealed);
	return r;
}

static int open_frame(const struct pack_memory *m, const struct pack_run *run, const struct pack_frame *f,
		      const struct pack_dictionary *d, uint8_t *ret_plain)
{
	return open_bytes(m, f->place, run, f, d, ret_plain);
}

static void test_wrong_frame(const struct pack_dictionary *d)
{
	struct pack_memory m = make_pack(0, d), other = make_pack(1, d);
	struct pack_frame frames[SMALL_FILES], others[SMALL_FILES], f;
	struct seal_run_header h, other_h;
	struct pack_run *run = NULL, *other_run = NULL;
	uint8_t plain[4096], want[4096];

	get_frames(&m, &h, frames);
	get_frames(&other, &other_h, others);
	CHECK_EQ(pack_run_open(keys, &h, &run), 0);
	CHECK_EQ(pack_run_open(keys, &other_h, &other_run), 0);
	for (unsigned k = 0; k < SMALL_FILES; k++) {
		f = frames[k];
		CHECK_EQ(open_frame(&m, run, &f, d, plain), 0);
		file_bytes(k, want);
		CHECK(memcmp(plain, want, file_len(k)) == 0);
		CHECK_EQ(open_frame(&m, other_run, &f, d, plain), -EBADMSG);
		CHECK_EQ(open_frame(&m, run, &f, d ? NULL : dictionary, plain), -EBADMSG);
		f.place++;
		CHECK_EQ(open_bytes(&m, frames[k].place, run, &f, d, plain), -EBADMSG);
		f = frames[k];
		f.number ^= 1;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f = frames[k];
		f.plain_len++;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f.plain_len -= 2;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f = frames[k];
		f.stored_len--;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f = frames[k];
		f.place = frames[(k + 1) % SMALL_FILES].place;
		f.stored_len = frames[(k + 1) % SMALL_FILES].stored_len;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f = frames[k];
		f.plain_len = PACK_FRAME_MAX + 1;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
		f.plain_len = 0;
		CHECK_EQ(open_frame(&m, run, &f, d, plain), -EBADMSG);
	}
	run = pack_run_free(run);
	other_run = pack_run_free(other_run);
	free(m.bytes);
	free(other.bytes);
}

/* Sections of one pack in the other; frames of one length swapped. */
static void test_mixed(void)
{
	struct pack_memory a = make_pack(0, NULL), b = make_pack(0, NULL), m = { malloc(a.len), a.len, 0 };
	struct pack_frame frames[SMALL_FILES];
	struct seal_run_header h;

	CHECK_EQ(a.len, b.len);
	get_frames(&a, &h, frames);
	for (unsigned k = 0; k < SMALL_FILES; k++) {
		memcpy(m.bytes, a.bytes, a.len);
		memcpy(m.bytes + frames[k].place, b.bytes + frames[k].place, frames[k].stored_len);
		CHECK_EQ(read_all(keys, &m), -EBADMSG);
	}
	for (size_t at = PACK_HEADER_SIZE; at < a.len; at += 11) {
		memcpy(m.bytes, a.bytes, at);
		memcpy(m.bytes + at, b.bytes + at, a.len - at);
		CHECK_EQ(read_all(keys, &m), -EBADMSG);
	}
	memcpy(m.bytes, a.bytes, a.len);
	memcpy(m.bytes, b.bytes, PACK_HEADER_SIZE);
	CHECK_EQ(read_all(keys, &m), -EBADMSG);
	free(a.bytes);
	free(b.bytes);
	free(m.bytes);
}

static void test_swapped(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	struct pack_writer_config config = { .keys = keys, .fd = fd };
	struct pack_inode i = pack_file_inode(10, 4000);
	struct pack_frame f[4];
	struct pack_writer *w = NULL;
	struct pack_summary s;
	struct pack_source source;
	struct pack_memory m;
	uint8_t data[1000], *bytes;
	struct pack *p = NULL;

	CHECK_EQ(pack_writer_new(&config, &w), 0);
	CHECK_EQ(pack_writer_begin_file(w, &i), 0);
	for (unsigned k = 0; k < 4; k++) {
		pack_noise(k, data, sizeof(data));
		CHECK_EQ(pack_writer_add_bytes(w, k * 1000, data, 1000, &f[k]), 0);
	}
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	w = pack_writer_free(w);
	m = pack_memory_load(fd);
	bytes = malloc(1017);
	memcpy(bytes, m.bytes + f[1].place, 1017);
	memcpy(m.bytes + f[1].place, m.bytes + f[2].place, 1017);
	memcpy(m.bytes + f[2].place, bytes, 1017);
	source = pack_memory_source(&m);
	CHECK_EQ(pack_open(keys, &source, NULL, &p), 0);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 0, data, 1000), 1000);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 1000, data, 1000), -EBADMSG);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 2000, data, 1000), -EBADMSG);
	CHECK_EQ(pack_read(p, pack_find(p, 10), 3000, data, 1000), 1000);
	CHECK_EQ(pack_verify(p, NULL, NULL), -EBADMSG);
	p = pack_close(p);
	free(bytes);
	free(m.bytes);
}

/* ---- verifying says where */

struct told {
	unsigned ok, bad, end_at;
	uint32_t last_bad;
	bool head_bad;
};

static int note(void *context, const struct pack_frame *f, int error)
{
	struct told *t = context;

	CHECK(error == 0 || error == -EBADMSG);
	if (!f) {
		t->head_bad = error < 0;
		return 0;
	}
	if (error < 0)
		t->last_bad = f->number;
	t->ok += error == 0;
	t->bad += error < 0;
	return t->end_at && f->number == t->end_at ? 5 : 0;
}

static struct pack_source broken;

static ssize_t read_broken(void *context, uint64_t from, void *data, size_t len)
{
	struct pack_memory *m = context;

	return m->reads > 3 ? -EIO : pack_memory_read(context, from, data, len);
}

static void test_verify(void)
{
	struct pack_memory m = make_pack(0, dictionary);
	struct pack_frame frames[SMALL_FILES];
	struct pack_source source = pack_memory_source(&m);
	struct seal_run_header h;
	struct told t = { 0 };
	struct pack *p = NULL;

	get_frames(&m, &h, frames);
	CHECK_EQ(pack_open(keys, &source, &h, &p), 0);
	m.bytes[frames[5].place] ^= 1;
	CHECK_EQ(pack_verify(p, note, &t), -EBADMSG);
	CHECK(t.ok == SMALL_FILES - 1 && t.bad == 1 && t.last_bad == 5 && !t.head_bad);
	t = (struct told){ 0 };
	CHECK_EQ(pack_verify_seals(p, note, &t), -EBADMSG);
	CHECK(t.ok == SMALL_FILES - 1 && t.bad == 1 && t.last_bad == 5 && !t.head_bad);
	t = (struct told){ .end_at = 3 };
	CHECK_EQ(pack_verify(p, note, &t), 5);
	CHECK_EQ(t.ok, 4);
	m.bytes[0] ^= 1;
	t = (struct told){ 0 };
	CHECK_EQ(pack_verify(p, note, &t), -EBADMSG);
	CHECK(t.head_bad && t.ok == SMALL_FILES - 1);
	m.bytes[0] ^= 1;
	m.bytes[frames[5].place] ^= 1;
	CHECK_EQ(pack_verify(p, note, &t), 0);
	p = pack_close(p);
	broken = (struct pack_source){ read_broken, &m, m.len };
	m.reads = 0;
	CHECK_EQ(pack_open(keys, &broken, &h, &p), 0);
	m.reads = 4;
	CHECK_EQ(pack_verify(p, NULL, NULL), -EIO);
	p = pack_close(p);
	CHECK_EQ(pack_open(keys, &broken, &h, &p), -EIO);
	free(m.bytes);
}

/* ---- a trailer's own claims */

static void test_trailer(void)
{
	struct pack_trailer t = { .size = 1000, .table = { 800, 92, 50 }, .n_frames = 1 }, got;
	uint8_t bytes[PACK_TRAILER_PLAIN];

	pack_trailer_store(&t, bytes);
	CHECK_EQ(pack_trailer_load(bytes, 1000, &got), 0);
	CHECK_EQ(pack_trailer_load(bytes, 1001, &got), -EBADMSG);
	for (unsigned at = 0; at < 24; at += 4) {
		uint32_t was = load_le32(bytes + at);

		if (at == 16 || at == 20)
			continue; /* whatever they say is compared with the table */
		for (int d = -1; d <= 1; d += 2) {
			store_le32(bytes + at, was + (uint32_t)d);
			CHECK_EQ(pack_trailer_load(bytes, 1000, &got), -EBADMSG);
		}
		store_le32(bytes + at, UINT32_MAX);
		CHECK_EQ(pack_trailer_load(bytes, 1000, &got), -EBADMSG);
		store_le32(bytes + at, was);
	}
	t.dictionary = (struct pack_section){ 24, 100, 5 };
	pack_trailer_store(&t, bytes);
	CHECK_EQ(pack_trailer_load(bytes, 1000, &got), -EBADMSG); /* without an id */
	t.dictionary_id = 7;
	pack_trailer_store(&t, bytes);
	CHECK_EQ(pack_trailer_load(bytes, 1000, &got), 0);
	t.dictionary = (struct pack_section){ 24, 777, 5 };
	pack_trailer_store(&t, bytes);
	CHECK_EQ(pack_trailer_load(bytes, 1000, &got), -EBADMSG);
	t.dictionary = (struct pack_section){ 20, 100, 5 };
	pack_trailer_store(&t, bytes);
	CHECK_EQ(pack_trailer_load(bytes, 1000, &got), -EBADMSG);
}

int main(void)
{
	keys = pack_keys(3);
	CHECK_EQ(pack_opener_new(&opener), 0);
	dictionary = pack_train(300, 500, 2 << 10);
	test_each_byte();
	test_cut();
	test_torn();
	test_wrong_key();
	test_wrong_frame(NULL);
	test_wrong_frame(dictionary);
	test_mixed();
	test_swapped();
	test_verify();
	test_trailer();
	dictionary = pack_dictionary_free(dictionary);
	opener = pack_opener_free(opener);
	keys = keyring_free(keys);
	return check_result();
}
