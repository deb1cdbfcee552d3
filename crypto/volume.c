/* SPDX-License-Identifier: MIT */
/* The JSON document is kept whole, so that members which this build does not know stay in the file and
 * under its MAC. The MAC is taken over the document without "mac", written without spaces and with
 * sorted keys; to make that one text and not several, load refuses duplicate keys, fractions and
 * control characters. docs/format.md has the members. */
#include "crypto/volume.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/recovery.h"
#include "crypto/volume_impl.h"

#define FILE_MAX (1u << 20)
#define SLOTS_MAX 64
#define MAC_SIZE 32

struct volume {
	json_t *root;             /* owned */
	struct id128 id;
	enum cipher cipher;
	unsigned format;
	bool foreign;             /* of a format or with a feature that we do not know: not parsed further */
	struct keyslot_cost cost; /* of new slots; the least that others may have */
};

/* RFC 9106 asks for 64 MiB and 3 passes where memory is short; a volume is guessed at offline. */
static const struct keyslot_cost default_cost = { .opslimit = 3, .memlimit = 256u << 20 };

static const char *const cipher_names[] = {
	[CIPHER_AES256GCM] = "aes-256-gcm",
	[CIPHER_XCHACHA20] = "xchacha20-poly1305",
};

/* Features of this format version that this build knows; each list ends with NULL. */
static const char *const known_ro_compat[] = { NULL };
static const char *const known_incompat[] = { NULL };

DEFINE_CLEANUP(struct volume *, volume_free)
DEFINE_CLEANUP(struct keyring *, keyring_free)

static int bad(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(char **ret_why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return -EBADMSG;
}

/* ---- MAC */

/* Appends what the MAC is taken over. */
static int canonical_text(const json_t *root, struct buf *out)
{
	_cleanup_json_ json_t *bare = json_copy((json_t *)(uintptr_t)root);
	_cleanup_free_ char *text = NULL;

	if (!bare)
		return -ENOMEM;
	(void) json_object_del(bare, "mac");
	text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? buf_add_str(out, text) : -ENOMEM;
}

static int compute_mac(const json_t *root, const struct keyring *k, uint8_t ret_mac[MAC_SIZE])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct iovec piece;
	int r = canonical_text(root, &text);

	if (r < 0)
		return r;
	piece = (struct iovec){ .iov_base = text.data, .iov_len = text.len };
	digest_256(k, DIGEST_VOLUME, &piece, 1, ret_mac);
	return 0;
}

static bool parse_mac(const json_t *root, uint8_t ret_mac[MAC_SIZE])
{
	const char *hex = json_string_value(json_object_get(root, "mac"));
	const char *end;
	size_t len;

	return hex && sodium_hex2bin(ret_mac, MAC_SIZE, hex, strlen(hex), NULL, &len, &end) == 0 &&
	       *end == '\0' && len == MAC_SIZE;
}

static int check_mac(const json_t *root, const struct keyring *k)
{
	uint8_t want[MAC_SIZE], got[MAC_SIZE];
	int r;

	if (!parse_mac(root, got))
		return -EBADMSG;
	r = compute_mac(root, k, want);
	if (r < 0)
		return r;
	return sodium_memcmp(want, got, MAC_SIZE) == 0 ? 0 : -EBADMSG;
}

/* ---- reading */

static bool plain_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			return false;
	return true;
}

/* Only what has one canonical form. The parser has bounded the depth. */
static bool plain_json(const json_t *value)
{
	const json_t *member;
	const char *name;
	size_t i;

	if (json_is_string(value))
		return plain_text(json_string_value(value));
	json_object_foreach((json_t *)(uintptr_t)value, name, member)
		if (!plain_text(name) || !plain_json(member))
			return false;
	json_array_foreach(value, i, member)
		if (!plain_json(member))
			return false;
	return !json_is_real(value);
}

static bool known(const char *const *list, const char *feature)
{
	for (; *list; list++)
		if (strcmp(*list, feature) == 0)
			return true;
	return false;
}

/* The first feature of a list that is not in `list`, or NULL. */
static const char *unknown_feature(const struct volume *v, const char *name, const char *const *list)
{
	const json_t *features = json_object_get(json_object_get(v->root, "features"), name), *feature;
	size_t i;

	json_array_foreach(features, i, feature)
		if (!known(list, json_string_value(feature)))
			return json_string_value(feature);
	return NULL;
}

static bool feature_lists_valid(const json_t *root)
{
	static const char *const names[] = { "compat", "ro_compat", "incompat" };
	const json_t *features = json_object_get(root, "features"), *feature;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!json_is_array(json_object_get(features, names[i])))
			return false;
		json_array_foreach(json_object_get(features, names[i]), j, feature)
			if (!json_is_string(feature))
				return false;
	}
	return true;
}

static bool parse_cipher(struct volume *v)
{
	const char *name = json_string_value(json_object_get(v->root, "cipher"));
	size_t i;

	for (i = CIPHER_AES256GCM; i < ARRAY_SIZE(cipher_names); i++) {
		if (name && strcmp(name, cipher_names[i]) == 0) {
			v->cipher = (enum cipher)i;
			return true;
		}
	}
	return false;
}

static int check_slots(const struct volume *v, char **ret_why)
{
	const json_t *slots = json_object_get(v->root, "keyslots"), *json;
	struct keyslot slot;
	const char *why;
	size_t i;

	if (!json_is_array(slots) || json_array_size(slots) == 0 || json_array_size(slots) > SLOTS_MAX)
		return bad(ret_why, "\"keyslots\" is not a list of 1 to %d", SLOTS_MAX);
	json_array_foreach(slots, i, json)
		if (keyslot_from_json(json, &v->cost, &slot, &why) < 0)
			return bad(ret_why, "keyslot %zu: %s", i, why);
	return 0;
}

static int parse_id(struct volume *v, char **ret_why)
{
	const char *id = json_string_value(json_object_get(v->root, "id"));

	if (!id || strlen(id) != ID128_TEXT_SIZE - 1 || id128_parse(id, &v->id) < 0)
		return bad(ret_why, "\"id\" is not 32 hex digits");
	return 0;
}

static int parse_members(struct volume *v, char **ret_why)
{
	uint8_t mac[MAC_SIZE];

	if (!parse_cipher(v))
		return bad(ret_why, "\"cipher\" names no known cipher");
	if (!json_is_string(json_object_get(v->root, "created")))
		return bad(ret_why, "\"created\" is not a date");
	if (!parse_mac(v->root, mac))
		return bad(ret_why, "\"mac\" is not 64 hex digits");
	return check_slots(v, ret_why);
}

static int parse_root(struct volume *v, char **ret_why)
{
	json_int_t format = json_integer_value(json_object_get(v->root, "format"));
	int r;

	if (!json_is_object(v->root) || !plain_json(v->root))
		return bad(ret_why, "not an object of plain strings and whole numbers");
	if (format < 1 || format > UINT16_MAX)
		return bad(ret_why, "\"format\" is not a version number");
	r = parse_id(v, ret_why);
	if (r < 0)
		return r;
	v->format = (unsigned)format;
	v->foreign = format > VOLUME_FORMAT;
	if (!v->foreign && !feature_lists_valid(v->root))
		return bad(ret_why, "\"features\" lacks its three lists of names");
	v->foreign = v->foreign || unknown_feature(v, "incompat", known_incompat);
	return v->foreign ? 0 : parse_members(v, ret_why);
}

int volume_load_costing(int dirfd, const struct keyslot_cost *least, struct volume **ret_v, char **ret_why)
{
	_cleanup_(volume_freep) struct volume *v = calloc(1, sizeof(*v));
	_cleanup_buf_ struct buf text = BUF_INIT;
	json_error_t error;
	int r;

	if (!v || sodium_init() < 0)
		return -ENOMEM;
	v->cost = *least;
	r = io_read_file_at(dirfd, VOLUME_FILE, FILE_MAX, &text);
	if (r == -EFBIG)
		return bad(ret_why, "larger than %u bytes", FILE_MAX);
	if (r < 0)
		return r;
	v->root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!v->root)
		return bad(ret_why, "not JSON: line %d: %s", error.line, error.text);
	r = parse_root(v, ret_why);
	if (r < 0)
		return r;
	*ret_v = steal_ptr(&v);
	return 0;
}

int volume_load(int dirfd, struct volume **ret_v, char **ret_why)
{
	return volume_load_costing(dirfd, &default_cost, ret_v, ret_why);
}

/* ---- making and storing */

static json_t *new_root(struct id128 id, enum cipher cipher)
{
	char text[ID128_TEXT_SIZE], date[sizeof("2026-11-21")];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		return NULL;
	return json_pack("{s:i, s:s, s:s, s:s, s:{s:[], s:[], s:[]}, s:[]}", "format", VOLUME_FORMAT, "id",
			 id128_format(id, text), "cipher", cipher_names[cipher], "created", date, "features",
			 "compat", "ro_compat", "incompat", "keyslots");
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

	if (json_array_size(slots) >= SLOTS_MAX)
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

/* A copy that ends with a fresh MAC. NULL without memory. */
static json_t *with_mac(const json_t *root, const struct keyring *k)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)root);
	char hex[2 * MAC_SIZE + 1];
	uint8_t mac[MAC_SIZE];

	if (!copy)
		return NULL;
	(void) json_object_del(copy, "mac");
	if (compute_mac(copy, k, mac) == 0) {
		sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
		if (json_object_set_new(copy, "mac", json_string(hex)) == 0)
			return copy;
	}
	json_decref(copy);
	return NULL;
}

int volume_store(const struct volume *v, const struct keyring *k, int dirfd)
{
	_cleanup_json_ json_t *root = with_mac(v->root, k);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	if (!text)
		return -ENOMEM;
	r = buf_addf(&out, "%s\n", text);
	if (r < 0)
		return r;
	return io_replace_file_at(dirfd, VOLUME_FILE, out.data, out.len, 0600);
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
	r = check_mac(v->root, k);
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

int volume_check_features(const struct volume *v, char **ret_why)
{
	const char *feature;

	if (v->format > VOLUME_FORMAT) {
		(void) bad(ret_why, "it has format %u, this build knows formats up to %d", v->format,
			   VOLUME_FORMAT);
		return -EPROTONOSUPPORT;
	}
	feature = unknown_feature(v, "incompat", known_incompat);
	if (feature) {
		(void) bad(ret_why, "it uses the feature \"%s\", which this build does not know", feature);
		return -EPROTONOSUPPORT;
	}
	feature = unknown_feature(v, "ro_compat", known_ro_compat);
	if (!feature)
		return 0;
	(void) bad(ret_why, "it uses the feature \"%s\", without which it can only be read", feature);
	return 1;
}
