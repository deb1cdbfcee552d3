/* SPDX-License-Identifier: MIT */
/* Words of a text as search sees them: runs of letters, digits and their marks (UAX 29 without its
 * exceptions), under NFKC case folding, so that composed and decomposed letters, ligatures and widths
 * are the same. Scripts that write no blanks between words (Han, Kana, Thai, Lao, Khmer, Myanmar) give one
 * word for each letter; phrases put them together again.
 *
 * Not a stemmer (stem.h) and not WordPiece (embed/embed.h). Thread-safety: a reader belongs to its user. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bytes of a folded word; what is longer is cut. */
#define WORD_MAX 64

struct word {
	const char *text; /* folded, no NUL at its end; borrowed until the next call */
	uint32_t len;     /* bytes, 1 to WORD_MAX */
	size_t offset;    /* of its first byte in the text */
	size_t end;       /* behind its last byte */
};

struct word_reader {
	const uint8_t *start, *at, *end; /* borrowed */
	char folded[WORD_MAX];
};

struct word_reader words_over(const void *text, size_t len);
/* False at the end of the text. */
bool words_next(struct word_reader *r, struct word *ret_word);

/* Does a folded text (base/fold.h) match a folded pattern of `*`, `?` and `[a-z]`? Counts code points, not bytes. */
bool words_glob(const char *pattern, size_t pattern_len, const char *text, size_t len);
/* Does it hold a character that makes it a pattern? */
bool words_is_glob(const char *pattern, size_t len);

/* Do the words of `phrase` stand in `text` in this order, with no other between them? */
bool words_have_phrase(const void *text, size_t len, const void *phrase, size_t phrase_len);
