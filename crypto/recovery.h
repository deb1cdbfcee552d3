/* SPDX-License-Identifier: MIT */
/* The printed form of a recovery key: 32 random bytes and 3 bytes of their checksum in Crockford's
 * base32, seven groups of eight. Reading forgives case, spaces and dashes anywhere, O for 0, and I or
 * L for 1; the checksum tells any other slip from a wrong key. Stateless. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECOVERY_KEY_SIZE 32

/* Appends 62 characters. -ENOMEM. */
int recovery_print(const uint8_t key[RECOVERY_KEY_SIZE], struct buf *ret_text);
/* -EINVAL: no recovery key, or mistyped. */
int recovery_parse(const void *text, size_t len, uint8_t ret_key[RECOVERY_KEY_SIZE]);
