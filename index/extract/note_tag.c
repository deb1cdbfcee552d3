/* SPDX-License-Identifier: MIT */
#include "index/extract/note_tag.h"

#include <ctype.h>
#include <utf8proc.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define JOINER       0x200d  /* within emoji */
#define NEW_SYMBOLS  0x1f000 /* emoji that the library does not know yet are here and above */
#define LAST_SYMBOLS 0x1ffff

static bool is_ascii_part(uint32_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' ||
	       c == '/';
}

static bool is_part(uint32_t c)
{
	if (c < 0x80)
		return is_ascii_part(c);
	if (c == UTF8_REPLACEMENT)
		return false;
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
	case UTF8PROC_CATEGORY_SK:
	case UTF8PROC_CATEGORY_SO:
		return true;
	case UTF8PROC_CATEGORY_CN:
		return c >= NEW_SYMBOLS && c <= LAST_SYMBOLS;
	default:
		return c == JOINER;
	}
}

bool note_tag_next(const char *text, size_t len, size_t *at)
{
	const uint8_t *p = (const uint8_t *)text + *at, *end = (const uint8_t *)text + len;

	if (p == end || !is_part(utf8_next(&p, end)))
		return false;
	*at = (size_t)((const char *)p - text);
	return true;
}

bool note_tag_follows(const char *text, size_t at)
{
	const uint8_t *from = (const uint8_t *)text + at, *end = from;
	utf8proc_category_t category;

	if (at == 0 || span_is_space(text[at - 1]))
		return true;
	for (unsigned n = 0; n < 4 && from > (const uint8_t *)text; n++)
		if ((*--from & 0xc0) != 0x80)
			break;
	if (*from < 0x80)
		return false;
	category = utf8proc_category((utf8proc_int32_t)utf8_next(&from, end));
	return from == end && category == UTF8PROC_CATEGORY_ZS;
}

/* A sign that changes the one before it, as in the emoji of a key "#". */
static bool begins_with_mark(struct span run)
{
	const uint8_t *at = (const uint8_t *)run.at, *end = (const uint8_t *)run.end;
	uint32_t c = at < end ? utf8_next(&at, end) : 0;
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);

	return c == JOINER || category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

struct span note_tag(struct span run)
{
	bool names = false, counts = true;

	while (run.end > run.at && run.end[-1] == '/')
		run.end--;
	for (const char *at = run.at; at < run.end; at++) {
		bool digit = isdigit((unsigned char)*at);

		counts &= digit;
		names |= digit || !strchr("_-/", *at);
	}
	return names && !counts && !begins_with_mark(run) ? run : (struct span){ run.at, run.at };
}

bool note_tag_is(struct span word)
{
	size_t at = 0;

	word.at += word.at < word.end && *word.at == '#';
	while (note_tag_next(word.at, span_len(word), &at))
		;
	return at > 0 && at == span_len(word);
}

bool note_is_key(char c)
{
	return (unsigned char)c >= 0x80 || isalnum((unsigned char)c) || c == '_' || c == '-';
}
