/* SPDX-License-Identifier: MIT */
/* What a volume.json must be to be looked at further. The JSON document is kept whole, so that members
 * which this build does not know stay in the file and under its MAC; to make that one text and not
 * several, duplicate keys, fractions and control characters are refused. docs/format.md has the members. */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "crypto/volume_impl.h"

#define FILE_MAX (1u << 20)

static const char *const cipher_names[] = {
	[CIPHER_AES256GCM] = "aes-256-gcm",
	[CIPHER_XCHACHA20] = "xchacha20-poly1305",
};

/* Features of this format version that this build knows; each list ends with NULL. */
static const char *const known_ro_compat[] = { NULL };
static const char *const known_incompat[] = { VOLUME_QUOTAS, VOLUME_PACKS, VOLUME_USES, VOLUME_LABELS, NULL };

DEFINE_CLEANUP(struct volume *, volume_free)

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

	if (!json_is_array(slots) || json_array_size(slots) == 0 || json_array_size(slots) > VOLUME_SLOTS_MAX)
		return bad(ret_why, "\"keyslots\" is not a list of 1 to %d", VOLUME_SLOTS_MAX);
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
	uint8_t mac[VOLUME_MAC_SIZE];

	if (!parse_cipher(v))
		return bad(ret_why, "\"cipher\" names no known cipher");
	if (!json_is_string(json_object_get(v->root, "created")))
		return bad(ret_why, "\"created\" is not a date");
	if (!volume_mac_parse(v->root, mac))
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

int volume_parse(const void *text, size_t len, const struct keyslot_cost *least, struct volume **ret_v,
		 char **ret_why)
{
	_cleanup_(volume_freep) struct volume *v = calloc(1, sizeof(*v));
	json_error_t error;
	int r;

	if (!v || sodium_init() < 0)
		return -ENOMEM;
	v->cost = *least;
	v->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!v->root)
		return bad(ret_why, "not JSON: line %d: %s", error.line, error.text);
	r = parse_root(v, ret_why);
	if (r < 0)
		return r;
	*ret_v = steal_ptr(&v);
	return 0;
}

int volume_load_named(int dirfd, const char *name, const struct keyslot_cost *least, struct volume **ret_v,
		      char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = io_read_file_at(dirfd, name, FILE_MAX, &text);

	if (r == -EFBIG)
		return bad(ret_why, "larger than %u bytes", FILE_MAX);
	return r < 0 ? r : volume_parse(text.data, text.len, least, ret_v, ret_why);
}

int volume_load_costing(int dirfd, const struct keyslot_cost *least, struct volume **ret_v, char **ret_why)
{
	return volume_load_named(dirfd, VOLUME_FILE, least, ret_v, ret_why);
}

int volume_copies_agree(int dirfd)
{
	_cleanup_buf_ struct buf text = BUF_INIT, copy = BUF_INIT;
	int r = io_read_file_at(dirfd, VOLUME_FILE, FILE_MAX, &text);

	if (r >= 0)
		r = io_read_file_at(dirfd, VOLUME_COPY, FILE_MAX, &copy);
	if (r < 0)
		return r == -ENOENT || r == -EFBIG || r == -EIO ? 0 : r;
	return text.len == copy.len && (text.len == 0 || memcmp(text.data, copy.data, text.len) == 0);
}

/* ---- what it says */

const char *volume_cipher_name(enum cipher cipher)
{
	return cipher_names[cipher];
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
