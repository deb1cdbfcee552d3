/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

/* Length of a sequence by its first byte, 0 for bytes that begin none. */
static unsigned sequence_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* Returns false, with *at unmoved, when no valid sequence begins there. */
static bool decode(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = *at;
	unsigned n = sequence_length(*p);
	uint32_t c;

	if (n == 0 || (size_t)(end - p) < n)
		return false;
	c = n == 1 ? *p : *p & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return false;
	*at = p + n;
	*ret = c;
	return true;
}

uint32_t utf8_next(const uint8_t **at, const uint8_t *end)
{
	uint32_t c;

	if (decode(at, end, &c))
		return c;
	(*at)++;
	return UTF8_REPLACEMENT;
}

int utf8_add(struct buf *out, uint32_t c)
{
	uint8_t b[4];
	size_t n;

	if (c < 0x80) {
		b[0] = (uint8_t)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (uint8_t)(0xc0 | c >> 6);
		b[1] = (uint8_t)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (uint8_t)(0xe0 | c >> 12);
		b[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		b[2] = (uint8_t)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		b[0] = (uint8_t)(0xf0 | c >> 18);
		b[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		b[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		b[3] = (uint8_t)(0x80 | (c & 0x3f));
		n = 4;
	}
	return buf_add(out, b, n);
}

/* Most text is ASCII for long stretches: eight bytes at a time. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
	uint64_t eight;

	for (; end - at >= 8; at += 8) {
		memcpy(&eight, at, 8);
		if (eight & 0x8080808080808080u)
			break;
	}
	return at;
}

bool utf8_valid(const void *data, size_t len)
{
	const uint8_t *at = data, *end = len ? at + len : at;
	uint32_t c;

	while ((at = skip_ascii(at, end)) < end)
		if (!decode(&at, end, &c))
			return false;
	return true;
}

int utf8_add_valid(struct buf *out, const void *data, size_t len)
{
	const uint8_t *at = data, *end = at + len;

	while (at < end) {
		const uint8_t *start = at;
		uint32_t c;
		int r;

		r = decode(&at, end, &c) ? buf_add(out, start, (size_t)(at - start)) : utf8_add(out, UTF8_REPLACEMENT);
		if (r < 0)
			return r;
		if (at == start)
			at++;
	}
	return 0;
}
