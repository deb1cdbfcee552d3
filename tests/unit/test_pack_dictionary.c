/* SPDX-License-Identifier: MIT */
/* Dictionaries: trained, loaded, carried along by packs, and when one pays. */
#include "tests/unit/pack_box.h"

#include <pthread.h>

#define SAMPLES 800u
#define LEN     1200u

static struct keyring *keys;
static uint8_t bytes[SAMPLES * LEN];
static size_t lens[SAMPLES];
static const struct pack_samples samples = { bytes, lens, SAMPLES };

static void make_samples(uint64_t seed)
{
	for (unsigned k = 0; k < SAMPLES; k++) {
		lens[k] = LEN;
		pack_text(seed + k, bytes + k * LEN, LEN);
	}
}

static void test_train(void)
{
	_cleanup_dictionary_ struct pack_dictionary *d = NULL, *other = NULL, *copy = NULL;
	struct pack_samples few = { bytes, lens, 3 };
	uint64_t with, with_copy, without;
	const void *data;
	size_t len;

	make_samples(1);
	CHECK_EQ(pack_dictionary_train(&few, 0, &d), -ENODATA);
	CHECK_EQ(pack_dictionary_train(&samples, 100, &d), -ENODATA);
	CHECK_EQ(pack_dictionary_train(&samples, 0, &d), 0);
	CHECK_EQ(pack_dictionary_train(&samples, 4096, &other), 0);
	CHECK(pack_dictionary_id(d) != 0 && pack_dictionary_id(d) != pack_dictionary_id(other));
	(void) pack_dictionary_bytes(other, &len);
	CHECK(len <= 4096);
	data = pack_dictionary_bytes(d, &len);
	CHECK(len <= PACK_DICTIONARY_SIZE && len > 4096);
	CHECK(pack_dictionary_memory(d) > len);
	CHECK_EQ(pack_dictionary_load(7, data, len, &copy), 0);
	CHECK_EQ(pack_dictionary_id(copy), 7);
	/* Of files that it has not seen. */
	make_samples(100000);
	CHECK_EQ(pack_dictionary_measure(NULL, &samples, 0, &without), 0);
	CHECK_EQ(pack_dictionary_measure(d, &samples, 0, &with), 0);
	CHECK_EQ(pack_dictionary_measure(copy, &samples, 0, &with_copy), 0);
	CHECK_EQ(with, with_copy);
	CHECK(with < without * 9 / 10 && without < SAMPLES * LEN);
}

static void test_load(void)
{
	_cleanup_dictionary_ struct pack_dictionary *d = NULL, *bad = NULL;
	uint8_t copy[PACK_DICTIONARY_MAX];
	const void *data;
	size_t len;

	make_samples(1);
	CHECK_EQ(pack_dictionary_train(&samples, 4096, &d), 0);
	data = pack_dictionary_bytes(d, &len);
	CHECK_EQ(pack_dictionary_load(0, data, len, &bad), -EBADMSG);
	CHECK_EQ(pack_dictionary_load(1, data, 0, &bad), -EBADMSG);
	CHECK_EQ(pack_dictionary_load(1, copy, sizeof(copy) + 1, &bad), -EBADMSG);
	CHECK_EQ(pack_dictionary_load(1, bytes, 4096, &bad), -EBADMSG);
	for (size_t cut = 0; cut < 100; cut++)
		CHECK_EQ(pack_dictionary_load(1, data, cut, &bad), -EBADMSG);
	/* Altered ones are refused or useless, no worse. */
	for (size_t at = 0; at < 200; at++) {
		uint64_t stored;

		memcpy(copy, data, len);
		copy[at] ^= 0x55;
		if (pack_dictionary_load(1, copy, len, &bad) == 0) {
			const struct pack_samples some = { bytes, lens, 3 };

			CHECK_EQ(pack_dictionary_measure(bad, &some, 0, &stored), 0);
			bad = pack_dictionary_free(bad);
		}
	}
}

/* It lies before the first small frame, once, and only if there is one. */
static void test_in_pack(void)
{
	static const size_t file_lens[] = { 100000, 16384, 16383, 500, 40000, 1 };
	_cleanup_close_ int fd = pack_new_fd(), large_fd = pack_new_fd();
	_cleanup_dictionary_ struct pack_dictionary *d = NULL;
	struct pack_writer_config config = { .keys = keys, .fd = fd };
	_cleanup_writer_ struct pack_writer *w = NULL, *large = NULL;
	_cleanup_pack_ struct pack *p = NULL;
	const struct pack_dictionary *found;
	struct pack_source source;
	struct pack_summary s;
	struct pack_frame f, before;
	const void *want, *got;
	size_t want_len, got_len;

	make_samples(1);
	CHECK_EQ(pack_dictionary_train(&samples, 0, &d), 0);
	config.dictionary = d;
	CHECK_EQ(pack_writer_new(&config, &w), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(file_lens); k++) {
		struct pack_inode i = pack_file_inode(k + 10, file_lens[k]);

		CHECK_EQ(pack_writer_begin_file(w, &i), 0);
		CHECK_EQ(pack_writer_add_bytes(w, 0, bytes, file_lens[k], &f), 0);
		CHECK(k == 0 || (f.place == before.place + before.stored_len) == (k != 2));
		before = f;
	}
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	CHECK_EQ(s.dictionary_id, pack_dictionary_id(d));
	CHECK_EQ(pack_source_fd(fd, &source), 0);
	CHECK_EQ(pack_open(keys, &source, &s.run, &p), 0);
	CHECK_EQ(pack_get_dictionary(p, &found), 0);
	want = pack_dictionary_bytes(d, &want_len);
	got = pack_dictionary_bytes(found, &got_len);
	CHECK_MEM(got, got_len, want, want_len);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);

	config.fd = large_fd;
	CHECK_EQ(pack_writer_new(&config, &large), 0);
	CHECK_EQ(pack_writer_begin_file(large, &(struct pack_inode){ .ino = 5, .size = 50000 }), 0);
	CHECK_EQ(pack_writer_add_bytes(large, 0, bytes, 50000, &f), 0);
	CHECK_EQ(pack_writer_finish(large, &s), 0);
	CHECK(s.dictionary_id == 0 && s.dictionary_stored == 0);
}

/* ---- merging */

/* Three small files and a large one, each in a frame. */
static const size_t merged_lens[] = { 1000, 5, 15000, 50000 };

static struct pack_memory make_source(const struct pack_dictionary *d, struct pack_summary *ret_s)
{
	_cleanup_close_ int fd = pack_new_fd();
	struct pack_writer_config config = { .keys = keys, .fd = fd, .dictionary = d };
	_cleanup_writer_ struct pack_writer *w = NULL;
	struct pack_frame f;

	CHECK_EQ(pack_writer_new(&config, &w), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(merged_lens); k++) {
		struct pack_inode i = pack_file_inode(k + 10, merged_lens[k]);

		CHECK_EQ(pack_writer_begin_file(w, &i), 0);
		CHECK_EQ(pack_writer_add_bytes(w, 0, bytes + k * 1000, merged_lens[k], &f), 0);
	}
	CHECK_EQ(pack_writer_finish(w, ret_s), 0);
	return pack_memory_load(fd);
}

/* Copies what can be copied of a pack with dictionary `from` to one with `to`; returns how many could not. */
static unsigned merge(const struct pack_dictionary *from, const struct pack_dictionary *to)
{
	_cleanup_close_ int fd = pack_new_fd();
	struct pack_writer_config config = { .keys = keys, .fd = fd, .dictionary = to };
	_cleanup_writer_ struct pack_writer *w = NULL;
	_cleanup_pack_ struct pack *old = NULL, *p = NULL;
	struct pack_summary s, new_s;
	struct pack_memory m = make_source(from, &s);
	struct pack_source source = pack_memory_source(&m);
	struct pack_run *run = NULL;
	unsigned refused = 0;

	CHECK_EQ(pack_open(keys, &source, NULL, &old), 0);
	CHECK_EQ(pack_run_open(keys, &s.run, &run), 0);
	CHECK_EQ(pack_writer_new(&config, &w), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(merged_lens); k++) {
		struct pack_inode i = pack_file_inode(k + 10, merged_lens[k]);
		struct pack_piece piece = { .offset = 0, .len = merged_lens[k] };
		struct pack_frame f, ret;
		uint8_t *sealed;
		int r;

		CHECK_EQ(pack_get_frame(old, k, &f), 0);
		sealed = malloc(f.stored_len);
		memcpy(sealed, m.bytes + f.place, f.stored_len);
		CHECK_EQ(pack_writer_begin_file(w, &i), 0);
		piece.skip = 1;
		CHECK_EQ(pack_writer_copy_frame(w, run, &f, sealed, s.dictionary_id, &piece, &ret), -EINVAL);
		piece.skip = 0;
		r = pack_writer_copy_frame(w, run, &f, sealed, s.dictionary_id, &piece, &ret);
		CHECK(r == 0 || r == -EXDEV);
		refused += r < 0;
		if (r < 0)
			CHECK_EQ(pack_writer_add_bytes(w, 0, bytes + k * 1000, merged_lens[k], &ret), 0);
		memcpy(sealed, m.bytes + f.place, f.stored_len);
		sealed[3] ^= 1;
		CHECK_EQ(pack_writer_copy_frame(w, run, &f, sealed, s.dictionary_id, &piece, &ret), -EBADMSG);
		free(sealed);
	}
	CHECK_EQ(pack_writer_finish(w, &new_s), 0);
	CHECK_EQ(new_s.dictionary_id, to ? pack_dictionary_id(to) : 0);
	p = pack_box_open(keys, fd);
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(merged_lens); k++) {
		static uint8_t got[50000];

		CHECK_EQ(pack_read(p, pack_find(p, k + 10), 0, got, sizeof(got)), merged_lens[k]);
		CHECK(memcmp(got, bytes + k * 1000, merged_lens[k]) == 0);
	}
	run = pack_run_free(run);
	free(m.bytes);
	return refused;
}

static void test_merge(void)
{
	_cleanup_dictionary_ struct pack_dictionary *a = NULL, *b = NULL;

	make_samples(1);
	CHECK_EQ(pack_dictionary_train(&samples, 0, &a), 0);
	CHECK_EQ(pack_dictionary_train(&samples, 5000, &b), 0);
	CHECK_EQ(merge(NULL, NULL), 0);
	CHECK_EQ(merge(NULL, a), 0);
	CHECK_EQ(merge(a, a), 0);
	CHECK_EQ(merge(a, b), 2); /* five bytes are stored as they are */
	CHECK_EQ(merge(a, NULL), 2);
}

/* Frames of one pack opened by several threads. */
struct shared {
	struct pack_opener *opener;
	struct pack_run *run;
	const struct pack_dictionary *dictionary;
	const struct pack_memory *m;
	const struct pack_frame *frames;
	unsigned wrong;
};

#define THREADS 20u /* more than contexts are kept for */
#define FRAMES  50u

static void *open_frames(void *context)
{
	struct shared *sh = context;
	uint8_t sealed[LEN + 20], plain[LEN], want[LEN];
	unsigned wrong = 0;

	for (unsigned k = 0; k < FRAMES * 4; k++) {
		const struct pack_frame *f = &sh->frames[k % FRAMES];

		memcpy(sealed, sh->m->bytes + f->place, f->stored_len);
		pack_text(k % FRAMES, want, LEN);
		wrong += pack_frame_open(sh->opener, sh->run, f, sealed, sh->dictionary, plain) < 0 ||
			 memcmp(plain, want, LEN) != 0;
	}
	__atomic_add_fetch(&sh->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void test_threads(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	_cleanup_dictionary_ struct pack_dictionary *d = NULL;
	struct pack_frame frames[FRAMES];
	struct shared sh = { .frames = frames };
	struct pack_writer_config config = { .keys = keys, .fd = fd };
	struct pack_writer *w = NULL;
	pthread_t threads[THREADS];
	struct pack_summary s;
	struct pack_memory m;
	uint64_t held, bound;
	uint8_t text[LEN];

	make_samples(1);
	CHECK_EQ(pack_dictionary_train(&samples, 0, &d), 0);
	config.dictionary = d;
	CHECK_EQ(pack_writer_new(&config, &w), 0);
	CHECK_EQ(pack_writer_begin_file(w, &(struct pack_inode){ .ino = 5, .size = FRAMES * LEN }), 0);
	for (unsigned k = 0; k < FRAMES; k++) {
		pack_text(k, text, LEN);
		CHECK_EQ(pack_writer_add_bytes(w, k * LEN, text, LEN, &frames[k]), 0);
	}
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	w = pack_writer_free(w);
	m = pack_memory_load(fd);
	sh.m = &m;
	sh.dictionary = d;
	CHECK_EQ(pack_opener_new(&sh.opener), 0);
	CHECK_EQ(pack_run_open(keys, &s.run, &sh.run), 0);
	for (unsigned k = 0; k < THREADS; k++)
		CHECK_EQ(pthread_create(&threads[k], NULL, open_frames, &sh), 0);
	for (unsigned k = 0; k < THREADS; k++)
		CHECK_EQ(pthread_join(threads[k], NULL), 0);
	CHECK_EQ(sh.wrong, 0);
	pack_opener_memory(sh.opener, &held, &bound);
	CHECK(held > 0 && held <= bound);
	sh.run = pack_run_free(sh.run);
	sh.opener = pack_opener_free(sh.opener);
	free(m.bytes);
}

static void test_advice(void)
{
	static const uint64_t mib = 1 << 20, dictionary = 26000;
	static const struct {
		struct pack_dictionary_record r;
		uint64_t small_bytes;
		enum pack_dictionary_advice advice;
	} cases[] = {
		/* nothing known, too little known */
		{ { 0 }, 8 << 20, PACK_DICTIONARY_KEEP },
		{ { .recent_plain = 1000, .recent_stored = 999 }, 8 << 20, PACK_DICTIONARY_KEEP },
		/* none yet, and small files come */
		{ { .recent_plain = 2 * mib, .recent_stored = mib }, 8 << 20, PACK_DICTIONARY_TRY },
		/* as good as it was; a little worse; stale */
		{ { 4 * mib, mib, 4 * mib, mib }, 8 << 20, PACK_DICTIONARY_KEEP },
		{ { 4 * mib, mib, 4 * mib, mib + mib / 20 }, 8 << 20, PACK_DICTIONARY_KEEP },
		{ { 4 * mib, mib, 4 * mib, mib + mib / 5 }, 8 << 20, PACK_DICTIONARY_TRY },
		{ { 4 * mib, mib, mib / 2, mib / 2 }, 8 << 20, PACK_DICTIONARY_KEEP },
		/* measured: without, with, fresh */
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 36 / 100, mib * 35 / 100, dictionary }, 8 << 20, PACK_DICTIONARY_KEEP },
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 36 / 100, mib * 30 / 100, dictionary }, 8 << 20, PACK_DICTIONARY_CHANGE },
		{ { 0, 0, 0, 0, mib, mib / 2, mib / 2, mib / 2, dictionary }, 8 << 20, PACK_DICTIONARY_DROP },
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 51 / 100, 0, dictionary }, 8 << 20, PACK_DICTIONARY_DROP },
		/* none in use: the fresh one against nothing */
		{ { 0, 0, 0, 0, mib, mib / 2, 0, mib * 36 / 100, dictionary }, 8 << 20, PACK_DICTIONARY_CHANGE },
		{ { 0, 0, 0, 0, mib, mib / 2, 0, mib * 49 / 100, dictionary }, 8 << 20, PACK_DICTIONARY_DROP },
		/* too few small files in a pack to share its cost */
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 36 / 100, 0, dictionary }, 100000, PACK_DICTIONARY_DROP },
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 36 / 100, mib * 30 / 100, dictionary }, 100000, PACK_DICTIONARY_DROP },
		{ { 0, 0, 0, 0, mib, mib / 2, mib * 36 / 100, 0, dictionary }, 300000, PACK_DICTIONARY_KEEP },
	};

	for (unsigned k = 0; k < ARRAY_SIZE(cases); k++) {
		int got = pack_dictionary_advise(&cases[k].r, cases[k].small_bytes);

		CHECK_EQ(got, cases[k].advice);
		if (got != (int)cases[k].advice)
			fprintf(stderr, "  case %u\n", k);
	}
	CHECK(pack_dictionary_pays(26000, 400000));
	CHECK(!pack_dictionary_pays(26000, 200000));
}

int main(void)
{
	keys = pack_keys(3);
	test_train();
	test_load();
	test_in_pack();
	test_merge();
	test_threads();
	test_advice();
	keys = keyring_free(keys);
	return check_result();
}
