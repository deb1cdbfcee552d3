/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104), as other people's protocols want them: what brainyfs
 * itself seals and names uses seal.h and digest.h. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with the NUL */

/* A hash that grows; copied freely. Its contents are libsodium's, or those of sha256_fast.c. */
struct sha256 {
	uint64_t state[14];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t len);
/* Ends the hash; `h` is then to be initialised again. */
void sha256_end(struct sha256 *h, uint8_t ret_hash[SHA256_SIZE]);

/* The three in one call. */
void sha256_of(const void *data, size_t len, uint8_t ret_hash[SHA256_SIZE]);
/* In lower-case hex. */
void sha256_hex(const uint8_t hash[SHA256_SIZE], char ret_hex[SHA256_HEX_SIZE]);

/* Keys of any length; intermediate values are wiped. */
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret_mac[SHA256_SIZE]);
