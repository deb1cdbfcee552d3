/* SPDX-License-Identifier: MIT */
/* Stop words: Snowball's lists for English and German; for other languages the most frequent function
 * words. Folded as words.h folds (so German sharp s is ss), blank-separated. */
#pragma once

struct stopword_list {
	const char *algorithm; /* Snowball's name */
	const char *code;      /* ISO 639-1 */
	const char *words;     /* NULL: none are known */
};

/* In the order of enum language. */
extern const struct stopword_list stopword_lists[];
