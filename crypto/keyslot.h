/* SPDX-License-Identifier: MIT */
/* One keyslot: the volume keys, sealed under a key that comes from a secret. Knows the slot's JSON
 * form; volume.c knows the file around it. Stateless. */
#pragma once

#include <stdint.h>

#include "base/json.h"
#include "crypto/keyring.h"
#include "crypto/volume.h"

/* Argon2id: passes and bytes of memory. */
struct keyslot_cost {
	uint64_t opslimit;
	uint64_t memlimit;
};

struct keyslot {
	enum keyslot_kind kind;
	struct id128 id;
	struct id128 salt;
	struct keyslot_cost cost; /* KEYSLOT_PASSPHRASE only */
	size_t wrapped_len;
	uint8_t wrapped[SEAL_RUN_HEADER_SIZE + KEYRING_EPOCHS_MAX * KEYRING_KEY_SIZE + SEAL_TAG_SIZE];
};

/* Wraps the keys of `k` for `secret`. -EINVAL: the secret is empty, or too short for its kind. */
int keyslot_wrap(const struct keyring *k, const struct volume_secret *secret, const struct keyslot_cost *cost,
		 struct keyslot *ret_slot);
/* -EACCES: the secret is not this slot's. -EBADMSG: it is, but what it wraps is no key. -EOPNOTSUPP:
 * `cipher` needs AES in the CPU. -ENOMEM: also when Argon2id does not get its memory. */
int keyslot_unwrap(const struct keyslot *slot, struct id128 volume_id, enum cipher cipher,
		   const struct volume_secret *secret, struct keyring **ret_k);

/* A new reference, NULL without memory. */
json_t *keyslot_to_json(const struct keyslot *slot);
/* 1: parsed. 0: a kind that this build does not know. -EBADMSG, *ret_why (static) says what is wrong,
 * also when the slot is cheaper to guess at than `least`. */
int keyslot_from_json(const json_t *json, const struct keyslot_cost *least, struct keyslot *ret_slot,
		      const char **ret_why);
