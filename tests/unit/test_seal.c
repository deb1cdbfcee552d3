/* SPDX-License-Identifier: MIT */
#include "crypto/seal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "check.h"
#include "crypto/keyring.h"

DEFINE_CLEANUP(struct keyring *, keyring_free)
DEFINE_CLEANUP(struct seal_run *, seal_run_free)
#define _cleanup_keys_ _cleanup_(keyring_freep)
#define _cleanup_run_ _cleanup_(seal_run_freep)

static const char text[] = "the quick brown fox jumps over the lazy dog";
static const struct seal_place here = { .object = "object", .object_len = 6, .place = 42 };

/* Keys are counting bytes, so that the known answers can be computed anywhere. */
static struct keyring *make_keys(enum cipher cipher, size_t epochs)
{
	struct keyring *k = NULL;
	struct id128 id;
	uint8_t keys[4 * KEYRING_KEY_SIZE];
	size_t i;

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)i;
	for (i = 0; i < sizeof(id.bytes); i++)
		id.bytes[i] = (uint8_t)(0xa0 + i);
	CHECK_EQ(keyring_new(id, cipher, keys, epochs, &k), 0);
	return k;
}

static struct seal_run *reopen(struct keyring *k, enum seal_purpose purpose, const struct seal_run *run)
{
	struct seal_run *opened = NULL;

	CHECK_EQ(seal_run_open(k, purpose, seal_run_get_header(run), &opened), 0);
	return opened;
}

static void test_round_trip(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL, *opened = NULL;
	uint8_t plain[5000], sealed[5016], back[5000];
	uint64_t nonce;
	size_t len;

	for (len = 0; len < sizeof(plain); len++)
		plain[len] = (uint8_t)(len * 7);
	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	opened = reopen(k, SEAL_WAL, run);
	for (len = 0; len <= sizeof(plain); len += len < 70 ? 1 : 493) {
		CHECK_EQ(seal_seal(run, &here, plain, len, sealed, &nonce), 0);
		CHECK(len < 16 || memcmp(sealed, plain, len) != 0);
		CHECK_EQ(seal_open(opened, nonce, &here, sealed, len + SEAL_TAG_SIZE, back), 0);
		CHECK_MEM(back, len, plain, len);
	}
}

static void test_in_place_and_detached(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL;
	uint8_t block[sizeof(text) + SEAL_TAG_SIZE], tag[SEAL_TAG_SIZE];
	uint64_t nonce;

	CHECK_EQ(seal_run_new(k, SEAL_EXTENT, &run), 0);
	memcpy(block, text, sizeof(text));
	CHECK_EQ(seal_seal(run, &here, block, sizeof(text), block, &nonce), 0);
	CHECK_EQ(seal_open(run, nonce, &here, block, sizeof(block), block), 0);
	CHECK_MEM(block, sizeof(text), text, sizeof(text));

	CHECK_EQ(seal_seal_detached(run, &here, block, sizeof(text), block, tag, &nonce), 0);
	CHECK_EQ(seal_open_detached(run, nonce, &here, block, sizeof(text), tag, block), 0);
	CHECK_MEM(block, sizeof(text), text, sizeof(text));
	tag[15] ^= 1;
	CHECK_EQ(seal_seal_detached(run, &here, text, sizeof(text), block, tag, &nonce), 0);
	tag[15] ^= 1;
	CHECK_EQ(seal_open_detached(run, nonce, &here, block, sizeof(text), tag, block), -EBADMSG);
}

static void test_every_bit(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL;
	uint8_t sealed[sizeof(text) + SEAL_TAG_SIZE], back[sizeof(text)];
	uint64_t nonce;
	size_t bit, len;

	CHECK_EQ(seal_run_new(k, SEAL_CATALOG, &run), 0);
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), sealed, &nonce), 0);
	for (bit = 0; bit < sizeof(sealed) * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(seal_open(run, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (len = 0; len < sizeof(sealed); len++)
		CHECK_EQ(seal_open(run, nonce, &here, sealed, len, back), -EBADMSG);
	for (bit = 0; bit < 64; bit++)
		CHECK_EQ(seal_open(run, nonce ^ 1ull << bit, &here, sealed, sizeof(sealed), back), -EBADMSG);
	CHECK_EQ(seal_open(run, nonce, &here, sealed, sizeof(sealed), back), 0);
}

static void test_elsewhere(struct keyring *k)
{
	static const struct seal_place others[] = {
		{ .object = "object", .object_len = 6, .place = 43 },
		{ .object = "object", .object_len = 5, .place = 42 },
		{ .object = "objecT", .object_len = 6, .place = 42 },
		{ .object = NULL, .object_len = 0, .place = 42 },
		{ .object = "object", .object_len = 6, .place = 42ull << 56 },
	};
	_cleanup_run_ struct seal_run *run = NULL;
	uint8_t a[sizeof(text) + SEAL_TAG_SIZE], b[sizeof(a)], back[sizeof(text)];
	uint64_t nonce_a, nonce_b;
	size_t i;

	CHECK_EQ(seal_run_new(k, SEAL_CATALOG, &run), 0);
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), a, &nonce_a), 0);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		CHECK_EQ(seal_open(run, nonce_a, &others[i], a, sizeof(a), back), -EBADMSG);
	/* A replayed older version of the same place. */
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), b, &nonce_b), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK_EQ(seal_open(run, nonce_b, &here, a, sizeof(a), back), -EBADMSG);
	CHECK_EQ(seal_open(run, nonce_a, &here, b, sizeof(b), back), -EBADMSG);
}

/* Another purpose, run, epoch, cipher, volume or key does not open it. */
static void test_other_runs(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL, *purpose = NULL, *twin = NULL, *epoch = NULL, *cipher = NULL;
	_cleanup_run_ struct seal_run *volume = NULL;
	_cleanup_keys_ struct keyring *stranger = NULL;
	uint8_t sealed[sizeof(text) + SEAL_TAG_SIZE], back[sizeof(text)];
	uint8_t keys[2 * KEYRING_KEY_SIZE];
	struct seal_run_header h;
	uint64_t nonce;
	size_t i;

	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), sealed, &nonce), 0);
	purpose = reopen(k, SEAL_CATALOG, run);
	CHECK_EQ(seal_open(purpose, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
	CHECK_EQ(seal_run_new(k, SEAL_WAL, &twin), 0);
	CHECK(!id128_equal(seal_run_get_header(run)->id, seal_run_get_header(twin)->id));
	CHECK_EQ(seal_open(twin, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
	h = *seal_run_get_header(run);
	CHECK_EQ(h.epoch, 2);
	h.epoch = 1;
	CHECK_EQ(seal_run_open(k, SEAL_WAL, &h, &epoch), 0);
	CHECK_EQ(seal_open(epoch, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
	h = *seal_run_get_header(run);
	h.cipher = h.cipher == CIPHER_XCHACHA20 ? CIPHER_AES256GCM : CIPHER_XCHACHA20;
	CHECK_EQ(seal_run_open(k, SEAL_WAL, &h, &cipher), 0);
	CHECK_EQ(seal_open(cipher, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)i;
	CHECK_EQ(keyring_new(id128_random(), keyring_cipher(k), keys, 2, &stranger), 0);
	volume = reopen(stranger, SEAL_WAL, run);
	CHECK_EQ(seal_open(volume, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
}

static void test_wrong_key(enum cipher cipher)
{
	_cleanup_keys_ struct keyring *k = make_keys(cipher, 1), *other = NULL;
	_cleanup_run_ struct seal_run *run = NULL, *wrong = NULL;
	uint8_t key[KEYRING_KEY_SIZE] = { 1 }, sealed[sizeof(text) + SEAL_TAG_SIZE], back[sizeof(text)];
	uint64_t nonce;

	CHECK_EQ(keyring_new(keyring_volume_id(k), cipher, key, 1, &other), 0);
	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), sealed, &nonce), 0);
	wrong = reopen(other, SEAL_WAL, run);
	CHECK_EQ(seal_open(wrong, nonce, &here, sealed, sizeof(sealed), back), -EBADMSG);
}

static void test_header(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL, *opened = NULL;
	uint8_t bytes[SEAL_RUN_HEADER_SIZE];
	struct seal_run_header h = { 0 };

	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	seal_run_header_store(seal_run_get_header(run), bytes);
	CHECK_EQ(seal_run_header_load(bytes, &h), 0);
	CHECK(id128_equal(h.id, seal_run_get_header(run)->id));
	CHECK_EQ(h.epoch, keyring_epoch(k));
	CHECK_EQ(h.cipher, keyring_cipher(k));
	bytes[18] = 3;
	CHECK_EQ(seal_run_header_load(bytes, &h), -EBADMSG);
	bytes[18] = 0;
	CHECK_EQ(seal_run_header_load(bytes, &h), -EBADMSG);
	bytes[18] = 1;
	bytes[19] = 1;
	CHECK_EQ(seal_run_header_load(bytes, &h), -EBADMSG);
	h.epoch = 0;
	CHECK_EQ(seal_run_open(k, SEAL_WAL, &h, &opened), -EBADMSG);
	h.epoch = 3;
	CHECK_EQ(seal_run_open(k, SEAL_WAL, &h, &opened), -EBADMSG);
	h.epoch = 1;
	h.cipher = 9;
	CHECK_EQ(seal_run_open(k, SEAL_WAL, &h, &opened), -EBADMSG);
}

/* What was opened for reading cannot seal, and nonces count from 0. */
static void test_counter(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL, *opened = NULL;
	uint8_t sealed[sizeof(text) + SEAL_TAG_SIZE];
	uint64_t nonce = 99, i;

	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	opened = reopen(k, SEAL_WAL, run);
	CHECK_EQ(seal_seal(opened, &here, text, sizeof(text), sealed, &nonce), -EPERM);
	CHECK_EQ(nonce, 99);
	for (i = 0; i < 1000; i++) {
		CHECK_EQ(seal_seal(run, &here, text, sizeof(text), sealed, &nonce), 0);
		CHECK_EQ(nonce, i);
	}
}

/* Blocks sealed in any order open with the nonces that their claims promised, and no nonce comes twice. */
static void test_claims(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL, *opened = NULL;
	uint8_t first[sizeof(text)], second[sizeof(text)], tags[2][SEAL_TAG_SIZE], back[sizeof(text)];
	uint8_t sealed[sizeof(text) + SEAL_TAG_SIZE];
	struct seal_claim a, b;
	uint64_t nonce;

	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	opened = reopen(k, SEAL_WAL, run);
	CHECK_EQ(seal_claim_nonces(opened, 1, &a), -EPERM);
	CHECK_EQ(seal_claim_nonces(run, 2, &a), 0);
	CHECK_EQ(seal_claim_nonces(run, 1, &b), 0);
	CHECK_EQ(a.next, 0);
	CHECK_EQ(b.next, 2);
	CHECK_EQ(seal_seal(run, &here, text, sizeof(text), sealed, &nonce), 0);
	CHECK_EQ(nonce, 3);
	CHECK_EQ(seal_seal_claimed(&b, &here, text, sizeof(text), second, tags[1]), 0);
	CHECK_EQ(seal_seal_claimed(&b, &here, text, sizeof(text), first, tags[0]), -EOVERFLOW);
	CHECK_EQ(seal_seal_claimed(&a, &here, text, sizeof(text), first, tags[0]), 0);
	CHECK_EQ(a.next, 1);
	CHECK_EQ(seal_open_detached(opened, 2, &here, second, sizeof(second), tags[1], back), 0);
	CHECK_MEM(back, sizeof(back), text, sizeof(text));
	CHECK_EQ(seal_open_detached(opened, 0, &here, first, sizeof(first), tags[0], back), 0);
	CHECK_MEM(back, sizeof(back), text, sizeof(text));
	CHECK_EQ(seal_claim_nonces(run, 1ull << 48, &a), -EOVERFLOW);
}

#define THREADS 4
#define SEALS 20000

struct sealer {
	struct seal_run *run;
	uint8_t *seen; /* shared; one byte a nonce */
};

static void *seal_many(void *arg)
{
	struct sealer *s = arg;
	uint8_t sealed[sizeof(text) + SEAL_TAG_SIZE];
	uint64_t nonce;
	int i;

	for (i = 0; i < SEALS; i++) {
		if (seal_seal(s->run, &here, text, sizeof(text), sealed, &nonce) < 0)
			return s;
		if (nonce >= THREADS * SEALS || __atomic_fetch_add(&s->seen[nonce], 1, __ATOMIC_RELAXED) != 0)
			return s;
	}
	return NULL;
}

static void test_threads(struct keyring *k)
{
	_cleanup_run_ struct seal_run *run = NULL;
	_cleanup_free_ uint8_t *seen = calloc(THREADS, SEALS);
	struct sealer s = { .seen = seen };
	pthread_t threads[THREADS];
	void *failed;
	int i;

	CHECK_EQ(seal_run_new(k, SEAL_WAL, &run), 0);
	s.run = run;
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, seal_many, &s), 0);
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &failed), 0);
		CHECK(!failed);
	}
}

/* Computed with hashlib, PyNaCl and cryptography from docs/format.md. */
static const uint8_t known_aes[30] = {
	0x47, 0x37, 0x8c, 0x17, 0x95, 0x43, 0x40, 0x0a, 0xee, 0xa2, 0x48, 0xb5, 0x1d, 0x8d, 0xb2,
	0x51, 0x02, 0x3b, 0xb1, 0x97, 0xff, 0x4a, 0x38, 0x70, 0x58, 0xe9, 0x9d, 0xfb, 0x56, 0x97,
};
static const uint8_t known_xchacha[30] = {
	0x6c, 0x60, 0x02, 0x03, 0xb3, 0x5f, 0x3f, 0xe4, 0x99, 0x87, 0x6d, 0xdb, 0x24, 0x26, 0x30,
	0x45, 0x15, 0x0b, 0x51, 0x7a, 0x73, 0xae, 0xe7, 0x17, 0x85, 0xba, 0x61, 0xdb, 0x31, 0xed,
};

static void test_known_answer(struct keyring *k)
{
	static const struct seal_place at = { .object = "object 7", .object_len = 8, .place = 0x1122334455667788 };
	const uint8_t *known = keyring_cipher(k) == CIPHER_AES256GCM ? known_aes : known_xchacha;
	struct seal_run_header h = { .epoch = 2, .cipher = (uint8_t)keyring_cipher(k) };
	_cleanup_run_ struct seal_run *run = NULL;
	uint8_t back[14];
	size_t i;

	for (i = 0; i < sizeof(h.id.bytes); i++)
		h.id.bytes[i] = (uint8_t)(0x50 + i);
	CHECK_EQ(seal_run_open(k, SEAL_CATALOG, &h, &run), 0);
	CHECK_EQ(seal_open(run, 0x0102030405, &at, known, sizeof(known_aes), back), 0);
	CHECK_MEM(back, sizeof(back), "attack at dawn", 14);
}

static void test_cipher(enum cipher cipher)
{
	_cleanup_keys_ struct keyring *k = make_keys(cipher, 2);

	if (!k)
		return;
	test_round_trip(k);
	test_in_place_and_detached(k);
	test_every_bit(k);
	test_elsewhere(k);
	test_other_runs(k);
	test_wrong_key(cipher);
	test_header(k);
	test_counter(k);
	test_claims(k);
	test_threads(k);
	test_known_answer(k);
}

int main(void)
{
	test_cipher(CIPHER_AES256GCM);
	test_cipher(CIPHER_XCHACHA20);
	return check_result();
}
