/* SPDX-License-Identifier: MIT */
/* index/NNNN.idx, little-endian
 *
 *   0   8 bytes "BRAINYIX"
 *   8   20 bytes run header (crypto/seal.h), 4 zero
 *   32  blocks of 32768 plain bytes, each followed by its tag of 16; the last one is shorter
 *
 * Block i is sealed with nonce i of the run; associated data: SEAL_INDEX, object = segment number as
 * be64, place = i. The catalog's record holds run header and plain length, so the file can neither be
 * put back from an older copy nor cut. */
#include "index/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/io.h"

#define HEADER_SIZE 32u
#define SEALED_BLOCK (SEGMENT_BLOCK + SEAL_TAG_SIZE)
#define RECORD_VERSION 1

static const char magic[8] = { 'B', 'R', 'A', 'I', 'N', 'Y', 'I', 'X' };

int segment_record_encode(const struct segment_record *r, struct buf *ret_value)
{
	uint8_t *place;
	int e = buf_extend(ret_value, 1 + SEAL_RUN_HEADER_SIZE + 8, &place);

	if (e < 0)
		return e;
	place[0] = RECORD_VERSION;
	seal_run_header_store(&r->run, place + 1);
	store_le64(place + 1 + SEAL_RUN_HEADER_SIZE, r->plain_len);
	return 0;
}

int segment_record_decode(const void *value, size_t len, struct segment_record *ret_r)
{
	const uint8_t *v = value;

	if (len != 1 + SEAL_RUN_HEADER_SIZE + 8 || v[0] != RECORD_VERSION)
		return -EBADMSG;
	ret_r->plain_len = load_le64(v + 1 + SEAL_RUN_HEADER_SIZE);
	return seal_run_header_load(v + 1, &ret_r->run);
}

const char *segment_file_name(uint64_t number, char ret_name[SEGMENT_NAME_SIZE])
{
	(void) snprintf(ret_name, SEGMENT_NAME_SIZE, "%04llu.idx", (unsigned long long)number);
	return ret_name;
}

static uint64_t block_place(uint64_t block)
{
	return HEADER_SIZE + block * SEALED_BLOCK;
}

/* ---- writing */

struct segment_sink {
	int dirfd; /* borrowed */
	int fd;
	uint64_t number;
	uint8_t object[8];
	struct seal_run *run; /* owned */
	uint64_t block;       /* the one being filled */
	size_t fill;
	bool finished;
	uint8_t plain[SEGMENT_BLOCK];
	uint8_t sealed[SEALED_BLOCK];
};

static int sink_header(struct segment_sink *s)
{
	uint8_t header[HEADER_SIZE] = { 0 };

	memcpy(header, magic, sizeof(magic));
	seal_run_header_store(seal_run_get_header(s->run), header + sizeof(magic));
	return io_pwrite(s->fd, header, sizeof(header), 0);
}

int segment_sink_new(struct keyring *keys, int dirfd, uint64_t number, struct segment_sink **ret_s)
{
	struct segment_sink *s = calloc(1, sizeof(*s));
	char name[SEGMENT_NAME_SIZE];
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = dirfd;
	s->number = number;
	store_be64(s->object, number);
	s->fd = openat(dirfd, segment_file_name(number, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = s->fd < 0 ? -errno : seal_run_new(keys, SEAL_INDEX, &s->run);
	if (r >= 0)
		r = sink_header(s);
	if (r < 0) {
		segment_sink_free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

static int sink_flush(struct segment_sink *s)
{
	struct seal_place at = { s->object, sizeof(s->object), s->block };
	uint64_t nonce;
	int r = seal_seal(s->run, &at, s->plain, s->fill, s->sealed, &nonce);

	if (r < 0)
		return r;
	if (nonce != s->block)
		return -EOVERFLOW;
	r = io_pwrite(s->fd, s->sealed, s->fill + SEAL_TAG_SIZE, block_place(s->block));
	if (r < 0)
		return r;
	s->block++;
	s->fill = 0;
	return 0;
}

int segment_sink_write(struct segment_sink *s, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		size_t n = MIN(len, SEGMENT_BLOCK - s->fill);

		memcpy(s->plain + s->fill, from, n);
		s->fill += n;
		from += n;
		len -= n;
		if (s->fill == SEGMENT_BLOCK) {
			int r = sink_flush(s);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

uint64_t segment_sink_at(const struct segment_sink *s)
{
	return s->block * SEGMENT_BLOCK + s->fill;
}

int segment_sink_align(struct segment_sink *s)
{
	if (s->fill == 0)
		return 0;
	memset(s->plain + s->fill, 0, SEGMENT_BLOCK - s->fill);
	s->fill = SEGMENT_BLOCK;
	return sink_flush(s);
}

int segment_sink_finish(struct segment_sink *s, struct segment_record *ret_record)
{
	struct segment_record record = { .run = *seal_run_get_header(s->run), .plain_len = segment_sink_at(s) };
	int r = s->fill ? sink_flush(s) : 0;

	if (r < 0)
		return r;
	if (fdatasync(s->fd) < 0 || fsync(s->dirfd) < 0)
		return -errno;
	s->finished = true;
	*ret_record = record;
	return 0;
}

struct segment_sink *segment_sink_free(struct segment_sink *s)
{
	char name[SEGMENT_NAME_SIZE];

	if (!s)
		return NULL;
	if (s->fd >= 0) {
		(void) close(s->fd);
		if (!s->finished)
			(void) unlinkat(s->dirfd, segment_file_name(s->number, name), 0);
	}
	seal_run_free(s->run);
	explicit_bzero(s->plain, sizeof(s->plain));
	free(s);
	return NULL;
}

/* ---- reading */

struct segment_file {
	int fd;
	uint64_t number;
	uint8_t object[8];
	uint64_t plain_len;
	struct seal_run *run;      /* owned */
	struct block_cache *cache; /* borrowed */
};

static int file_check_header(const struct segment_file *f, const struct segment_record *record)
{
	uint8_t header[HEADER_SIZE], want[SEAL_RUN_HEADER_SIZE];
	int r = io_pread_exact(f->fd, header, sizeof(header), 0);

	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	seal_run_header_store(&record->run, want);
	if (memcmp(header, magic, sizeof(magic)) != 0 ||
	    memcmp(header + sizeof(magic), want, sizeof(want)) != 0 ||
	    load_le32(header + sizeof(magic) + sizeof(want)) != 0)
		return -EBADMSG;
	return 0;
}

static int file_check_size(const struct segment_file *f)
{
	uint64_t whole = f->plain_len / SEGMENT_BLOCK, rest = f->plain_len % SEGMENT_BLOCK;
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == block_place(whole) + (rest ? rest + SEAL_TAG_SIZE : 0) ? 0 : -EBADMSG;
}

int segment_file_open(struct keyring *keys, int dirfd, uint64_t number, const struct segment_record *record,
		      struct block_cache *cache, struct segment_file **ret_f)
{
	struct segment_file *f = calloc(1, sizeof(*f));
	char name[SEGMENT_NAME_SIZE];
	int r;

	if (!f)
		return -ENOMEM;
	f->number = number;
	f->plain_len = record->plain_len;
	f->cache = cache;
	store_be64(f->object, number);
	f->fd = openat(dirfd, segment_file_name(number, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = f->fd < 0 ? -errno : file_check_header(f, record);
	if (r >= 0)
		r = file_check_size(f);
	if (r >= 0)
		r = seal_run_open(keys, SEAL_INDEX, &record->run, &f->run);
	if (r < 0) {
		segment_file_close(f);
		return r;
	}
	*ret_f = f;
	return 0;
}

struct segment_file *segment_file_close(struct segment_file *f)
{
	if (!f)
		return NULL;
	if (f->fd >= 0)
		(void) close(f->fd);
	seal_run_free(f->run);
	if (f->cache)
		block_cache_forget(f->cache, f->number);
	free(f);
	return NULL;
}

static size_t block_len(const struct segment_file *f, uint64_t number)
{
	uint64_t at = number * SEGMENT_BLOCK;

	if (number >= UINT64_MAX / SEGMENT_BLOCK || at >= f->plain_len)
		return 0;
	return MIN(f->plain_len - at, (uint64_t)SEGMENT_BLOCK);
}

/* Reads and opens one block into `ret` (SEALED_BLOCK bytes). */
static int open_block(struct segment_file *f, uint64_t number, size_t len, uint8_t *ret)
{
	struct seal_place at = { f->object, sizeof(f->object), number };
	int r = io_pread_exact(f->fd, ret, len + SEAL_TAG_SIZE, block_place(number));

	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	return seal_open(f->run, number, &at, ret, len + SEAL_TAG_SIZE, ret);
}

int segment_file_block(struct segment_file *f, uint64_t number, struct block **ret_b)
{
	struct block *b = block_cache_get(f->cache, f->number, number);
	size_t len = block_len(f, number);
	int r;

	if (b) {
		*ret_b = b;
		return 0;
	}
	if (len == 0)
		return -EBADMSG;
	b = block_new(f->cache, f->number, number, len + SEAL_TAG_SIZE);
	if (!b)
		return -ENOMEM;
	r = open_block(f, number, len, b->data);
	if (r < 0) {
		free(b);
		return r;
	}
	b->len = len;
	*ret_b = block_cache_put(b);
	return 0;
}

int segment_file_read(struct segment_file *f, uint64_t at, size_t len, void *ret_data)
{
	uint8_t *to = ret_data;

	if (at > f->plain_len || len > f->plain_len - at)
		return -EBADMSG;
	while (len > 0) {
		size_t skip = at % SEGMENT_BLOCK, n;
		struct block *b;
		int r = segment_file_block(f, at / SEGMENT_BLOCK, &b);

		if (r < 0)
			return r;
		n = MIN(len, b->len - skip);
		memcpy(to, b->data + skip, n);
		block_unref(b);
		at += n;
		to += n;
		len -= n;
	}
	return 0;
}

int segment_file_verify(struct segment_file *f)
{
	_cleanup_free_ uint8_t *room = malloc(SEALED_BLOCK);
	size_t len;

	if (!room)
		return -ENOMEM;
	for (uint64_t n = 0; (len = block_len(f, n)) > 0; n++) {
		int r = open_block(f, n, len, room);

		if (r < 0)
			return r;
	}
	return 0;
}
