/* SPDX-License-Identifier: MIT */
/* Volumes are made, opened with each secret, and refused to others; recovery keys and key files. */
#include "volume_box.h"

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

/* A feature is there once, with a MAC that fits; into an altered volume.json none comes. */
static void test_need_feature(void)
{
	_cleanup_keys_ struct keyring *keys = NULL;
	_cleanup_buf_ struct buf once = BUF_INIT, twice = BUF_INIT;

	write_volume(known_volume, sizeof(known_volume) - 1);
	CHECK_EQ(open_volume(&key_file, &keys), 0);
	CHECK_EQ(volume_need_feature(dir_fd, keys, VOLUME_QUOTAS), 0);
	CHECK_EQ(try_volume(&key_file), 0);
	read_volume(&once);
	CHECK(strstr(buf_cstr(&once), "\"" VOLUME_QUOTAS "\""));
	CHECK_EQ(volume_need_feature(dir_fd, keys, VOLUME_QUOTAS), 0);
	read_volume(&twice);
	CHECK_MEM(once.data, once.len, twice.data, twice.len);
	*strstr((char *)once.data, VOLUME_QUOTAS) = 'r';
	write_volume((const char *)once.data, once.len);
	CHECK_EQ(volume_need_feature(dir_fd, keys, VOLUME_QUOTAS), -EPROTONOSUPPORT);
	*strstr((char *)twice.data, "created") = 'g';
	write_volume((const char *)twice.data, twice.len);
	CHECK_EQ(volume_need_feature(dir_fd, keys, VOLUME_QUOTAS), -EBADMSG);
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

	volume_box_make(&temp);
	test_round_trip(CIPHER_AES256GCM);
	test_round_trip(CIPHER_XCHACHA20);
	test_wrong_secrets();
	test_refusals();
	test_cheap_slot();
	test_known_volume();
	test_need_feature();
	test_recovery_forgives();
	test_recovery_typos();
	test_make_key_file();
	temp_folder_remove(&temp);
	return check_result();
}
