/* SPDX-License-Identifier: MIT */
/* A slot's wrapping key comes from the secret and the slot's salt:
 *
 *   passphrase  Argon2id(passphrase, salt, passes, memory)
 *   key file    BLAKE2b-256(contents, key = volume id, salt = salt, person = "brainyfs-keyfile")
 *   recovery    the same over the 32 bytes of the key, person = "brainyfs-recover"
 *
 * It serves as the only volume key of a keyring of its own, always with XChaCha20-Poly1305 (a volume
 * may be opened on another CPU), which seals the volume keys with a run like everything else: object =
 * slot id, place = number of the kind. */
#include "crypto/keyslot.h"

#include <errno.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "crypto/keyring_impl.h"
#include "crypto/recovery.h"

#define KEY_FILE_MIN 16
#define WRAPPED_OVERHEAD (SEAL_RUN_HEADER_SIZE + SEAL_TAG_SIZE)
/* An altered file must not make us fill the machine before its MAC is checked. */
#define COST_OPS_MAX 64u
#define COST_MEMORY_MAX (16ull << 30)

DEFINE_CLEANUP(struct keyring *, keyring_free)
DEFINE_CLEANUP(struct seal_run *, seal_run_free)
DEFINE_CLEANUP(uint8_t *, sodium_free)

static const struct kind {
	const char *name, *kdf;
	uint64_t place;
} kinds[] = {
	[KEYSLOT_PASSPHRASE] = { "passphrase", "argon2id", 1 },
	[KEYSLOT_KEY_FILE] = { "key-file", "blake2b", 2 },
	[KEYSLOT_RECOVERY] = { "recovery", "blake2b", 3 },
};

static int key_from_passphrase(const struct volume_secret *s, const struct keyslot *slot,
			       uint8_t ret_key[KEYRING_KEY_SIZE])
{
	if (s->len == 0)
		return -EINVAL;
	errno = 0;
	if (crypto_pwhash(ret_key, KEYRING_KEY_SIZE, s->data, s->len, slot->salt.bytes, slot->cost.opslimit,
			  slot->cost.memlimit, crypto_pwhash_ALG_ARGON2ID13) < 0)
		return errno == EINVAL ? -EINVAL : -ENOMEM;
	return 0;
}

static void key_from_bytes(const void *data, size_t len, const char *label, struct id128 volume_id,
			   const struct keyslot *slot, uint8_t ret_key[KEYRING_KEY_SIZE])
{
	(void) crypto_generichash_blake2b_salt_personal(ret_key, KEYRING_KEY_SIZE, data, len, volume_id.bytes,
							sizeof(volume_id.bytes), slot->salt.bytes,
							(const uint8_t *)label);
}

static int key_from_recovery(const struct volume_secret *s, struct id128 volume_id, const struct keyslot *slot,
			     uint8_t ret_key[KEYRING_KEY_SIZE])
{
	uint8_t bytes[RECOVERY_KEY_SIZE];
	int r = recovery_parse(s->data, s->len, bytes);

	if (r < 0)
		return r;
	key_from_bytes(bytes, sizeof(bytes), "brainyfs-recover", volume_id, slot, ret_key);
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

static int key_from_secret(const struct volume_secret *s, struct id128 volume_id, const struct keyslot *slot,
			   uint8_t ret_key[KEYRING_KEY_SIZE])
{
	switch (s->kind) {
	case KEYSLOT_PASSPHRASE:
		return key_from_passphrase(s, slot, ret_key);
	case KEYSLOT_KEY_FILE:
		if (s->len < KEY_FILE_MIN)
			return -EINVAL;
		key_from_bytes(s->data, s->len, "brainyfs-keyfile", volume_id, slot, ret_key);
		return 0;
	case KEYSLOT_RECOVERY:
		return key_from_recovery(s, volume_id, slot, ret_key);
	}
	return -EINVAL;
}

/* A keyring that holds the wrapping key alone. */
static int wrapping_keys(const struct volume_secret *s, struct id128 volume_id, const struct keyslot *slot,
			 struct keyring **ret_k)
{
	uint8_t key[KEYRING_KEY_SIZE];
	int r = key_from_secret(s, volume_id, slot, key);

	if (r == 0)
		r = keyring_new(volume_id, CIPHER_XCHACHA20, key, 1, ret_k);
	sodium_memzero(key, sizeof(key));
	return r;
}

static struct seal_place slot_place(const struct keyslot *slot)
{
	return (struct seal_place){
		.object = slot->id.bytes,
		.object_len = sizeof(slot->id.bytes),
		.place = kinds[slot->kind].place,
	};
}

/* The keys of all epochs, one after the other; the first nonce is 0 and need not be stored. */
static int seal_keys(const struct keyring *k, struct seal_run *run, struct keyslot *slot)
{
	struct seal_place at = slot_place(slot);
	uint8_t *place = slot->wrapped + SEAL_RUN_HEADER_SIZE;
	size_t len = (size_t)keyring_epoch(k) * KEYRING_KEY_SIZE;
	uint64_t nonce;
	uint16_t epoch;
	int r;

	seal_run_header_store(seal_run_get_header(run), slot->wrapped);
	for (epoch = 1; epoch <= keyring_epoch(k); epoch++)
		memcpy(place + (size_t)(epoch - 1) * KEYRING_KEY_SIZE, keyring_key(k, epoch), KEYRING_KEY_SIZE);
	r = seal_seal(run, &at, place, len, place, &nonce);
	if (r < 0)
		sodium_memzero(place, len);
	else
		slot->wrapped_len = len + WRAPPED_OVERHEAD;
	return r;
}

int keyslot_wrap(const struct keyring *k, const struct volume_secret *secret, const struct keyslot_cost *cost,
		 struct keyslot *ret_slot)
{
	_cleanup_(keyring_freep) struct keyring *wrapping = NULL;
	_cleanup_(seal_run_freep) struct seal_run *run = NULL;
	struct keyslot slot = {
		.kind = secret->kind, .id = id128_random(), .salt = id128_random(), .cost = *cost
	};
	int r;

	r = wrapping_keys(secret, keyring_volume_id(k), &slot, &wrapping);
	if (r < 0)
		return r;
	r = seal_run_new(wrapping, SEAL_KEYSLOT, &run);
	if (r < 0)
		return r;
	r = seal_keys(k, run, &slot);
	if (r < 0)
		return r;
	*ret_slot = slot;
	return 0;
}

static int open_keys(const struct keyslot *slot, struct keyring *wrapping, uint8_t *ret_keys)
{
	_cleanup_(seal_run_freep) struct seal_run *run = NULL;
	struct seal_place at = slot_place(slot);
	struct seal_run_header h;
	int r;

	r = seal_run_header_load(slot->wrapped, &h);
	if (r < 0)
		return r;
	r = seal_run_open(wrapping, SEAL_KEYSLOT, &h, &run);
	if (r < 0)
		return r;
	return seal_open(run, 0, &at, slot->wrapped + SEAL_RUN_HEADER_SIZE,
			 slot->wrapped_len - SEAL_RUN_HEADER_SIZE, ret_keys);
}

int keyslot_unwrap(const struct keyslot *slot, struct id128 volume_id, enum cipher cipher,
		   const struct volume_secret *secret, struct keyring **ret_k)
{
	_cleanup_(keyring_freep) struct keyring *wrapping = NULL;
	_cleanup_(sodium_freep) uint8_t *keys = NULL;
	size_t len = slot->wrapped_len - WRAPPED_OVERHEAD;
	int r;

	r = wrapping_keys(secret, volume_id, slot, &wrapping);
	if (r < 0)
		return r == -EINVAL ? -EACCES : r;
	keys = sodium_malloc(len);
	if (!keys)
		return -ENOMEM;
	r = open_keys(slot, wrapping, keys);
	if (r < 0)
		return r == -EBADMSG ? -EACCES : r;
	return keyring_new(volume_id, cipher, keys, len / KEYRING_KEY_SIZE, ret_k);
}

json_t *keyslot_to_json(const struct keyslot *slot)
{
	const struct kind *kind = &kinds[slot->kind];
	char hex[2 * sizeof(slot->wrapped) + 1], id[ID128_TEXT_SIZE], salt[ID128_TEXT_SIZE];

	sodium_bin2hex(hex, sizeof(hex), slot->wrapped, slot->wrapped_len);
	(void) id128_format(slot->id, id);
	(void) id128_format(slot->salt, salt);
	if (slot->kind != KEYSLOT_PASSPHRASE)
		return json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kind->name, "id", id, "kdf", kind->kdf,
				 "salt", salt, "wrapped", hex);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "kind", kind->name, "id", id, "kdf", kind->kdf,
			 "opslimit", (json_int_t)slot->cost.opslimit, "memlimit", (json_int_t)slot->cost.memlimit,
			 "salt", salt, "wrapped", hex);
}

static int find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (name && strcmp(kinds[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool parse_id(const json_t *json, const char *name, struct id128 *ret_id)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text && strlen(text) == ID128_TEXT_SIZE - 1 && id128_parse(text, ret_id) == 0;
}

static bool parse_cost(const json_t *json, struct keyslot_cost *ret_cost)
{
	json_int_t ops = json_integer_value(json_object_get(json, "opslimit"));
	json_int_t memory = json_integer_value(json_object_get(json, "memlimit"));

	ret_cost->opslimit = ops > 0 ? (uint64_t)ops : 0;
	ret_cost->memlimit = memory > 0 ? (uint64_t)memory : 0;
	return ret_cost->opslimit <= COST_OPS_MAX && ret_cost->memlimit <= COST_MEMORY_MAX;
}

static bool parse_wrapped(const json_t *json, struct keyslot *slot)
{
	const char *hex = json_string_value(json_object_get(json, "wrapped"));
	const char *end;

	if (!hex || sodium_hex2bin(slot->wrapped, sizeof(slot->wrapped), hex, strlen(hex), NULL,
				   &slot->wrapped_len, &end) < 0)
		return false;
	return *end == '\0' && slot->wrapped_len >= WRAPPED_OVERHEAD + KEYRING_KEY_SIZE &&
	       (slot->wrapped_len - WRAPPED_OVERHEAD) % KEYRING_KEY_SIZE == 0;
}

static const char *parse_slot(const json_t *json, const struct keyslot_cost *least, struct keyslot *slot)
{
	const char *kdf = json_string_value(json_object_get(json, "kdf"));

	if (!kdf || strcmp(kdf, kinds[slot->kind].kdf) != 0)
		return "its \"kdf\" is not the one of its kind";
	if (!parse_id(json, "id", &slot->id))
		return "\"id\" is not 32 hex digits";
	if (!parse_id(json, "salt", &slot->salt))
		return "\"salt\" is not 32 hex digits";
	if (!parse_wrapped(json, slot))
		return "\"wrapped\" is not a wrapped key in hex";
	if (slot->kind != KEYSLOT_PASSPHRASE)
		return NULL;
	if (!parse_cost(json, &slot->cost))
		return "\"opslimit\" or \"memlimit\" is out of bounds";
	if (slot->cost.opslimit < least->opslimit || slot->cost.memlimit < least->memlimit)
		return "its passphrase would be too cheap to guess";
	return NULL;
}

int keyslot_from_json(const json_t *json, const struct keyslot_cost *least, struct keyslot *ret_slot,
		      const char **ret_why)
{
	const char *name = json_string_value(json_object_get(json, "kind")), *why;
	struct keyslot slot = { 0 };
	int kind = find_kind(name);

	if (kind < 0 && name)
		return 0;
	slot.kind = kind < 0 ? 0 : (enum keyslot_kind)kind;
	why = name ? parse_slot(json, least, &slot) : "it has no \"kind\"";
	if (why) {
		*ret_why = why;
		return -EBADMSG;
	}
	*ret_slot = slot;
	return 1;
}
