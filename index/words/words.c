/* SPDX-License-Identifier: MIT */
#include "index/words/words.h"

#include <string.h>
#include <utf8proc.h>

#include "base/cleanup.h"
#include "base/utf8.h"

enum letter {
	LETTER_NONE,   /* ends a word */
	LETTER_RUN,    /* letter or digit: goes on */
	LETTER_MARK,   /* belongs to the letter before it */
	LETTER_SINGLE, /* a word by itself, with its marks */
};

/* What ASCII bytes become in a folded word; 0 ends it. */
static const char ascii_fold[128] = {
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
	['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
	['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
	['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v',
	['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
	['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l',
	['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
	['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

/* Blocks of scripts without blanks between words. */
static const uint32_t single_blocks[][2] = {
	{ 0x0e00, 0x0eff },   /* Thai, Lao */
	{ 0x1000, 0x109f },   /* Myanmar */
	{ 0x1780, 0x17ff },   /* Khmer */
	{ 0x2e80, 0x2fdf },   /* radicals */
	{ 0x3005, 0x3007 },   /* ideographic iteration mark, zero */
	{ 0x3040, 0x30ff },   /* Hiragana, Katakana */
	{ 0x31f0, 0x31ff },   /* Katakana extensions */
	{ 0x3400, 0x9fff },   /* Han */
	{ 0xf900, 0xfaff },   /* compatibility ideographs */
	{ 0xff66, 0xff9f },   /* half-width Katakana */
	{ 0x20000, 0x3ffff }, /* Han, further planes */
};

static bool stands_alone(uint32_t c)
{
	if (c < single_blocks[0][0])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(single_blocks); i++)
		if (c >= single_blocks[i][0] && c <= single_blocks[i][1])
			return true;
	return false;
}

static enum letter letter_of(uint32_t c)
{
	if (c < 128)
		return ascii_fold[c] ? LETTER_RUN : LETTER_NONE;
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return stands_alone(c) ? LETTER_SINGLE : LETTER_RUN;
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_CF: /* soft hyphen, joiners: folded away */
		return c == 0xfeff ? LETTER_NONE : LETTER_MARK;
	default:
		return LETTER_NONE;
	}
}

/* Cuts at WORD_MAX bytes, never inside a character. */
static size_t cut(const uint8_t *text, size_t len)
{
	if (len <= WORD_MAX)
		return len;
	len = WORD_MAX;
	while (len > 0 && (text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* NFKC case folding of one raw word into ret (WORD_MAX bytes); 0 when nothing is left of it. */
static size_t fold_word(const uint8_t *raw, size_t len, char *ret)
{
	utf8proc_int32_t points[4 * WORD_MAX + 4];
	utf8proc_uint8_t *bytes = (utf8proc_uint8_t *)points;
	const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD |
				      UTF8PROC_IGNORE;
	utf8proc_ssize_t n;

	len = cut(raw, len);
	n = utf8proc_decompose(raw, (utf8proc_ssize_t)len, points, 4 * WORD_MAX, how);
	if (n <= 0 || n > 4 * WORD_MAX)
		return 0;
	n = utf8proc_reencode(points, n, how);
	if (n <= 0)
		return 0;
	len = cut(bytes, (size_t)n);
	memcpy(ret, bytes, len);
	return len;
}

struct word_reader words_over(const void *text, size_t len)
{
	const uint8_t *start = text;

	return (struct word_reader){ .start = start, .at = start, .end = start + len };
}

/* Reads on to the end of the word that began with a letter of `kind`. Returns its end. */
static const uint8_t *word_end(const uint8_t *at, const uint8_t *end, enum letter kind)
{
	while (at < end) {
		const uint8_t *next = at;
		enum letter l = letter_of(utf8_next(&next, end));

		if (l != LETTER_MARK && !(l == LETTER_RUN && kind == LETTER_RUN))
			break;
		at = next;
	}
	return at;
}

/* A run of ASCII only, folded on the way; NULL when the run goes on with something else. */
static const uint8_t *ascii_run(struct word_reader *r, const uint8_t *at, uint32_t *ret_len)
{
	uint32_t n = 0;

	for (; at < r->end && *at < 128; at++) {
		char c = ascii_fold[*at];

		if (!c)
			break;
		if (n < WORD_MAX)
			r->folded[n++] = c;
	}
	*ret_len = n;
	return at < r->end && *at >= 128 ? NULL : at;
}

bool words_next(struct word_reader *r, struct word *ret_word)
{
	while (r->at < r->end) {
		const uint8_t *begin = r->at, *stop;
		enum letter kind = letter_of(utf8_next(&r->at, r->end));
		uint32_t len;

		if (kind != LETTER_RUN && kind != LETTER_SINGLE)
			continue;
		stop = *begin < 128 ? ascii_run(r, begin, &len) : NULL;
		if (!stop) {
			stop = word_end(r->at, r->end, kind);
			len = (uint32_t)fold_word(begin, (size_t)(stop - begin), r->folded);
		}
		r->at = stop;
		if (len == 0)
			continue;
		*ret_word = (struct word){ .text = r->folded, .len = len, .offset = (size_t)(begin - r->start),
					   .end = (size_t)(stop - r->start) };
		return true;
	}
	return false;
}

bool words_is_glob(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[", pattern[i]) && pattern[i])
			return true;
	return false;
}

/* `*at` stands behind '['. Moves it behind the set; false, unmoved, when no ']' closes it. */
static bool glob_set(const uint8_t **at, const uint8_t *end, uint32_t c, bool *ret_in)
{
	const uint8_t *p = *at;
	bool negate = p < end && (*p == '!' || *p == '^'), in = false, first = true;

	for (p += negate; p < end && (first || *p != ']'); first = false) {
		uint32_t low = utf8_next(&p, end), high = low;

		if (end - p >= 2 && p[0] == '-' && p[1] != ']') {
			p++;
			high = utf8_next(&p, end);
		}
		in = in || (c >= low && c <= high);
	}
	if (p >= end)
		return false;
	*at = p + 1;
	*ret_in = in != negate;
	return true;
}

/* One pattern element other than `*` against one character; moves *p behind the element. */
static bool glob_one(const uint8_t **p, const uint8_t *end, uint32_t c)
{
	uint32_t want = utf8_next(p, end);
	bool in;

	if (want == '?')
		return true;
	if (want == '[' && glob_set(p, end, c, &in))
		return in;
	return want == c;
}

bool words_glob(const char *pattern, size_t pattern_len, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)pattern, *p_end = p + pattern_len;
	const uint8_t *t = (const uint8_t *)text, *t_end = t + len;
	const uint8_t *star = NULL, *again = NULL;

	while (t < t_end) {
		const uint8_t *p_next = p, *t_next = t;

		if (p < p_end && *p == '*') {
			star = ++p;
			again = t;
		} else if (p < p_end && glob_one(&p_next, p_end, utf8_next(&t_next, t_end))) {
			p = p_next;
			t = t_next;
		} else if (star) {
			(void) utf8_next(&again, t_end);
			p = star;
			t = again;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

/* Do the words of `phrase` follow at this place? The first word has been compared. */
static bool phrase_follows(struct word_reader text, struct word_reader phrase)
{
	struct word a, b;

	while (words_next(&phrase, &a))
		if (!words_next(&text, &b) || a.len != b.len || memcmp(a.text, b.text, a.len) != 0)
			return false;
	return true;
}

bool words_have_phrase(const void *text, size_t len, const void *phrase, size_t phrase_len)
{
	struct word_reader t = words_over(text, len), p = words_over(phrase, phrase_len);
	struct word first, w;

	if (!words_next(&p, &first))
		return false;
	while (words_next(&t, &w))
		if (w.len == first.len && memcmp(w.text, first.text, w.len) == 0 && phrase_follows(t, p))
			return true;
	return false;
}
