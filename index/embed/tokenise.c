/* SPDX-License-Identifier: MIT */
/* BERT's basic tokeniser in one pass over the text: words are folded into a small buffer, then cut.
 *
 * The reference runs four passes: clean the text, set blanks around CJK, decompose and drop the
 * non-spacing marks, lower case; then it splits at white space and around punctuation. Each of them looks
 * at one code point only, so that a table of their combined outcome gives the same words (unicode.h).
 * One thing is left out: canonical order among marks that the third step leaves standing. No
 * vocabulary has such marks, and a word with one is dropped in any order. */
#include <errno.h>

#include "base/utf8.h"
#include "index/embed/model.h"
#include "index/embed/unicode.h"

#define WORD_BYTES (WORDPIECE_WORD_MAX * 4)

struct splitter {
	const struct wordpiece *pieces; /* borrowed */
	struct buf *ids, *offsets;      /* borrowed; offsets may be NULL */
	size_t start;                   /* of the word, in the text */
	size_t len;                     /* bytes of the word so far */
	unsigned chars;                 /* of the word so far, those too many included */
	uint8_t word[WORD_BYTES];
};

static int add_ids(struct splitter *s, const uint32_t *ids, size_t n)
{
	int r = buf_add(s->ids, ids, n * sizeof(*ids));
	uint32_t start = (uint32_t)s->start;

	for (size_t i = 0; r >= 0 && s->offsets && i < n; i++)
		r = buf_add(s->offsets, &start, sizeof(start));
	return r;
}

static int end_word(struct splitter *s)
{
	uint32_t ids[WORD_BYTES];
	size_t n = 0;

	if (s->chars == 0)
		return 0;
	if (s->chars <= WORDPIECE_WORD_MAX)
		n = wordpiece_cut(s->pieces, s->word, s->len, ids);
	s->chars = 0;
	s->len = 0;
	return n ? add_ids(s, ids, n) : 0;
}

static void add_char(struct splitter *s, uint32_t c, size_t at)
{
	struct buf b = { .data = s->word, .len = s->len, .cap = WORD_BYTES };

	if (s->chars++ == 0)
		s->start = at;
	if (s->chars > WORDPIECE_WORD_MAX)
		return;
	(void) utf8_add(&b, c); /* four bytes a character fit */
	s->len = b.len;
}

static int add_alone(struct splitter *s, uint32_t c, size_t at)
{
	int r = end_word(s);

	if (r < 0)
		return r;
	add_char(s, c, at);
	return end_word(s);
}

static int add_map(struct splitter *s, unsigned map, size_t at)
{
	for (unsigned i = unicode_map_starts[map]; i < unicode_map_starts[map + 1]; i++) {
		uint32_t c = unicode_map_pool[i];
		int r = 0;

		if (c & UNICODE_MAP_ALONE)
			r = add_alone(s, c & ~UNICODE_MAP_ALONE, at);
		else
			add_char(s, c, at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_code_point(struct splitter *s, uint32_t c, size_t at)
{
	unsigned class = unicode_class(c);
	uint32_t jamo[3];

	switch (class) {
	case UNICODE_WORD:
		add_char(s, c, at);
		return 0;
	case UNICODE_SPACE:
		return end_word(s);
	case UNICODE_DROP:
		return 0;
	case UNICODE_ALONE:
		return add_alone(s, c, at);
	case UNICODE_HANGUL:
		for (unsigned i = 0, n = unicode_jamo(c, jamo); i < n; i++)
			add_char(s, jamo[i], at);
		return 0;
	default:
		return add_map(s, class - UNICODE_MAPPED, at);
	}
}

/* Lower case of the letters and digits of ASCII, 0 for other bytes. */
static inline uint8_t fold_ascii(uint8_t c)
{
	/* clang-format off */
	static const uint8_t folded[256] = {
		['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
		['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
		['N'] = 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
		['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
		['n'] = 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
	};
	/* clang-format on */

	return folded[c];
}

/* Takes letters and digits of ASCII in one go; they are most of most texts. */
static const uint8_t *add_ascii_run(struct splitter *s, const uint8_t *at, const uint8_t *end,
				    const uint8_t *text)
{
	size_t room = s->chars < WORDPIECE_WORD_MAX ? WORDPIECE_WORD_MAX - s->chars : 0;
	const uint8_t *from = at;
	uint8_t *to = s->word + s->len, c;

	while (at < end && (c = fold_ascii(*at)) != 0) {
		if ((size_t)(at++ - from) < room)
			*to++ = c;
	}
	if (s->chars == 0)
		s->start = (size_t)(from - text);
	s->chars += (unsigned)(at - from);
	s->len = (size_t)(to - s->word);
	return at;
}

static int split(struct splitter *s, const uint8_t *text, size_t len)
{
	const uint8_t *at = text, *end = text + len;

	while ((at = add_ascii_run(s, at, end, text)) < end) {
		size_t place = (size_t)(at - text);
		uint32_t c = utf8_next(&at, end);
		int r = c == ' ' ? end_word(s) : add_code_point(s, c, place);

		if (r < 0)
			return r;
	}
	return end_word(s);
}

int embed_tokenise(const struct embed_model *m, const char *text, size_t len, struct buf *ret_ids,
		   struct buf *ret_offsets)
{
	struct splitter s = { .pieces = m->pieces, .ids = ret_ids, .offsets = ret_offsets };

	if (len > UINT32_MAX)
		return -EFBIG;
	return split(&s, (const uint8_t *)text, len);
}
