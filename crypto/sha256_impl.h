/* SPDX-License-Identifier: MIT */
/* The fast variant of SHA-256, with the processor's own instructions; libsodium's is the reference. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FIPS 180-4, section 5.3.3, and what was hashed so far. */
struct sha256_fast {
	uint32_t state[8];
	uint64_t len;       /* bytes so far */
	uint8_t block[64];  /* those of an unfinished block */
};

/* Whether this processor has them. */
bool sha256_fast_usable(void);
void sha256_fast_init(struct sha256_fast *h);
void sha256_fast_add(struct sha256_fast *h, const uint8_t *data, size_t len);
void sha256_fast_end(struct sha256_fast *h, uint8_t ret_hash[32]);
