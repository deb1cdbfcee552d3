/* SPDX-License-Identifier: MIT */
/* Hashes for tables in memory. Not for anything that is stored or that an enemy chooses freely:
 * that is digest_*() in crypto/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The finaliser of MurmurHash3 (Appleby, public domain): every input bit reaches every output bit. */
static inline uint64_t hash_mix64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	x ^= x >> 33;
	return x;
}

/* Eight bytes at a time through hash_mix64(). */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);
