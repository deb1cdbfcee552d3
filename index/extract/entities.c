/* SPDX-License-Identifier: MIT */
#include "index/extract/entities.h"

#include <libxml/HTMLparser.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static uint32_t parse_number(const char *text, size_t len)
{
	unsigned base = len && (*text | 0x20) == 'x' ? 16 : 10;
	uint32_t c = 0;

	for (size_t i = base == 16; i < len && c <= 0x10ffff; i++) {
		const char *digits = "0123456789abcdef",
			   *digit = text[i] ? strchr(digits, text[i] | 0x20) : NULL;

		if (!digit || (unsigned)(digit - digits) >= base)
			return 0;
		c = c * base + (unsigned)(digit - digits);
	}
	return c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? UTF8_REPLACEMENT : c;
}

static uint32_t find_name(const char *text, size_t len)
{
	char name[32];
	const htmlEntityDesc *found;

	if (len >= sizeof(name))
		return 0;
	memcpy(name, text, len);
	name[len] = '\0';
	found = htmlEntityLookup((const xmlChar *)name);
	return found ? found->value : 0;
}

size_t entity_decode(const char *text, size_t len, char ret[ENTITY_BYTES])
{
	struct buf b = { .data = (uint8_t *)ret, .cap = ENTITY_BYTES };
	uint32_t c;

	if (len < 3 || text[0] != '&' || text[len - 1] != ';')
		return 0;
	c = text[1] == '#' ? parse_number(text + 2, len - 3) : find_name(text + 1, len - 2);
	if (c == 0)
		return 0;
	(void) utf8_add(&b, c); /* four bytes fit */
	return b.len;
}
