/* SPDX-License-Identifier: MIT */
/* Unaligned loads and stores. Everything on disk is little-endian, except catalog keys, which
 * are big-endian so that memcmp() orders them by number. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DEFINE_UNALIGNED(name, type, to, from)                                                     \
	static inline void store_##name(void *p, type v)                                           \
	{                                                                                          \
		v = to(v);                                                                         \
		memcpy(p, &v, sizeof(v));                                                          \
	}                                                                                          \
	static inline type load_##name(const void *p)                                              \
	{                                                                                          \
		type v;                                                                            \
                                                                                                   \
		memcpy(&v, p, sizeof(v));                                                          \
		return from(v);                                                                    \
	}

DEFINE_UNALIGNED(le16, uint16_t, htole16, le16toh)
DEFINE_UNALIGNED(le32, uint32_t, htole32, le32toh)
DEFINE_UNALIGNED(le64, uint64_t, htole64, le64toh)
DEFINE_UNALIGNED(be16, uint16_t, htobe16, be16toh)
DEFINE_UNALIGNED(be32, uint32_t, htobe32, be32toh)
DEFINE_UNALIGNED(be64, uint64_t, htobe64, be64toh)
