/* SPDX-License-Identifier: MIT */
/* Values as LMDB holds them, each naming the run that sealed it:
 *
 *   0 run header (20)   20 le64 nonce   28 ciphertext, then tag (16)
 *
 * The associated object is the key, so that a value moved to another key does not open. Opened runs
 * are kept in a small cache: every checkpoint attempt is a run.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"

#define SEALED_VALUE_HEAD (SEAL_RUN_HEADER_SIZE + 8)
#define SEALED_VALUE_OVERHEAD (SEALED_VALUE_HEAD + SEAL_TAG_SIZE)

struct value_opener;

int value_opener_new(struct keyring *keys, struct value_opener **ret_o);
struct value_opener *value_opener_free(struct value_opener *o);
/* Appends the plain bytes. -EBADMSG: not what was sealed for this key. -ENOMEM. */
int value_open(struct value_opener *o, const void *key, size_t key_len, const void *sealed, size_t len,
	       struct buf *ret_value);
/* Replaces what *ret_sealed holds. */
int value_seal(struct seal_run *run, const void *key, size_t key_len, const void *value, size_t len,
	       struct buf *ret_sealed);
