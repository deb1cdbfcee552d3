/* SPDX-License-Identifier: MIT */
/* Members are found by the XOR of their hashes, or none is: never others. */
#include "base/hash.h"
#include "catalog/xor_solve.h"
#include "tests/unit/check.h"

static uint64_t seed = 1;

static struct id128 some_hash(void)
{
	struct id128 h;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t v = hash_mix64(seed += 0x9e3779b97f4a7c15ull);

		memcpy(h.bytes + 8 * i, &v, sizeof(v));
	}
	return h;
}

static void toggle(struct id128 *sum, const struct id128 *h)
{
	for (size_t i = 0; i < sizeof(h->bytes); i++)
		sum->bytes[i] ^= h->bytes[i];
}

static void test_round(unsigned n)
{
	struct id128 hashes[XOR_MAX] = { 0 }, sum = { 0 };
	bool members[XOR_MAX], chosen[XOR_MAX];

	for (unsigned i = 0; i < n; i++) {
		hashes[i] = some_hash();
		members[i] = hash_mix64(seed + i) & 1;
		if (members[i])
			toggle(&sum, &hashes[i]);
	}
	CHECK(xor_solve(hashes, n, sum, chosen));
	CHECK(memcmp(members, chosen, n * sizeof(bool)) == 0);
	if (n > 0) {
		sum.bytes[n % 16] ^= 1;
		CHECK(!xor_solve(hashes, n, sum, chosen));
	}
}

/* The same hash twice: the first one serves for both. */
static void test_twice(void)
{
	struct id128 hashes[3] = { some_hash(), { { 0 } }, some_hash() };
	bool chosen[XOR_MAX];

	hashes[1] = hashes[0];
	CHECK(xor_solve(hashes, 3, hashes[1], chosen));
	CHECK(chosen[0] && !chosen[1] && !chosen[2]);
	CHECK(xor_solve(hashes, 3, (struct id128){ { 0 } }, chosen));
	CHECK(!chosen[0] && !chosen[1] && !chosen[2]);
}

int main(void)
{
	for (unsigned n = 0; n <= XOR_MAX; n++)
		test_round(n);
	test_twice();
	return check_result();
}
