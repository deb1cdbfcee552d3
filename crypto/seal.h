/* SPDX-License-Identifier: MIT */
/* Sealing: authenticated encryption of everything that reaches a disk or a bucket.
 *
 * A *sealing run* is 128 fresh random bits, from which keyed BLAKE2b makes a subkey; its nonces
 * count from 0. A run ends with its extent, file, WAL incarnation or checkpoint attempt and is
 * never continued after a reopen, so restored copies, torn tails and repeated checkpoints cannot
 * use a (subkey, nonce) pair twice. Runs for sealing and for opening are therefore two kinds: what
 * seal_run_open() returns cannot seal.
 *
 * Associated data names volume, purpose, object and place: bytes that were swapped, replayed or
 * moved do not open. This module does not know what it seals.
 *
 * Thread-safety: all functions may be called from any thread; one run may be used by several. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

struct keyring; /* crypto/keyring.h */
struct seal_run;

enum cipher { CIPHER_AES256GCM = 1, CIPHER_XCHACHA20 = 2 };

/* What is sealed: part of subkey and associated data. Numbers are on disk; never reuse one. */
enum seal_purpose {
	SEAL_WAL = 1,        /* WAL records */
	SEAL_WAL_HEADER = 2, /* WAL incarnation headers */
	SEAL_CATALOG = 3,    /* values in LMDB */
	SEAL_ANCHOR = 4,     /* the clean-unmount anchor */
	SEAL_EXTENT = 5,     /* 4096-byte blocks of file data */
	SEAL_EXTENT_HEADER = 6,
	SEAL_PACK = 7,
	SEAL_INDEX = 8,      /* blocks of index segments */
	SEAL_INDEX_TABLE = 9,
	SEAL_CACHE = 10,
	SEAL_KEYSLOT = 11,
};

#define SEAL_TAG_SIZE 16
#define SEAL_RUN_HEADER_SIZE 20

/* Names a run on disk: 16 bytes id, le16 key epoch, u8 cipher, u8 zero. */
struct seal_run_header {
	struct id128 id;
	uint16_t epoch;
	uint8_t cipher;
};

void seal_run_header_store(const struct seal_run_header *h, uint8_t ret_bytes[SEAL_RUN_HEADER_SIZE]);
/* -EBADMSG when the bytes name no known cipher. */
int seal_run_header_load(const uint8_t bytes[SEAL_RUN_HEADER_SIZE], struct seal_run_header *ret_h);

/* Where sealed bytes belong. `object` (at most 64 bytes, borrowed for the call) is the id of the
 * file, extent or record; `place` the position in it. */
struct seal_place {
	const void *object;
	size_t object_len;
	uint64_t place;
};

/* Begins a run with the keyring's present epoch and cipher; costs about a microsecond. -ENOMEM. */
int seal_run_new(struct keyring *k, enum seal_purpose purpose, struct seal_run **ret_run);
/* Reopens a run to read what it sealed. -EBADMSG: the volume has no key of that epoch, or no
 * such cipher is known. -EOPNOTSUPP: the CPU lacks AES. -ENOMEM. */
int seal_run_open(struct keyring *k, enum seal_purpose purpose, const struct seal_run_header *h,
		  struct seal_run **ret_run);
struct seal_run *seal_run_free(struct seal_run *run);
/* Bytes that one takes. */
size_t seal_run_memory(void);
const struct seal_run_header *seal_run_get_header(const struct seal_run *run);

/* Seals `len` bytes of `plain` into `ret_sealed` (len + SEAL_TAG_SIZE bytes: ciphertext, then tag;
 * may be `plain` itself) with the run's next nonce, which is returned. -EOVERFLOW: the run has
 * sealed 2^48 times, begin a new one. -EPERM: a run that was opened for reading. */
int seal_seal(struct seal_run *run, const struct seal_place *at, const void *plain, size_t len,
	      void *ret_sealed, uint64_t *ret_nonce);
/* The same with the tag apart, for blocks whose ciphertext must keep its alignment. */
int seal_seal_detached(struct seal_run *run, const struct seal_place *at, const void *plain, size_t len,
		       void *ret_cipher, uint8_t ret_tag[SEAL_TAG_SIZE], uint64_t *ret_nonce);

/* Nonces of a run set aside, so that threads may seal its blocks in any order and yet know each block's
 * nonce: they are `next` to `end` - 1. One thread uses a claim at a time; a claim is never copied. */
struct seal_claim {
	struct seal_run *run; /* borrowed */
	uint64_t next, end;
};

/* Sets aside the run's next `n` nonces. -EOVERFLOW, -EPERM as seal_seal(). */
int seal_claim_nonces(struct seal_run *run, uint64_t n, struct seal_claim *ret_c);
/* As seal_seal_detached(), with the claim's next nonce. -EOVERFLOW: it has no more. */
int seal_seal_claimed(struct seal_claim *c, const struct seal_place *at, const void *plain, size_t len,
		      void *ret_cipher, uint8_t ret_tag[SEAL_TAG_SIZE]);

/* Opens `len` bytes (tag included) into `ret_plain` (len - SEAL_TAG_SIZE bytes; may be `sealed`).
 * -EBADMSG: not what was sealed with this nonce for this place; ret_plain is then undefined. */
int seal_open(const struct seal_run *run, uint64_t nonce, const struct seal_place *at,
	      const void *sealed, size_t len, void *ret_plain);
int seal_open_detached(const struct seal_run *run, uint64_t nonce, const struct seal_place *at,
		       const void *cipher, size_t len, const uint8_t tag[SEAL_TAG_SIZE], void *ret_plain);
