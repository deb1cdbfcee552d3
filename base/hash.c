/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include "base/bytes.h"

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ (len * 0x9e3779b97f4a7c15ull);
	uint64_t tail = 0;

	for (; len >= 8; p += 8, len -= 8)
		h = hash_mix64(h ^ load_le64(p)) + 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < len; i++)
		tail |= (uint64_t)p[i] << (8 * i);
	return hash_mix64(h ^ tail);
}
