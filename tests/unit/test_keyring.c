/* SPDX-License-Identifier: MIT */
#include "crypto/keyring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "check.h"
#include "crypto/digest.h"

DEFINE_CLEANUP(struct keyring *, keyring_free)
#define _cleanup_keys_ _cleanup_(keyring_freep)

static struct keyring *make_keys(size_t epochs)
{
	struct keyring *k = NULL;
	uint8_t keys[KEYRING_EPOCHS_MAX * KEYRING_KEY_SIZE];
	struct id128 id = { { 0xa0 } };
	size_t i;

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)i;
	CHECK_EQ(keyring_new(id, CIPHER_XCHACHA20, keys, epochs, &k), 0);
	return k;
}

static struct id128 hash(const struct keyring *k, enum digest_purpose purpose, const char *a, const char *b)
{
	struct iovec pieces[2] = {
		{ .iov_base = (void *)(uintptr_t)a, .iov_len = strlen(a) },
		{ .iov_base = (void *)(uintptr_t)b, .iov_len = strlen(b) },
	};

	return digest_128(k, purpose, pieces, 2);
}

static void test_bounds(void)
{
	_cleanup_keys_ struct keyring *k = NULL;
	uint8_t key[KEYRING_KEY_SIZE] = { 0 };

	CHECK_EQ(keyring_new(id128_random(), CIPHER_XCHACHA20, key, 0, &k), -EINVAL);
	CHECK_EQ(keyring_new(id128_random(), CIPHER_XCHACHA20, key, KEYRING_EPOCHS_MAX + 1, &k), -EINVAL);
	CHECK_EQ(keyring_new(id128_random(), 3, key, 1, &k), -EINVAL);
	CHECK(!k);
}

static void test_export_of(size_t epochs)
{
	_cleanup_keys_ struct keyring *k = make_keys(epochs), *back = NULL, *bad = NULL;
	uint8_t bytes[KEYRING_EXPORT_MAX + 1];
	ssize_t len = keyring_export(k, bytes, sizeof(bytes)), i;

	CHECK(len > 0 && len <= KEYRING_EXPORT_MAX);
	CHECK_EQ(keyring_export(k, bytes, (size_t)len - 1), -ENOSPC);
	CHECK_EQ(keyring_import(bytes, (size_t)len, &back), 0);
	CHECK(id128_equal(keyring_volume_id(k), keyring_volume_id(back)));
	CHECK_EQ(keyring_cipher(back), keyring_cipher(k));
	CHECK_EQ(keyring_epoch(back), epochs);
	CHECK(id128_equal(hash(k, DIGEST_TAG, "a", "b"), hash(back, DIGEST_TAG, "a", "b")));
	for (i = 0; i < len; i += i < 32 ? 1 : 31)
		CHECK_EQ(keyring_import(bytes, (size_t)i, &bad), -EBADMSG);
	CHECK_EQ(keyring_import(bytes, (size_t)len + 1, &bad), -EBADMSG);
	bytes[6] = 9;
	CHECK_EQ(keyring_import(bytes, (size_t)len, &bad), -EBADMSG);
}

static void test_digest_pieces(void)
{
	_cleanup_keys_ struct keyring *k = make_keys(1);
	struct id128 whole = hash(k, DIGEST_DENTRY, "hello, world", "");
	int a, b;

	CHECK(id128_equal(whole, hash(k, DIGEST_DENTRY, "hello,", " world")));
	CHECK(!id128_equal(whole, hash(k, DIGEST_DENTRY, "hello, worlD", "")));
	for (a = DIGEST_DENTRY; a <= DIGEST_LAST; a++)
		for (b = DIGEST_DENTRY; b < a; b++)
			CHECK(!id128_equal(hash(k, a, "x", ""), hash(k, b, "x", "")));
}

/* Stored hashes survive a rotation of the volume key; the MAC of volume.json must not. */
static void test_digest_epochs(void)
{
	_cleanup_keys_ struct keyring *one = make_keys(1), *two = make_keys(2);
	int p;

	for (p = DIGEST_DENTRY; p <= DIGEST_LAST; p++)
		CHECK_EQ(id128_equal(hash(one, p, "x", ""), hash(two, p, "x", "")), p != DIGEST_VOLUME);
}

/* Computed with hashlib from docs/format.md. */
static void test_digest_known(void)
{
	static const uint8_t dentry[16] = { 0x22, 0xb8, 0x20, 0x1c, 0x09, 0x79, 0x50, 0x2d,
					    0x3f, 0x58, 0x99, 0xd1, 0x14, 0xc0, 0xb3, 0xb7 };
	static const uint8_t mac[32] = { 0x6a, 0x54, 0x2f, 0xbd, 0x22, 0x85, 0x13, 0x6c, 0x9e, 0x81, 0xb0,
					 0x91, 0xd1, 0x59, 0x00, 0x41, 0x82, 0x1b, 0x38, 0x27, 0xeb, 0x53,
					 0x4f, 0xfb, 0x57, 0x7a, 0x1d, 0xec, 0xab, 0x83, 0x40, 0x2b };
	char words[] = "hello, world";
	struct iovec piece = { .iov_base = words, .iov_len = strlen(words) };
	_cleanup_keys_ struct keyring *k = make_keys(2);
	struct id128 got = digest_128(k, DIGEST_DENTRY, &piece, 1);
	uint8_t long_digest[32];

	CHECK_MEM(got.bytes, 16, dentry, 16);
	digest_256(k, DIGEST_VOLUME, &piece, 1, long_digest);
	CHECK_MEM(long_digest, 32, mac, 32);
}

static int in_child(void)
{
	struct rlimit core;

	if (keyring_start() < 0 || keyring_start() < 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : 3;
}

/* In a child, because leak checkers need a dumpable process. */
static void test_start(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(in_child());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

int main(void)
{
	test_bounds();
	test_export_of(1);
	test_export_of(KEYRING_EPOCHS_MAX);
	test_digest_pieces();
	test_digest_epochs();
	test_digest_known();
	test_start();
	return check_result();
}
