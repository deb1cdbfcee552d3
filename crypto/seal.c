/* SPDX-License-Identifier: MIT */
/* The bytes, which docs/format.md repeats:
 *
 *   subkey  BLAKE2b-256 of nothing, key = volume key of the epoch, salt = run id,
 *           person = "brainyfs-seal" purpose cipher 0
 *   nonce   le64 counter, then zeros up to the cipher's size (12 or 24 bytes)
 *   associated data
 *           volume id (16), purpose (1), length of object (1), place (le64), object
 *
 * Epoch, purpose, cipher and run are bound through the subkey, the rest through associated data.
 *
 * Runs begin with every extent, so they lie in ordinary memory: sodium_malloc() takes several system
 * calls and four pages for each. A run's subkey opens one object only, the process leaves no core and
 * seal_run_free() wipes it; the volume keys, which open everything, are in locked memory. */
#include "crypto/seal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "crypto/keyring_impl.h"
#include "crypto/nonce_log.h"

#define NONCE_LIMIT (1ull << 48)
#define OBJECT_MAX 64
#define AD_FIXED_SIZE 26
#define RUN_ALIGN 64

struct seal_run {
	crypto_aead_aes256gcm_state aes; /* key schedule; CIPHER_AES256GCM only */
	uint8_t subkey[KEYRING_KEY_SIZE];
	struct seal_run_header header;
	struct id128 volume_id;
	struct id128 log_name;
	uint8_t purpose;
	bool sealing;
	_Atomic uint64_t next_nonce;
};

static_assert(crypto_aead_aes256gcm_KEYBYTES == KEYRING_KEY_SIZE, "one key size");
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == KEYRING_KEY_SIZE, "one key size");
static_assert(crypto_aead_aes256gcm_ABYTES == SEAL_TAG_SIZE, "one tag size");
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == SEAL_TAG_SIZE, "one tag size");

void seal_run_header_store(const struct seal_run_header *h, uint8_t ret_bytes[SEAL_RUN_HEADER_SIZE])
{
	memcpy(ret_bytes, h->id.bytes, sizeof(h->id.bytes));
	store_le16(ret_bytes + 16, h->epoch);
	ret_bytes[18] = h->cipher;
	ret_bytes[19] = 0;
}

int seal_run_header_load(const uint8_t bytes[SEAL_RUN_HEADER_SIZE], struct seal_run_header *ret_h)
{
	if (bytes[18] != CIPHER_AES256GCM && bytes[18] != CIPHER_XCHACHA20)
		return -EBADMSG;
	if (bytes[19] != 0)
		return -EBADMSG;
	memcpy(ret_h->id.bytes, bytes, sizeof(ret_h->id.bytes));
	ret_h->epoch = load_le16(bytes + 16);
	ret_h->cipher = bytes[18];
	return 0;
}

static void derive_subkey(struct seal_run *run, const uint8_t *volume_key)
{
	uint8_t label[KEY_LABEL_SIZE] = "brainyfs-seal";

	label[13] = run->purpose;
	label[14] = run->header.cipher;
	key_derive(volume_key, run->header.id.bytes, label, run->subkey);
	if (run->header.cipher == CIPHER_AES256GCM)
		(void) crypto_aead_aes256gcm_beforenm(&run->aes, run->subkey);
}

static int run_make(const struct keyring *k, enum seal_purpose purpose, const struct seal_run_header *h,
		    bool sealing, struct seal_run **ret_run)
{
	const uint8_t *volume_key = keyring_key(k, h->epoch);
	struct seal_run *run;

	if (!volume_key)
		return -EBADMSG;
	if (h->cipher == CIPHER_AES256GCM && !crypto_aead_aes256gcm_is_available())
		return -EOPNOTSUPP;
	if (h->cipher != CIPHER_AES256GCM && h->cipher != CIPHER_XCHACHA20)
		return -EBADMSG;
	run = aligned_alloc(RUN_ALIGN, (sizeof(*run) + RUN_ALIGN - 1) & ~(size_t)(RUN_ALIGN - 1));
	if (!run)
		return -ENOMEM;
	run->header = *h;
	run->volume_id = keyring_volume_id(k);
	run->purpose = (uint8_t)purpose;
	run->sealing = sealing;
	atomic_init(&run->next_nonce, 0);
	derive_subkey(run, volume_key);
	run->log_name = nonce_log_name(run->subkey);
	*ret_run = run;
	return 0;
}

int seal_run_new(struct keyring *k, enum seal_purpose purpose, struct seal_run **ret_run)
{
	struct seal_run_header h = {
		.id = id128_random(),
		.epoch = keyring_epoch(k),
		.cipher = (uint8_t)keyring_cipher(k),
	};

	return run_make(k, purpose, &h, true, ret_run);
}

int seal_run_open(struct keyring *k, enum seal_purpose purpose, const struct seal_run_header *h,
		  struct seal_run **ret_run)
{
	return run_make(k, purpose, h, false, ret_run);
}

struct seal_run *seal_run_free(struct seal_run *run)
{
	if (run)
		sodium_memzero(run, sizeof(*run));
	free(run);
	return NULL;
}

const struct seal_run_header *seal_run_get_header(const struct seal_run *run)
{
	return &run->header;
}

static size_t make_ad(const struct seal_run *run, const struct seal_place *at,
		      uint8_t ret_ad[AD_FIXED_SIZE + OBJECT_MAX])
{
	assert(at->object_len <= OBJECT_MAX);
	memcpy(ret_ad, run->volume_id.bytes, 16);
	ret_ad[16] = run->purpose;
	ret_ad[17] = (uint8_t)at->object_len;
	store_le64(ret_ad + 18, at->place);
	if (at->object_len > 0)
		memcpy(ret_ad + AD_FIXED_SIZE, at->object, at->object_len);
	return AD_FIXED_SIZE + at->object_len;
}

int seal_claim_nonces(struct seal_run *run, uint64_t n, struct seal_claim *ret_c)
{
	uint64_t next;

	if (!run->sealing)
		return -EPERM;
	if (n > NONCE_LIMIT)
		return -EOVERFLOW;
	next = atomic_fetch_add_explicit(&run->next_nonce, n, memory_order_relaxed);
	if (next > NONCE_LIMIT - n)
		return -EOVERFLOW;
	*ret_c = (struct seal_claim){ .run = run, .next = next, .end = next + n };
	return 0;
}

int seal_seal_claimed(struct seal_claim *c, const struct seal_place *at, const void *plain, size_t len,
		      void *ret_cipher, uint8_t ret_tag[SEAL_TAG_SIZE])
{
	uint8_t npub[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = { 0 };
	uint8_t ad[AD_FIXED_SIZE + OBJECT_MAX];
	struct seal_run *run = c->run;
	size_t ad_len = make_ad(run, at, ad);

	if (c->next >= c->end)
		return -EOVERFLOW;
	nonce_log_add(run->log_name, c->next);
	store_le64(npub, c->next++);
	if (run->header.cipher == CIPHER_AES256GCM)
		(void) crypto_aead_aes256gcm_encrypt_detached_afternm(ret_cipher, ret_tag, NULL, plain, len, ad,
								      ad_len, NULL, npub, &run->aes);
	else
		(void) crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
			ret_cipher, ret_tag, NULL, plain, len, ad, ad_len, NULL, npub, run->subkey);
	return 0;
}

int seal_seal_detached(struct seal_run *run, const struct seal_place *at, const void *plain, size_t len,
		       void *ret_cipher, uint8_t ret_tag[SEAL_TAG_SIZE], uint64_t *ret_nonce)
{
	struct seal_claim c;
	int r = seal_claim_nonces(run, 1, &c);

	if (r < 0)
		return r;
	*ret_nonce = c.next;
	return seal_seal_claimed(&c, at, plain, len, ret_cipher, ret_tag);
}

int seal_seal(struct seal_run *run, const struct seal_place *at, const void *plain, size_t len,
	      void *ret_sealed, uint64_t *ret_nonce)
{
	return seal_seal_detached(run, at, plain, len, ret_sealed, (uint8_t *)ret_sealed + len, ret_nonce);
}

int seal_open_detached(const struct seal_run *run, uint64_t nonce, const struct seal_place *at,
		       const void *cipher, size_t len, const uint8_t tag[SEAL_TAG_SIZE], void *ret_plain)
{
	uint8_t npub[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = { 0 };
	uint8_t ad[AD_FIXED_SIZE + OBJECT_MAX];
	size_t ad_len = make_ad(run, at, ad);
	int r;

	store_le64(npub, nonce);
	if (run->header.cipher == CIPHER_AES256GCM)
		r = crypto_aead_aes256gcm_decrypt_detached_afternm(ret_plain, NULL, cipher, len, tag, ad, ad_len,
								   npub, &run->aes);
	else
		r = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(ret_plain, NULL, cipher, len, tag, ad,
									ad_len, npub, run->subkey);
	return r < 0 ? -EBADMSG : 0;
}

int seal_open(const struct seal_run *run, uint64_t nonce, const struct seal_place *at, const void *sealed,
	      size_t len, void *ret_plain)
{
	const uint8_t *bytes = sealed;

	if (len < SEAL_TAG_SIZE)
		return -EBADMSG;
	len -= SEAL_TAG_SIZE;
	return seal_open_detached(run, nonce, at, bytes, len, bytes + len, ret_plain);
}

size_t seal_run_memory(void)
{
	return sizeof(struct seal_run);
}
