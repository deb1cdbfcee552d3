/* SPDX-License-Identifier: MIT */
/* A volume.json that was altered, is of a later version, or is none. */
#include "volume_box.h"

/* Alters the n-th string or number below `value`, counting down in *n. */
static bool alter_leaf(json_t *value, size_t *n)
{
	json_t *member;
	const char *name;
	char text[8192];
	size_t i;

	json_object_foreach(value, name, member)
		if (alter_leaf(member, n))
			return true;
	json_array_foreach(value, i, member)
		if (alter_leaf(member, n))
			return true;
	if ((!json_is_string(value) && !json_is_integer(value)) || (*n)-- > 0)
		return false;
	if (json_is_integer(value))
		return json_integer_set(value, json_integer_value(value) + 1) == 0;
	(void) snprintf(text, sizeof(text), "%s", json_string_value(value));
	text[strlen(text) / 2] ^= 1;
	return json_string_set(value, text) == 0;
}

static void write_json(const json_t *root)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	CHECK_EQ(json_add_to(&text, root), 0);
	write_volume((const char *)text.data, text.len);
}

static void test_every_member(const struct buf *original)
{
	size_t n, left;

	for (n = 0;; n++) {
		_cleanup_json_ json_t *root = json_loadb((char *)original->data, original->len, 0, NULL);

		left = n;
		if (!alter_leaf(root, &left))
			break;
		write_json(root);
		CHECK(try_volume(&key_file) < 0);
		CHECK(try_volume(&passphrase) < 0);
	}
	CHECK_EQ(n, 5 + 1 + 5 + 5 + 7); /* top level and mac, feature, key file, recovery, passphrase */
}

/* Members and slots that were added, removed or swapped. */
static void test_structure(const struct buf *original)
{
	_cleanup_json_ json_t *root = json_loadb((char *)original->data, original->len, 0, NULL);
	json_t *slots = json_object_get(root, "keyslots"), *features = json_object_get(root, "features");
	_cleanup_json_ json_t *last = json_incref(json_array_get(slots, 2));

	write_json(root);
	CHECK_EQ(try_volume(&key_file), 0);
	CHECK_EQ(json_array_remove(slots, 2), 0);
	write_json(root);
	CHECK_EQ(try_volume(&key_file), -EBADMSG);
	CHECK_EQ(try_volume(&passphrase), -EACCES);
	CHECK_EQ(json_array_insert(slots, 0, last), 0);
	write_json(root);
	CHECK_EQ(try_volume(&key_file), -EBADMSG);
	CHECK_EQ(json_array_remove(slots, 0), 0);
	CHECK_EQ(json_array_append(slots, last), 0);
	CHECK_EQ(json_array_append_new(json_object_get(features, "compat"), json_string("new")), 0);
	write_json(root);
	CHECK_EQ(try_volume(&key_file), -EBADMSG);
	CHECK_EQ(json_array_clear(json_object_get(features, "compat")), 0);
	CHECK_EQ(json_object_set_new(root, "extra", json_null()), 0);
	write_json(root);
	CHECK_EQ(try_volume(&key_file), -EBADMSG);
	CHECK_EQ(json_object_del(root, "extra"), 0);
	write_json(root);
	CHECK_EQ(try_volume(&key_file), 0);
}

/* A bit or two of every byte, others from byte to byte. A letter of the MAC in the other case is the
 * same MAC; nothing else that opens may differ. */
static void test_every_byte(struct buf *original)
{
	size_t bit;

	for (bit = 0; bit < original->len * 8; bit += bit % 8 < 4 ? 4 : 5) {
		char was = (char)original->data[bit / 8];

		original->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		write_volume((char *)original->data, original->len);
		if (try_volume(&key_file) >= 0)
			CHECK(bit % 8 == 5 && bit / 8 > original->len - 70 && was >= 'a' && was <= 'f');
		original->data[bit / 8] = (uint8_t)was;
	}
}

static void test_cut(const struct buf *original)
{
	size_t len;

	for (len = 0; len < original->len - 2; len += 7) {
		write_volume((char *)original->data, len);
		CHECK_EQ(try_volume(&key_file), -EBADMSG);
	}
}

static void test_alterations(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT, text = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(CIPHER_XCHACHA20, &recovery);

	CHECK(keys);
	read_volume(&text);
	test_every_member(&text);
	test_structure(&text);
	test_cut(&text);
	test_every_byte(&text);
}

static void test_bad_json(void)
{
	static const char *const texts[] = {
		"", "{", "[]", "1", "{}", "{\"format\": 0}", "{\"format\": \"1\"}", "{\"format\": 1.0}",
		"{\"format\": 1, \"format\": 1}", "{\"format\": 1}", "{\"format\": -1}", "\xff\xfe",
		"{\"format\": 1, \"id\": \"00112233445566778899aabbccddeeff\", \"features\": {}}",
		"{\"format\": 1, \"id\": \"00112233445566778899aabbccddeeff\", \"features\": []}",
	};
	struct volume *v = NULL;
	char *why = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		write_volume(texts[i], strlen(texts[i]));
		CHECK_EQ(try_volume(&key_file), -EBADMSG);
	}
	CHECK_EQ(unlinkat(dir_fd, VOLUME_FILE, 0), 0);
	CHECK_EQ(volume_load(dir_fd, &v, &why), -ENOENT);
	CHECK(!v && !why);
}

/* Writes a volume with these changes under a true MAC, as a later version would. */
static void store_changed(int (*change)(json_t *root, const char *word), const char *word,
			  struct keyring *keys)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *root = NULL;
	_cleanup_free_ char *canonical = NULL;
	struct iovec piece;
	uint8_t mac[32];
	char hex[65];
	size_t i;

	read_volume(&text);
	root = json_loadb((char *)text.data, text.len, 0, NULL);
	CHECK_EQ(change(root, word), 0);
	CHECK_EQ(json_object_del(root, "mac"), 0);
	canonical = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	piece = (struct iovec){ .iov_base = canonical, .iov_len = strlen(canonical) };
	digest_256(keys, DIGEST_VOLUME, &piece, 1, mac);
	for (i = 0; i < sizeof(mac); i++)
		(void) snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	CHECK_EQ(json_object_set_new(root, "mac", json_string(hex)), 0);
	write_json(root);
}

static int add_feature(json_t *root, const char *list)
{
	json_t *features = json_object_get(json_object_get(root, "features"), list);

	return json_array_append_new(features, json_string("time-travel"));
}

static int raise_format(json_t *root, const char *word)
{
	CHECK(!word);
	(void) json_object_del(root, "features");
	return json_object_set_new(root, "format", json_integer(2));
}

static int add_slot_kind(json_t *root, const char *kind)
{
	return json_array_insert_new(json_object_get(root, "keyslots"), 0, json_pack("{s:s}", "kind", kind));
}

static void check_features(int want, const char *why_part, int unlocks)
{
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_keys_ struct keyring *k = NULL;
	_cleanup_free_ char *why = NULL;

	CHECK_EQ(volume_load_costing(dir_fd, &cheap, &v, &why), 0);
	if (!v)
		return;
	CHECK_EQ(volume_check_features(v, &why), want);
	CHECK(why_part ? why && strstr(why, why_part) : !why);
	CHECK_EQ(volume_unlock(v, &key_file, &k), unlocks);
}

static void test_features(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(0, &recovery);

	store_changed(add_feature, "compat", keys);
	check_features(0, NULL, 0);
	store_changed(add_slot_kind, "command", keys);
	check_features(0, NULL, 0);
	store_changed(add_feature, "ro_compat", keys);
	check_features(1, "time-travel", 0);
	store_changed(add_feature, "incompat", keys);
	check_features(-EPROTONOSUPPORT, "time-travel", -EPROTONOSUPPORT);
	store_changed(raise_format, NULL, keys);
	check_features(-EPROTONOSUPPORT, "format 2", -EPROTONOSUPPORT);
}

/* What we do not know survives a rewrite. */
static void test_unknown_kept(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT, text = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(0, &recovery);
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;

	store_changed(add_feature, "compat", keys);
	CHECK_EQ(volume_load_costing(dir_fd, &cheap, &v, &why), 0);
	CHECK_EQ(volume_store(v, keys, dir_fd), 0);
	read_volume(&text);
	CHECK(strstr((char *)text.data, "time-travel"));
	CHECK_EQ(try_volume(&key_file), 0);
}

int main(void)
{
	struct temp_folder temp;

	volume_box_make(&temp);
	test_alterations();
	test_bad_json();
	test_features();
	test_unknown_kept();
	temp_folder_remove(&temp);
	return check_result();
}
