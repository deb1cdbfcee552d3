/* SPDX-License-Identifier: MIT */
#include "tests/fakes/sealer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

#define TAG_SIZE 16

struct run {
	uint64_t key;
	uint64_t next_nonce;
	int opened;
};

static uint64_t run_key(int what, const uint8_t header[WAL_RUN_HEADER_SIZE])
{
	return hash_bytes(header, WAL_RUN_HEADER_SIZE, 0x5ea1 + (uint64_t)what);
}

static int make(int what, const uint8_t header[WAL_RUN_HEADER_SIZE], int opened, void **ret_run)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	run->key = run_key(what, header);
	run->opened = opened;
	*ret_run = run;
	return 0;
}

static int run_new(void *context, int what, uint8_t ret_header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	random_bytes(ret_header, WAL_RUN_HEADER_SIZE);
	ret_header[WAL_RUN_HEADER_SIZE - 1] = 0;
	return make(what, ret_header, 0, ret_run);
}

static int run_open(void *context, int what, const uint8_t header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	return header[WAL_RUN_HEADER_SIZE - 1] ? -EBADMSG : make(what, header, 1, ret_run);
}

static uint64_t place_key(const struct run *run, uint64_t nonce, struct id128 incarnation, uint64_t place)
{
	uint64_t words[3] = { run->key, nonce, place };

	return hash_bytes(words, sizeof(words), hash_bytes(&incarnation, sizeof(incarnation), 1));
}

static void hide(uint64_t key, const uint8_t *from, size_t len, uint8_t *to)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t word = hash_mix64(key + i / 8 + 1);

		to[i] = from[i] ^ (uint8_t)(word >> (i % 8 * 8));
	}
}

static void tag(uint64_t key, const uint8_t *cipher, size_t len, uint8_t ret_tag[TAG_SIZE])
{
	store_le64(ret_tag, hash_bytes(cipher, len, key ^ 1));
	store_le64(ret_tag + 8, hash_bytes(cipher, len, key ^ 2));
}

static int seal(void *context, struct id128 incarnation, uint64_t place, const void *plain, size_t len,
		void *ret_sealed, uint64_t *ret_nonce)
{
	struct run *run = context;
	uint64_t key;

	if (run->opened)
		return -EPERM;
	*ret_nonce = run->next_nonce++;
	key = place_key(run, *ret_nonce, incarnation, place);
	hide(key, plain, len, ret_sealed);
	tag(key, ret_sealed, len, (uint8_t *)ret_sealed + len);
	return 0;
}

static int open_sealed(void *context, uint64_t nonce, struct id128 incarnation, uint64_t place,
		       const void *sealed, size_t len, void *ret_plain)
{
	uint64_t key = place_key(context, nonce, incarnation, place);
	uint8_t want[TAG_SIZE];

	if (len < TAG_SIZE)
		return -EBADMSG;
	tag(key, sealed, len - TAG_SIZE, want);
	if (memcmp(want, (const uint8_t *)sealed + len - TAG_SIZE, TAG_SIZE))
		return -EBADMSG;
	hide(key, sealed, len - TAG_SIZE, ret_plain);
	return 0;
}

struct wal_sealer fake_sealer(void)
{
	return (struct wal_sealer){ .run_new = run_new, .run_open = run_open, .run_free = free, .seal = seal,
				    .open = open_sealed };
}
