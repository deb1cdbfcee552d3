/* SPDX-License-Identifier: MIT */
#include "crypto/sha256.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>

#include "crypto/sha256_impl.h"

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "room for libsodium's state");
static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct sha256), "aligned for it");
static_assert(crypto_hash_sha256_BYTES == SHA256_SIZE, "one size");

static_assert(sizeof(struct sha256_fast) <= sizeof(struct sha256), "room for the fast one's");

static bool fast;

__attribute__((constructor)) static void choose(void)
{
	fast = sha256_fast_usable();
}

static struct sha256_fast *fast_inside(struct sha256 *h)
{
	return (struct sha256_fast *)(void *)h->state;
}

static crypto_hash_sha256_state *inside(struct sha256 *h)
{
	return (crypto_hash_sha256_state *)(void *)h->state;
}

void sha256_init(struct sha256 *h)
{
	if (fast)
		sha256_fast_init(fast_inside(h));
	else
		(void) crypto_hash_sha256_init(inside(h));
}

void sha256_add(struct sha256 *h, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (fast)
		sha256_fast_add(fast_inside(h), data, len);
	else
		(void) crypto_hash_sha256_update(inside(h), data, len);
}

void sha256_end(struct sha256 *h, uint8_t ret_hash[SHA256_SIZE])
{
	if (fast)
		sha256_fast_end(fast_inside(h), ret_hash);
	else
		(void) crypto_hash_sha256_final(inside(h), ret_hash);
}

void sha256_of(const void *data, size_t len, uint8_t ret_hash[SHA256_SIZE])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, data, len);
	sha256_end(&h, ret_hash);
}

void sha256_hex(const uint8_t hash[SHA256_SIZE], char ret_hex[SHA256_HEX_SIZE])
{
	(void) sodium_bin2hex(ret_hex, SHA256_HEX_SIZE, hash, SHA256_SIZE);
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret_mac[SHA256_SIZE])
{
	crypto_auth_hmacsha256_state state;

	(void) crypto_auth_hmacsha256_init(&state, key, key_len);
	if (len > 0)
		(void) crypto_auth_hmacsha256_update(&state, data, len);
	(void) crypto_auth_hmacsha256_final(&state, ret_mac);
	sodium_memzero(&state, sizeof(state));
}
