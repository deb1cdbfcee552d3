/* SPDX-License-Identifier: MIT */
#include "catalog/xor_solve.h"

#include <assert.h>

#define BITS 128

/* A vector, and the hashes whose XOR it is. */
struct row {
	uint64_t v[2], of[2];
};

static int top_bit(const struct row *r)
{
	if (r->v[1])
		return 127 - __builtin_clzll(r->v[1]);
	return r->v[0] ? 63 - __builtin_clzll(r->v[0]) : -1;
}

static void add(struct row *to, const struct row *r)
{
	for (unsigned i = 0; i < 2; i++) {
		to->v[i] ^= r->v[i];
		to->of[i] ^= r->of[i];
	}
}

/* What is left of it without the rows there are; each has another top bit. */
static int reduce(const struct row rows[BITS], struct row *r)
{
	int top;

	while ((top = top_bit(r)) >= 0 && rows[top].of[0] + rows[top].of[1] > 0)
		add(r, &rows[top]);
	return top;
}

bool xor_solve(const struct id128 *hashes, unsigned n, struct id128 target, bool ret_chosen[XOR_MAX])
{
	struct row rows[BITS] = { 0 }, wanted = { 0 };

	assert(n <= XOR_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct row r = { .of = { [0] = 0 } };
		int top;

		memcpy(r.v, hashes[i].bytes, sizeof(r.v));
		r.of[i / 64] = 1ull << i % 64;
		top = reduce(rows, &r);
		if (top >= 0)
			rows[top] = r;
	}
	memcpy(wanted.v, target.bytes, sizeof(wanted.v));
	if (reduce(rows, &wanted) >= 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		ret_chosen[i] = wanted.of[i / 64] >> i % 64 & 1;
	return true;
}
