/* SPDX-License-Identifier: MIT */
/* What crypto/ alone sees of a keyring: its keys. They stay where they lie. */
#pragma once

#include <stdint.h>

#include "crypto/digest.h"
#include "crypto/keyring.h"

#define KEY_LABEL_SIZE 16
#define KEY_SALT_SIZE 16

/* The volume key of an epoch, borrowed; NULL: the volume has none. */
const uint8_t *keyring_key(const struct keyring *k, uint16_t epoch);
/* The derived key of a digest purpose, borrowed. */
const uint8_t *keyring_digest_key(const struct keyring *k, enum digest_purpose purpose);

/* Every derivation: BLAKE2b-256 of nothing, keyed with `key`, with salt and label ("person" in the
 * BLAKE2 parameter block). One compression. */
void key_derive(const uint8_t key[KEYRING_KEY_SIZE], const uint8_t salt[KEY_SALT_SIZE],
		const uint8_t label[KEY_LABEL_SIZE], uint8_t ret_key[KEYRING_KEY_SIZE]);
