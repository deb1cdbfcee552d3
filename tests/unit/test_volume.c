/* SPDX-License-Identifier: MIT */
#include "crypto/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "check.h"
#include "crypto/digest.h"
#include "crypto/volume_impl.h"
#include "known_volume.h"
#include "temp_folder.h"

DEFINE_CLEANUP(struct keyring *, keyring_free)
DEFINE_CLEANUP(struct volume *, volume_free)
#define _cleanup_keys_ _cleanup_(keyring_freep)
#define _cleanup_volume_ _cleanup_(volume_freep)

static const struct keyslot_cost cheap = { .opslimit = 1, .memlimit = 8192 };

static const struct volume_secret key_file = { KEYSLOT_KEY_FILE, known_key_file, sizeof(known_key_file) - 1 };
static const struct volume_secret passphrase = { KEYSLOT_PASSPHRASE, known_passphrase,
						 sizeof(known_passphrase) - 1 };

static int dir_fd;

static void write_volume(const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(dir_fd, VOLUME_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_EQ(io_write(fd, text, len), 0);
}

static void read_volume(struct buf *ret_text)
{
	buf_reset(ret_text);
	CHECK_EQ(io_read_file_at(dir_fd, VOLUME_FILE, 1u << 20, ret_text), 0);
	CHECK(buf_cstr(ret_text));
}

static bool same_keys(const struct keyring *a, const struct keyring *b)
{
	uint8_t x[KEYRING_EXPORT_MAX], y[KEYRING_EXPORT_MAX];
	ssize_t n = keyring_export(a, x, sizeof(x)), m = keyring_export(b, y, sizeof(y));

	return n > 0 && n == m && memcmp(x, y, (size_t)n) == 0;
}

/* Loads and unlocks what lies in the folder; the first error of both. */
static int open_volume(const struct volume_secret *secret, struct keyring **ret_k)
{
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	int r = volume_load_costing(dir_fd, &cheap, &v, &why);

	if (r < 0) {
		CHECK(why && strlen(why) > 5);
		return r;
	}
	return volume_unlock(v, secret, ret_k);
}

static int try_volume(const struct volume_secret *secret)
{
	_cleanup_keys_ struct keyring *k = NULL;

	return open_volume(secret, &k);
}

/* A fresh volume in the folder, with a key-file and a passphrase slot beside the recovery key. */
static struct keyring *make_volume(enum cipher cipher, struct buf *ret_recovery)
{
	_cleanup_volume_ struct volume *v = NULL;
	struct keyring *k = NULL;

	buf_reset(ret_recovery);
	CHECK_EQ(volume_new_costing(id128_random(), cipher, &key_file, &cheap, ret_recovery, &v, &k), 0);
	CHECK_EQ(volume_add_slot(v, k, &passphrase), 0);
	CHECK_EQ(volume_store(v, k, dir_fd), 0);
	return k;
}

static struct volume_secret recovery_secret(const struct buf *text)
{
	return (struct volume_secret){ .kind = KEYSLOT_RECOVERY, .data = text->data, .len = text->len };
}

static void check_opens(const struct volume_secret *secret, const struct keyring *keys)
{
	_cleanup_keys_ struct keyring *k = NULL;

	CHECK_EQ(open_volume(secret, &k), 0);
	CHECK(k && same_keys(k, keys));
}

static void test_round_trip(enum cipher cipher)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(cipher, &recovery);
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	struct volume_secret by_recovery = recovery_secret(&recovery);

	check_opens(&key_file, keys);
	check_opens(&passphrase, keys);
	check_opens(&by_recovery, keys);
	CHECK_EQ(volume_load_costing(dir_fd, &cheap, &v, &why), 0);
	CHECK(id128_equal(volume_id(v), keyring_volume_id(keys)));
	CHECK_EQ(volume_cipher(v), cipher);
	CHECK_EQ(keyring_cipher(keys), cipher);
	CHECK_EQ(volume_format(v), VOLUME_FORMAT);
	CHECK_EQ(volume_check_features(v, &why), 0);
	CHECK(volume_has_slot(v, KEYSLOT_PASSPHRASE));
	CHECK(volume_has_slot(v, KEYSLOT_RECOVERY));
}

static void test_wrong_secrets(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT, other = BUF_INIT;
	_cleanup_keys_ struct keyring *stranger = make_volume(0, &other);
	_cleanup_keys_ struct keyring *keys = make_volume(0, &recovery);
	const struct volume_secret wrong[] = {
		{ KEYSLOT_KEY_FILE, "0123456789abcdef", 16 },
		{ KEYSLOT_KEY_FILE, "short", 5 },
		{ KEYSLOT_KEY_FILE, "correct horse", 13 },
		{ KEYSLOT_PASSPHRASE, "Correct horse", 13 },
		{ KEYSLOT_PASSPHRASE, "", 0 },
		{ KEYSLOT_PASSPHRASE, known_key_file, sizeof(known_key_file) - 1 },
		{ KEYSLOT_RECOVERY, "ABCD", 4 },
		recovery_secret(&other),
	};
	size_t i;

	CHECK(!same_keys(stranger, keys));
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_EQ(try_volume(&wrong[i]), -EACCES);
}

static void test_refusals(void)
{
	static const struct volume_secret none = { KEYSLOT_PASSPHRASE, "", 0 };
	static const struct volume_secret brief = { KEYSLOT_KEY_FILE, "fifteen bytes..", 15 };
	_cleanup_buf_ struct buf recovery = BUF_INIT;
	struct volume *v = NULL;
	struct keyring *k = NULL;

	CHECK_EQ(volume_new(id128_random(), 0, &none, &recovery, &v, &k), -EINVAL);
	CHECK_EQ(volume_new(id128_random(), 0, &brief, &recovery, &v, &k), -EINVAL);
	CHECK(!v && !k);
	CHECK_EQ(recovery.len, 0);
}

static void check_cheap(void)
{
	_cleanup_free_ char *why = NULL;
	struct volume *v = NULL;

	CHECK_EQ(volume_load(dir_fd, &v, &why), -EBADMSG);
	CHECK(why && strstr(why, "cheap"));
	CHECK(!v);
}

/* The known volume with the first digits that equal `from` replaced. */
static void write_cheaper(const char *from, const char *to)
{
	char text[sizeof(known_volume)];
	char *at;

	memcpy(text, known_volume, sizeof(text));
	at = strstr(text, from);
	CHECK(at && strlen(from) == strlen(to));
	if (at)
		memcpy(at, to, strlen(to));
	write_volume(text, sizeof(text) - 1);
}

/* Neither what a test volume costs, nor a byte or a pass less than the product asks for, is accepted. */
static void test_cheap_slot(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(0, &recovery);

	CHECK(keys);
	check_cheap();
	write_cheaper("\"opslimit\": 3", "\"opslimit\": 2");
	check_cheap();
	write_cheaper("268435456", "268435455");
	check_cheap();
}

static void test_known_volume(void)
{
	const struct volume_secret secrets[] = {
		passphrase, key_file, { KEYSLOT_RECOVERY, known_recovery, sizeof(known_recovery) - 1 }
	};
	_cleanup_keys_ struct keyring *want = NULL;
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	uint8_t keys[2 * KEYRING_KEY_SIZE];
	size_t i;

	write_volume(known_volume, sizeof(known_volume) - 1);
	CHECK_EQ(volume_load(dir_fd, &v, &why), 0);
	if (!v)
		return;
	for (i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)i;
	CHECK_EQ(keyring_new(volume_id(v), CIPHER_XCHACHA20, keys, 2, &want), 0);
	for (i = 0; i < ARRAY_SIZE(secrets); i++) {
		_cleanup_keys_ struct keyring *k = NULL;

		CHECK_EQ(volume_unlock(v, &secrets[i], &k), 0);
		CHECK(k && same_keys(k, want));
	}
}

/* ---- alterations */

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
	CHECK_EQ(n, 5 + 5 + 5 + 7); /* top level and mac, key file, recovery, passphrase */
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

/* ---- recovery key and key file */

static void check_recovery_reads(const char *text, const struct keyring *keys)
{
	struct volume_secret secret = { KEYSLOT_RECOVERY, text, strlen(text) };

	CHECK_EQ(volume_check_recovery(text, strlen(text)), 0);
	check_opens(&secret, keys);
}

static void test_recovery_forgives(void)
{
	_cleanup_buf_ struct buf recovery = BUF_INIT;
	_cleanup_keys_ struct keyring *keys = make_volume(0, &recovery);
	const char *text = buf_cstr(&recovery);
	char lower[128] = "", spaced[256] = "", bare[128] = "", look[128] = "";
	size_t i;

	CHECK_EQ(strlen(text), 62);
	for (i = 0; text[i]; i++) {
		char c = text[i];

		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		look[i] = (char)(c == '0' ? 'O' : c == '1' ? (i % 2 ? 'l' : 'I') : c);
		(void) snprintf(spaced + strlen(spaced), 4, "%c ", c == '-' ? '\n' : c);
		if (c != '-')
			bare[strlen(bare)] = c;
	}
	check_recovery_reads(text, keys);
	check_recovery_reads(lower, keys);
	check_recovery_reads(look, keys);
	check_recovery_reads(spaced, keys);
	check_recovery_reads(bare, keys);
}

/* One wrong symbol, two swapped neighbours, one too few or too many: the checksum tells. */
static void test_recovery_typos(void)
{
	char text[80];
	size_t i, len = sizeof(known_recovery) - 1;

	for (i = 0; i < len; i++) {
		(void) snprintf(text, sizeof(text), "%s", known_recovery);
		text[i] = text[i] == '7' ? '8' : '7';
		CHECK_EQ(volume_check_recovery(text, len), -EINVAL);
		text[i] = 'U';
		CHECK_EQ(volume_check_recovery(text, len), -EINVAL);
		CHECK_EQ(volume_check_recovery(known_recovery, i), -EINVAL);
		if (known_recovery[i] == '-' || known_recovery[i + 1] == '-' ||
		    known_recovery[i] == known_recovery[i + 1] || i + 1 == len)
			continue;
		text[i] = known_recovery[i + 1];
		text[i + 1] = known_recovery[i];
		CHECK_EQ(volume_check_recovery(text, len), -EINVAL);
	}
	(void) snprintf(text, sizeof(text), "%s0", known_recovery);
	CHECK_EQ(volume_check_recovery(text, len + 1), -EINVAL);
	CHECK_EQ(volume_check_recovery(text, len), 0);
}

static void test_make_key_file(void)
{
	_cleanup_buf_ struct buf made = BUF_INIT, again = BUF_INIT, read = BUF_INIT;
	struct stat st;

	CHECK_EQ(volume_make_key_file(dir_fd, "v.key", &made), 0);
	CHECK_EQ(made.len, 65);
	CHECK_EQ(made.data[64], '\n');
	CHECK_EQ(io_read_file_at(dir_fd, "v.key", 1000, &read), 0);
	CHECK_MEM(read.data, read.len, made.data, made.len);
	CHECK_EQ(fstatat(dir_fd, "v.key", &st, 0), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(volume_make_key_file(dir_fd, "v.key", &again), -EEXIST);
	CHECK_EQ(volume_make_key_file(dir_fd, "none/v.key", &again), -ENOENT);
	CHECK_EQ(volume_make_key_file(dir_fd, "w.key", &again), 0);
	CHECK(made.len != again.len || memcmp(made.data, again.data, made.len) != 0);
	CHECK_EQ(unlinkat(dir_fd, "v.key", 0), 0);
	CHECK_EQ(unlinkat(dir_fd, "w.key", 0), 0);
}

int main(void)
{
	struct temp_folder temp;

	temp_folder_make(&temp);
	dir_fd = temp.dirfd;
	test_round_trip(CIPHER_AES256GCM);
	test_round_trip(CIPHER_XCHACHA20);
	test_wrong_secrets();
	test_refusals();
	test_cheap_slot();
	test_known_volume();
	test_alterations();
	test_bad_json();
	test_features();
	test_unknown_kept();
	test_recovery_forgives();
	test_recovery_typos();
	test_make_key_file();
	temp_folder_remove(&temp);
	return check_result();
}
