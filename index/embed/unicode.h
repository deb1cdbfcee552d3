/* SPDX-License-Identifier: MIT */
/* What BERT's normaliser and splitter make of a code point: a class, and for some the code points it
 * becomes (lower case, without accents, CJK singled out). The tables are made by tools/unicode_tables.py
 * from the reference implementation, which follows no single version of Unicode. */
#pragma once

#include <stdint.h>

enum unicode_class {
	UNICODE_WORD,   /* part of a word, as it is */
	UNICODE_SPACE,  /* ends a word */
	UNICODE_DROP,   /* controls, combining marks: nothing, and ends nothing */
	UNICODE_ALONE,  /* a word of its own: punctuation, CJK ideographs */
	UNICODE_HANGUL, /* a syllable that unicode_jamo() takes apart */
	UNICODE_MAPPED, /* this and above: becomes map number `class - UNICODE_MAPPED` */
};

#define UNICODE_PAGE      128
#define UNICODE_MAP_ALONE 0x80000000u /* flag of a mapped code point: UNICODE_ALONE, else UNICODE_WORD */

extern const uint16_t unicode_pages[];      /* number of the page of each 128 code points */
extern const uint16_t unicode_classes[];    /* pages of classes */
extern const uint16_t unicode_map_starts[]; /* map i is pool[starts[i]] up to pool[starts[i + 1]] */
extern const uint32_t unicode_map_pool[];

/* `c` is at most 0x10ffff. */
static inline unsigned unicode_class(uint32_t c)
{
	return unicode_classes[unicode_pages[c / UNICODE_PAGE] * UNICODE_PAGE + c % UNICODE_PAGE];
}

/* Hangul syllable to two or three jamo (The Unicode Standard, section 3.12). Returns how many. */
static inline unsigned unicode_jamo(uint32_t c, uint32_t ret_jamo[3])
{
	uint32_t s = c - 0xac00;

	ret_jamo[0] = 0x1100 + s / 588;
	ret_jamo[1] = 0x1161 + s % 588 / 28;
	ret_jamo[2] = 0x11a7 + s % 28;
	return s % 28 ? 3 : 2;
}
