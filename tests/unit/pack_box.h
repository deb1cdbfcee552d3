/* SPDX-License-Identifier: MIT */
/* What tests of packs share: keys, a pack in memory, made contents. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "crypto/keyring.h"
#include "tests/unit/check.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/pack/pack_reader.h"
#include "tiers/pack/pack_writer.h"

DEFINE_CLEANUP(struct pack_writer *, pack_writer_free)
DEFINE_CLEANUP(struct pack_dictionary *, pack_dictionary_free)
DEFINE_CLEANUP(struct pack *, pack_close)
#define _cleanup_writer_ _cleanup_(pack_writer_freep)
#define _cleanup_dictionary_ _cleanup_(pack_dictionary_freep)
#define _cleanup_pack_ _cleanup_(pack_closep)

static inline struct keyring *pack_keys(uint8_t seed)
{
	uint8_t key[KEYRING_KEY_SIZE];
	struct keyring *k = NULL;

	memset(key, seed, sizeof(key));
	CHECK_EQ(keyring_new((struct id128){ { seed } }, CIPHER_XCHACHA20, key, 1, &k), 0);
	return k;
}

static inline uint64_t pack_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Words of a small language; every text differs. */
static inline void pack_text(uint64_t seed, uint8_t *ret_text, size_t len)
{
	static const char *const syllables[] = { "ba", "rin", "to", "mel", "ka", "su", "dor", "li", "en", "ga" };
	size_t at = 0;

	seed = seed * 0x9e3779b97f4a7c15ull + 1;
	while (at < len) {
		uint64_t r = pack_random(&seed) >> 20;
		/* Squared, so that some words are frequent. */
		uint64_t word = (r & 0xff) * (r >> 8 & 0xff) / 64;

		for (unsigned k = 0; k < 3 && at < len; k++, word /= 10)
			for (const char *s = syllables[word % 10]; *s && at < len; s++)
				ret_text[at++] = (uint8_t)*s;
		if (at < len)
			ret_text[at++] = r >> 16 & 15 ? ' ' : '\n';
	}
}

/* A dictionary of at most `size` bytes from `n` such texts of `len` bytes each; the caller's. */
static inline struct pack_dictionary *pack_train(unsigned n, size_t len, size_t size)
{
	struct pack_dictionary *d = NULL;
	uint8_t *bytes = malloc(n * len);
	size_t *lens = malloc(n * sizeof(*lens));

	for (unsigned k = 0; k < n; k++) {
		lens[k] = len;
		pack_text(1000000 + k, bytes + k * len, len);
	}
	CHECK_EQ(pack_dictionary_train(&(struct pack_samples){ bytes, lens, n }, size, &d), 0);
	free(lens);
	free(bytes);
	return d;
}

static inline void pack_noise(uint64_t seed, uint8_t *ret_bytes, size_t len)
{
	seed = seed * 0x9e3779b97f4a7c15ull + 1;
	for (size_t k = 0; k < len; k++)
		ret_bytes[k] = (uint8_t)(pack_random(&seed) >> 32);
}

static inline struct pack_inode pack_file_inode(uint64_t ino, uint64_t size)
{
	return (struct pack_inode){
		.ino = ino,
		.mode = S_IFREG | 0644,
		.uid = 1000,
		.gid = 1000,
		.size = size,
		.atime = { 1700000000 + (time_t)ino, 1 },
		.mtime = { 1700000000 + (time_t)ino, (long)(ino * 7919 % 1000000000) },
		.ctime = { 1700000001 + (time_t)ino, 5 },
		.btime = { 1700000000 + (time_t)ino, 0 },
		.content_lsn = ino * 3,
	};
}

static inline struct pack_inode pack_folder_inode(uint64_t ino)
{
	struct pack_inode i = pack_file_inode(ino, 0);

	i.mode = S_IFDIR | 0755;
	return i;
}

static inline bool pack_time_equal(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static inline bool pack_inode_equal(const struct pack_inode *a, const struct pack_inode *b)
{
	return a->ino == b->ino && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->rdev == b->rdev &&
	       a->size == b->size && a->generation == b->generation && a->content_lsn == b->content_lsn &&
	       pack_time_equal(a->atime, b->atime) && pack_time_equal(a->mtime, b->mtime) &&
	       pack_time_equal(a->ctime, b->ctime) && pack_time_equal(a->btime, b->btime);
}

static inline bool pack_summary_equal(const struct pack_summary *a, const struct pack_summary *b)
{
	return id128_equal(a->run.id, b->run.id) && a->run.epoch == b->run.epoch && a->run.cipher == b->run.cipher &&
	       a->lsn == b->lsn && a->created_ns == b->created_ns && a->first_day == b->first_day &&
	       a->last_day == b->last_day && a->stored_size == b->stored_size && a->plain_bytes == b->plain_bytes &&
	       a->n_frames == b->n_frames && a->n_files == b->n_files && a->n_directories == b->n_directories &&
	       a->table_stored == b->table_stored && a->table_plain == b->table_plain &&
	       a->dictionary_id == b->dictionary_id && a->dictionary_stored == b->dictionary_stored;
}

static inline int pack_new_fd(void)
{
	int fd = memfd_create("pack", MFD_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static inline struct pack_writer *pack_box_writer(struct keyring *keys, int fd, const struct pack_dictionary *d,
						  uint32_t size_max)
{
	struct pack_writer_config config = {
		.keys = keys, .fd = fd, .dictionary = d, .lsn = 77, .created_ns = 123456789, .size_max = size_max
	};
	struct pack_writer *w = NULL;

	CHECK_EQ(pack_writer_new(&config, &w), 0);
	return w;
}

static inline struct pack *pack_box_open(struct keyring *keys, int fd)
{
	struct pack_source source;
	struct pack *p = NULL;

	CHECK_EQ(pack_source_fd(fd, &source), 0);
	CHECK_EQ(pack_open(keys, &source, NULL, &p), 0);
	return p;
}

/* A pack's bytes as a source that can be cut and altered. */
struct pack_memory {
	uint8_t *bytes; /* owned */
	size_t len;
	unsigned reads;
};

static inline ssize_t pack_memory_read(void *context, uint64_t from, void *data, size_t len)
{
	struct pack_memory *m = context;

	m->reads++;
	if (from >= m->len)
		return 0;
	len = MIN(len, m->len - (size_t)from);
	memcpy(data, m->bytes + from, len);
	return (ssize_t)len;
}

static inline struct pack_memory pack_memory_load(int fd)
{
	struct pack_memory m = { 0 };
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	m.len = (size_t)st.st_size;
	m.bytes = malloc(m.len + 1);
	CHECK_EQ(io_pread_exact(fd, m.bytes, m.len, 0), 0);
	return m;
}

static inline struct pack_source pack_memory_source(struct pack_memory *m)
{
	return (struct pack_source){ pack_memory_read, m, m->len };
}
