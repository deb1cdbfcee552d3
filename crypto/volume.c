/* SPDX-License-Identifier: MIT */
/* Making and opening volumes: keyslots in, keyrings out. volume_parse.c reads the document, volume_mac.c
 * guards it. */
#include "crypto/volume.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "crypto/recovery.h"
#include "crypto/volume_impl.h"

/* RFC 9106 asks for 64 MiB and 3 passes where memory is short; a volume is guessed at offline. */
static const struct keyslot_cost default_cost = { .opslimit = 3, .memlimit = 256u << 20 };

DEFINE_CLEANUP(struct volume *, volume_free)
DEFINE_CLEANUP(struct keyring *, keyring_free)

int volume_load(int dirfd, struct volume **ret_v, char **ret_why)
{
	return volume_load_costing(dirfd, &default_cost, ret_v, ret_why);
}

int volume_load_copy(int dirfd, struct volume **ret_v, char **ret_why)
{
	return volume_load_named(dirfd, VOLUME_COPY, &default_cost, ret_v, ret_why);
}

/* ---- making and storing */

static json_t *new_root(struct id128 id, enum cipher cipher)
{
	char text[ID128_TEXT_SIZE], date[sizeof("2026-11-21")];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		return NULL;
	return json_pack("{s:i, s:s, s:s, s:s, s:{s:[], s:[], s:[s]}, s:[]}", "format", VOLUME_FORMAT, "id",
			 id128_format(id, text), "cipher", volume_cipher_name(cipher), "created", date, "features",
			 "compat", "ro_compat", "incompat", VOLUME_LABELS, "keyslots");
}

static int make_volume(struct id128 id, enum cipher cipher, const struct keyslot_cost *cost, struct volume **ret_v)
{
	_cleanup_(volume_freep) struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	*v = (struct volume){ .id = id, .cipher = cipher, .format = VOLUME_FORMAT, .cost = *cost };
	v->root = new_root(v->id, cipher);
	if (!v->root)
		return -ENOMEM;
	*ret_v = steal_ptr(&v);
	return 0;
}

static int make_keys(const struct volume *v, struct keyring **ret_k)
{
	uint8_t key[KEYRING_KEY_SIZE];
	int r;

	random_bytes(key, sizeof(key));
	r = keyring_new(v->id, v->cipher, key, 1, ret_k);
	sodium_memzero(key, sizeof(key));
	return r;
}

int volume_add_slot(struct volume *v, const struct keyring *k, const struct volume_secret *secret)
{
	json_t *slots = json_object_get(v->root, "keyslots");
	struct keyslot slot;
	int r;

	if (json_array_size(slots) >= VOLUME_SLOTS_MAX)
		return -ENOSPC;
	r = keyslot_wrap(k, secret, &v->cost, &slot);
	if (r < 0)
		return r;
	return json_array_append_new(slots, keyslot_to_json(&slot)) < 0 ? -ENOMEM : 0;
}

static int add_recovery_slot(struct volume *v, const struct keyring *k, struct buf *ret_recovery)
{
	uint8_t key[RECOVERY_KEY_SIZE];
	struct buf text = BUF_INIT;
	struct volume_secret secret;
	int r;

	random_bytes(key, sizeof(key));
	r = recovery_print(key, &text);
	sodium_memzero(key, sizeof(key));
	if (r < 0)
		return r;
	secret = (struct volume_secret){ .kind = KEYSLOT_RECOVERY, .data = text.data, .len = text.len };
	r = volume_add_slot(v, k, &secret);
	if (r == 0)
		r = buf_add(ret_recovery, text.data, text.len);
	buf_wipe(&text);
	return r;
}

static enum cipher best_cipher(void)
{
	return crypto_aead_aes256gcm_is_available() ? CIPHER_AES256GCM : CIPHER_XCHACHA20;
}

int volume_new_costing(struct id128 id, enum cipher cipher, const struct volume_secret *secret,
		       const struct keyslot_cost *cost, struct buf *ret_recovery, struct volume **ret_v, struct keyring **ret_k)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *k = NULL;
	int r;

	if (sodium_init() < 0)
		return -EIO;
	r = make_volume(id, cipher ? cipher : best_cipher(), cost, &v);
	if (r < 0)
		return r;
	r = make_keys(v, &k);
	if (r < 0)
		return r;
	r = volume_add_slot(v, k, secret);
	if (r < 0)
		return r;
	r = add_recovery_slot(v, k, ret_recovery);
	if (r < 0)
		return r;
	*ret_v = steal_ptr(&v);
	*ret_k = steal_ptr(&k);
	return 0;
}

int volume_new(struct id128 id, enum cipher cipher, const struct volume_secret *secret,
	       struct buf *ret_recovery, struct volume **ret_v, struct keyring **ret_k)
{
	return volume_new_costing(id, cipher, secret, &default_cost, ret_recovery, ret_v, ret_k);
}

int volume_store(const struct volume *v, const struct keyring *k, int dirfd)
{
	_cleanup_json_ json_t *root = volume_mac_renew(v->root, k);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	if (!text)
		return -ENOMEM;
	r = buf_addf(&out, "%s\n", text);
	if (r < 0)
		return r;
	r = io_replace_file_at(dirfd, VOLUME_COPY, out.data, out.len, 0600);
	return r < 0 ? r : io_replace_file_at(dirfd, VOLUME_FILE, out.data, out.len, 0600);
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *member;
	size_t i;

	json_array_foreach(list, i, member)
		if (strcmp(json_string_value(member), text) == 0)
			return true;
	return false;
}

int volume_need_feature(int dirfd, const struct keyring *k, const char *feature)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	json_t *list;
	int r = volume_load(dirfd, &v, &why);

	if (r == 0)
		r = v->foreign ? -EPROTONOSUPPORT : volume_mac_check(v->root, k);
	if (r < 0)
		return r;
	list = json_object_get(json_object_get(v->root, "features"), "incompat");
	if (has_text(list, feature))
		return 0;
	if (json_array_append_new(list, json_string(feature)) < 0)
		return -ENOMEM;
	return volume_store(v, k, dirfd);
}

struct volume *volume_free(struct volume *v)
{
	if (v)
		json_decref(v->root);
	free(v);
	return NULL;
}

/* ---- opening */

static int try_slots(const struct volume *v, const struct volume_secret *secret, struct keyring **ret_k)
{
	const json_t *json;
	struct keyslot slot;
	const char *why;
	int r, failed = -EACCES;
	size_t i;

	json_array_foreach(json_object_get(v->root, "keyslots"), i, json) {
		if (keyslot_from_json(json, &v->cost, &slot, &why) != 1 || slot.kind != secret->kind)
			continue;
		r = keyslot_unwrap(&slot, v->id, v->cipher, secret, ret_k);
		if (r == 0)
			return 0;
		if (r != -EACCES)
			failed = r; /* no memory, say: tell that, unless another slot opens */
	}
	return failed;
}

int volume_unlock(const struct volume *v, const struct volume_secret *secret, struct keyring **ret_k)
{
	_cleanup_(keyring_freep) struct keyring *k = NULL;
	int r;

	if (v->foreign)
		return -EPROTONOSUPPORT;
	r = try_slots(v, secret, &k);
	if (r < 0)
		return r;
	r = volume_mac_check(v->root, k);
	if (r < 0)
		return r;
	*ret_k = steal_ptr(&k);
	return 0;
}

struct id128 volume_id(const struct volume *v)
{
	return v->id;
}

unsigned volume_format(const struct volume *v)
{
	return v->format;
}

enum cipher volume_cipher(const struct volume *v)
{
	return v->cipher;
}

bool volume_has_slot(const struct volume *v, enum keyslot_kind kind)
{
	const json_t *json;
	struct keyslot slot;
	const char *why;
	size_t i;

	json_array_foreach(json_object_get(v->root, "keyslots"), i, json)
		if (keyslot_from_json(json, &v->cost, &slot, &why) == 1 && slot.kind == kind)
			return true;
	return false;
}
