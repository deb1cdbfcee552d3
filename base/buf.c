/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

void buf_done(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}

int buf_reserve(struct buf *b, size_t extra)
{
	size_t want, cap;
	uint8_t *grown;

	if (__builtin_add_overflow(b->len, extra, &want))
		return -ENOMEM;
	if (want <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		if (__builtin_mul_overflow(cap, 2, &cap))
			return -ENOMEM;
	grown = realloc(b->data, cap);
	if (!grown)
		return -ENOMEM;
	b->data = grown;
	b->cap = cap;
	return 0;
}

int buf_extend(struct buf *b, size_t extra, void *ret_place)
{
	int r = buf_reserve(b, extra);

	if (r < 0)
		return r;
	*(void **)ret_place = b->data + b->len;
	b->len += extra;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	void *place;
	int r;

	if (len == 0)
		return 0;
	r = buf_extend(b, len, &place);
	if (r < 0)
		return r;
	memcpy(place, data, len);
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_u8(struct buf *b, uint8_t v)
{
	return buf_add(b, &v, 1);
}

#define DEFINE_ADD(name, type)                                                                     \
	int buf_add_##name(struct buf *b, type v)                                                  \
	{                                                                                          \
		uint8_t bytes[sizeof(v)];                                                          \
                                                                                                   \
		store_##name(bytes, v);                                                            \
		return buf_add(b, bytes, sizeof(bytes));                                           \
	}

DEFINE_ADD(le16, uint16_t)
DEFINE_ADD(le32, uint32_t)
DEFINE_ADD(le64, uint64_t)
DEFINE_ADD(be64, uint64_t)

int buf_add_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	do {
		bytes[n++] = (uint8_t)(v & 0x7f) | (v > 0x7f ? 0x80 : 0);
		v >>= 7;
	} while (v);
	return buf_add(b, bytes, n);
}

int buf_add_bytes(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len + 10);

	if (r < 0)
		return r;
	(void) buf_add_varint(b, len);
	return buf_add(b, data, len);
}

int buf_vaddf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int n, r;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return -EINVAL;
	r = buf_reserve(b, (size_t)n + 1);
	if (r < 0)
		return r;
	(void) vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
	b->len += (size_t)n;
	return 0;
}

int buf_addf(struct buf *b, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = buf_vaddf(b, format, args);
	va_end(args);
	return r;
}

char *buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 1) < 0)
		return NULL;
	b->data[b->len] = 0;
	return (char *)b->data;
}

const void *reader_take(struct reader *r, size_t len)
{
	const uint8_t *place = r->at;

	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		return NULL;
	}
	r->at += len;
	return place;
}

#define DEFINE_READER(name, type)                                                                  \
	type reader_##name(struct reader *r)                                                       \
	{                                                                                          \
		const void *place = reader_take(r, sizeof(type));                                  \
                                                                                                   \
		return place ? load_##name(place) : 0;                                             \
	}

DEFINE_READER(le16, uint16_t)
DEFINE_READER(le32, uint32_t)
DEFINE_READER(le64, uint64_t)
DEFINE_READER(be64, uint64_t)

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *place = reader_take(r, 1);

	return place ? *place : 0;
}

uint64_t reader_varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_u8(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return r->bad ? 0 : v;
	}
	r->bad = true;
	return 0;
}

const void *reader_bytes(struct reader *r, size_t *ret_len)
{
	uint64_t len = reader_varint(r);
	const void *place = reader_take(r, len);

	*ret_len = place ? len : 0;
	return place;
}
