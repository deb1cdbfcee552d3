/* SPDX-License-Identifier: MIT */
/* Packs when there is no memory: each call says so, nothing is lost or leaks, and a pack that was finished is whole.
 * Training is not among them: zstd itself crashes without memory there (see has_memory() in pack_dictionary.c). */
#include "tests/unit/pack_box.h"

#include "tests/unit/memory_steps.h"

#define FILES 40u
#define LARGE 300000u

static struct keyring *keys;
static struct pack_dictionary *dictionary;
static struct pack_memory whole; /* a pack that was written with memory */
static struct pack_summary summary;
static uint8_t text[LARGE];

static int add_files(struct pack_writer *w)
{
	struct pack_inode root = pack_folder_inode(1);
	struct pack_frame f;
	int r = pack_writer_add_directory(w, &root, 0, "", 0);

	for (unsigned k = 0; k < FILES && r >= 0; k++) {
		size_t len = k == 20 ? LARGE : 1000 + k;
		struct pack_inode i = pack_file_inode(k + 10, len);

		r = pack_writer_begin_file(w, &i);
		if (r >= 0)
			r = pack_writer_add_name(w, 1, "name", 4);
		if (r >= 0)
			r = pack_writer_add_xattr(w, "user.x", text, 500);
		if (r >= 0)
			r = pack_writer_add_bytes(w, 0, text, len, &f);
	}
	return r;
}

static int write_pack(int fd, struct pack_summary *ret_s)
{
	struct pack_writer_config config = { .keys = keys, .fd = fd, .dictionary = dictionary };
	_cleanup_writer_ struct pack_writer *w = NULL;
	int r = pack_writer_new(&config, &w);

	if (r >= 0)
		r = add_files(w);
	if (r < 0) {
		/* The first error stays. */
		CHECK(!w || pack_writer_finish(w, ret_s) == r);
		return r;
	}
	return pack_writer_finish(w, ret_s);
}

static int write_one(unsigned k)
{
	static int fd = -1; /* memfd_create() would be no allocation of ours */
	struct pack_summary s;

	if (fd < 0)
		fd = pack_new_fd();
	return write_pack(fd, &s);
}

static int read_files(struct pack *p)
{
	uint8_t got[2000];

	for (unsigned k = 0; k < FILES; k++) {
		const struct pack_entry *e = pack_find(p, k + 10);
		ssize_t n = e ? pack_read(p, e, 0, got, 1000) : -EIO;

		if (n < 0)
			return (int)n;
		CHECK(n == 1000 && memcmp(got, text, 1000) == 0);
	}
	return pack_verify(p, NULL, NULL);
}

static int read_one(unsigned k)
{
	struct pack_source source = pack_memory_source(&whole);
	_cleanup_pack_ struct pack *p = NULL;
	int r = pack_open(keys, &source, k & 1 ? &summary.run : NULL, &p);

	return r < 0 ? r : read_files(p);
}

static int open_frame(unsigned k)
{
	struct pack_frame f = { .place = 24, .stored_len = 100, .plain_len = 50 };
	struct pack_opener *o = NULL;
	struct pack_run *run = NULL;
	uint8_t sealed[100], plain[50];
	int r = pack_opener_new(&o);

	if (r >= 0)
		r = pack_run_open(keys, &summary.run, &run);
	if (r >= 0)
		CHECK_EQ(pack_frame_open(o, run, &f, sealed, dictionary, plain), -EBADMSG);
	run = pack_run_free(run);
	o = pack_opener_free(o);
	return r;
}

static int load(unsigned k)
{
	struct pack_dictionary *d = NULL;
	const void *bytes;
	size_t len;
	int r;

	bytes = pack_dictionary_bytes(dictionary, &len);
	r = pack_dictionary_load(5, bytes, len, &d);
	d = pack_dictionary_free(d);
	return r;
}

static int measure(unsigned k)
{
	size_t lens[] = { 1000, 1000, 1000 };
	uint64_t stored;

	return pack_dictionary_measure(dictionary, &(struct pack_samples){ text, lens, 3 }, 0, &stored);
}

static void prepare(void)
{
	enum { N = 300, LEN = 500 };
	_cleanup_close_ int fd = pack_new_fd();
	size_t lens[N];

	pack_text(1, text, sizeof(text));
	for (unsigned n = 0; n < N; n++)
		lens[n] = LEN;
	CHECK_EQ(pack_dictionary_train(&(struct pack_samples){ text, lens, N }, 4096, &dictionary), 0);
	CHECK_EQ(write_pack(fd, &summary), 0);
	whole = pack_memory_load(fd);
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "write", write_one, NULL },
		{ "read", read_one, NULL },
		{ "open a frame", open_frame, NULL },
		{ "load a dictionary", load, NULL },
		{ "measure", measure, NULL },
	};

	keys = pack_keys(3);
	prepare();
	memory_run(steps, ARRAY_SIZE(steps));
	free(whole.bytes);
	dictionary = pack_dictionary_free(dictionary);
	keys = keyring_free(keys);
	return check_result();
}
