/* SPDX-License-Identifier: MIT */
#include "crypto/digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "crypto/keyring_impl.h"

static void digest(const struct keyring *k, enum digest_purpose purpose, const struct iovec *pieces, size_t n,
		   uint8_t *ret_digest, size_t size)
{
	const uint8_t *key = keyring_digest_key(k, purpose);
	crypto_generichash_blake2b_state state;
	size_t i;

	assert(purpose >= DIGEST_DENTRY && purpose <= DIGEST_LAST);
	(void) crypto_generichash_blake2b_init(&state, key, KEYRING_KEY_SIZE, size);
	for (i = 0; i < n; i++)
		(void) crypto_generichash_blake2b_update(&state, pieces[i].iov_base, pieces[i].iov_len);
	(void) crypto_generichash_blake2b_final(&state, ret_digest, size);
}

struct id128 digest_128(const struct keyring *k, enum digest_purpose purpose, const struct iovec *pieces,
			size_t n)
{
	struct id128 id;

	digest(k, purpose, pieces, n, id.bytes, sizeof(id.bytes));
	return id;
}

void digest_256(const struct keyring *k, enum digest_purpose purpose, const struct iovec *pieces, size_t n,
		uint8_t ret_digest[32])
{
	digest(k, purpose, pieces, n, ret_digest, 32);
}
