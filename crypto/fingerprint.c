/* SPDX-License-Identifier: MIT */
#include "crypto/fingerprint.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof(struct fingerprint), "room for libsodium's state");

void fingerprint_init(struct fingerprint *f)
{
	(void) crypto_generichash_blake2b_init((void *)f, NULL, 0, sizeof(struct id128));
}

void fingerprint_add(struct fingerprint *f, const void *data, size_t len)
{
	(void) crypto_generichash_blake2b_update((void *)f, data, len);
}

struct id128 fingerprint_end(struct fingerprint *f)
{
	struct id128 id;

	(void) crypto_generichash_blake2b_final((void *)f, id.bytes, sizeof(id.bytes));
	return id;
}

struct id128 fingerprint_of(const void *data, size_t len)
{
	struct fingerprint f;

	fingerprint_init(&f);
	fingerprint_add(&f, data, len);
	return fingerprint_end(&f);
}
