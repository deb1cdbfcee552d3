/* SPDX-License-Identifier: MIT */
/* What a checkpoint says about the records below it, sealed, under the key { 0 }: its number, how far
 * the log is covered, and for each first letter of keys a count and a set hash of the stored records.
 *
 * The set hash is the XOR of a keyed 128-bit hash of each record's key, run, nonce and tag: which
 * version of which record there is, without opening it. A record that vanished, was put back from an
 * older state or came back after its removal changes it. Sets under inode records say this for
 * entries, xattrs and extents more exactly; this covers the records that belong to no inode.
 *
 *   version (1), le64 number, incarnation (16), le64 LSN, then for each letter that has records:
 *   letter (1), le64 count, hash (16)
 *
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "crypto/keyring.h"

#define FACTS_KEY "\0"
#define FACTS_KEY_LEN 1

struct letter_facts {
	uint64_t count;
	uint64_t hash[2];
};

struct facts {
	uint64_t number; /* of the checkpoint; a repetition of the last one keeps its number */
	struct id128 incarnation;
	uint64_t lsn;
	struct letter_facts letters[256];
};

struct facts_key {
	uint64_t k[2];
};

void facts_derive_key(const struct keyring *keys, struct facts_key *ret_key);
/* Adds or removes one stored record: `sealed` as LMDB holds it. */
void facts_add(struct facts *f, const struct facts_key *k, const void *key, size_t key_len, const void *sealed,
	       size_t len);
void facts_remove(struct facts *f, const struct facts_key *k, const void *key, size_t key_len,
		  const void *sealed, size_t len);
bool facts_agree(const struct letter_facts *a, const struct letter_facts *b);

int facts_encode(const struct facts *f, struct buf *ret_value);
/* -EBADMSG. */
int facts_decode(const void *value, size_t len, struct facts *ret_f);
