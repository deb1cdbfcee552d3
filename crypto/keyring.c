/* SPDX-License-Identifier: MIT */
/* The keyring is one sodium_malloc() block: locked, left out of dumps, between guard pages, read-only
 * once filled, wiped when freed. Digest keys hang on the first epoch, because what they name (entries,
 * tags, terms) keeps its name when the volume key is rotated; the MAC over volume.json hangs on the
 * newest, so that a revoked key cannot forge it. */
#include "crypto/keyring.h"

#include <errno.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "crypto/keyring_impl.h"

#define EXPORT_MAGIC 0x31524b42u /* "BKR1" */
#define EXPORT_HEADER_SIZE 24

struct keyring {
	struct id128 volume_id;
	uint8_t cipher;
	uint16_t epochs;
	uint8_t digest_keys[DIGEST_LAST + 1][KEYRING_KEY_SIZE];
	uint8_t keys[KEYRING_EPOCHS_MAX][KEYRING_KEY_SIZE];
};

DEFINE_CLEANUP(struct keyring *, keyring_free)

void key_derive(const uint8_t key[KEYRING_KEY_SIZE], const uint8_t salt[KEY_SALT_SIZE],
		const uint8_t label[KEY_LABEL_SIZE], uint8_t ret_key[KEYRING_KEY_SIZE])
{
	(void) crypto_generichash_blake2b_salt_personal(ret_key, KEYRING_KEY_SIZE, NULL, 0, key,
							KEYRING_KEY_SIZE, salt, label);
}

static void derive_digest_keys(struct keyring *k)
{
	static const uint8_t label[KEY_LABEL_SIZE] = "brainyfs-digest";
	unsigned purpose;

	for (purpose = DIGEST_DENTRY; purpose <= DIGEST_LAST; purpose++) {
		uint16_t epoch = purpose == DIGEST_VOLUME ? k->epochs : 1;
		uint8_t salt[KEY_SALT_SIZE] = { (uint8_t)purpose };

		key_derive(keyring_key(k, epoch), salt, label, k->digest_keys[purpose]);
	}
}

/* sodium_malloc() does not tell when mlock(2) failed; asking again does. */
static int keyring_alloc(struct keyring **ret_k)
{
	struct keyring *k;

	if (sodium_init() < 0)
		return -EIO;
	k = sodium_malloc(sizeof(*k));
	if (!k)
		return -ENOMEM;
	if (sodium_mlock(k, sizeof(*k)) < 0) {
		sodium_free(k);
		return -ENOMEM;
	}
	sodium_memzero(k, sizeof(*k));
	*ret_k = k;
	return 0;
}

static bool cipher_known(unsigned cipher)
{
	return cipher == CIPHER_AES256GCM || cipher == CIPHER_XCHACHA20;
}

int keyring_new(struct id128 volume_id, enum cipher cipher, const uint8_t *keys, size_t n,
		struct keyring **ret_k)
{
	_cleanup_(keyring_freep) struct keyring *k = NULL;
	int r;

	if (n == 0 || n > KEYRING_EPOCHS_MAX || !cipher_known(cipher))
		return -EINVAL;
	r = keyring_alloc(&k);
	if (r < 0)
		return r;
	if (cipher == CIPHER_AES256GCM && !crypto_aead_aes256gcm_is_available())
		return -EOPNOTSUPP;
	k->volume_id = volume_id;
	k->cipher = (uint8_t)cipher;
	k->epochs = (uint16_t)n;
	memcpy(k->keys, keys, n * KEYRING_KEY_SIZE);
	derive_digest_keys(k);
	(void) sodium_mprotect_readonly(k);
	*ret_k = steal_ptr(&k);
	return 0;
}

struct keyring *keyring_free(struct keyring *k)
{
	sodium_free(k);
	return NULL;
}

struct id128 keyring_volume_id(const struct keyring *k)
{
	return k->volume_id;
}

enum cipher keyring_cipher(const struct keyring *k)
{
	return k->cipher;
}

uint16_t keyring_epoch(const struct keyring *k)
{
	return k->epochs;
}

const uint8_t *keyring_key(const struct keyring *k, uint16_t epoch)
{
	return epoch >= 1 && epoch <= k->epochs ? k->keys[epoch - 1] : NULL;
}

const uint8_t *keyring_digest_key(const struct keyring *k, enum digest_purpose purpose)
{
	return k->digest_keys[purpose];
}

ssize_t keyring_export(const struct keyring *k, uint8_t *ret_bytes, size_t size)
{
	size_t len = EXPORT_HEADER_SIZE + (size_t)k->epochs * KEYRING_KEY_SIZE;

	if (size < len)
		return -ENOSPC;
	store_le32(ret_bytes, EXPORT_MAGIC);
	store_le16(ret_bytes + 4, k->epochs);
	store_le16(ret_bytes + 6, k->cipher);
	memcpy(ret_bytes + 8, k->volume_id.bytes, sizeof(k->volume_id.bytes));
	memcpy(ret_bytes + EXPORT_HEADER_SIZE, k->keys, len - EXPORT_HEADER_SIZE);
	return (ssize_t)len;
}

int keyring_import(const uint8_t *bytes, size_t len, struct keyring **ret_k)
{
	struct id128 id;
	uint16_t n;

	if (len < EXPORT_HEADER_SIZE || load_le32(bytes) != EXPORT_MAGIC)
		return -EBADMSG;
	n = load_le16(bytes + 4);
	if (n == 0 || n > KEYRING_EPOCHS_MAX || len != EXPORT_HEADER_SIZE + (size_t)n * KEYRING_KEY_SIZE)
		return -EBADMSG;
	if (!cipher_known(load_le16(bytes + 6)))
		return -EBADMSG;
	memcpy(id.bytes, bytes + 8, sizeof(id.bytes));
	return keyring_new(id, load_le16(bytes + 6), bytes + EXPORT_HEADER_SIZE, n, ret_k);
}

int keyring_start(void)
{
	static const struct rlimit none = { 0, 0 };

	if (sodium_init() < 0)
		return -EIO;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

void keyring_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}
