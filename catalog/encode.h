/* SPDX-License-Identifier: MIT */
/* Writing small records into arrays on the stack; struct reader (base/buf.h) reads them back. The
 * caller's array is large enough for the widest record. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define VARINT_MAX 10

static inline uint8_t *put_u8(uint8_t *at, uint8_t v)
{
	*at = v;
	return at + 1;
}
static inline uint8_t *put_varint(uint8_t *at, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*at++ = (uint8_t)(v | 0x80);
	*at++ = (uint8_t)v;
	return at;
}
static inline uint8_t *put_le64(uint8_t *at, uint64_t v)
{
	store_le64(at, v);
	return at + 8;
}
static inline uint8_t *put_bytes(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}
