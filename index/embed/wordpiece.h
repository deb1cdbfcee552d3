/* SPDX-License-Identifier: MIT */
/* The vocabulary of WordPiece as a trie, and a word cut into its pieces: longest first, no way back
 * (Wu et al. 2016, section 4.1). Knows nothing of Unicode. Thread-safety: safe once built. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WORDPIECE_TOKEN_MAX 255 /* bytes of a token */
#define WORDPIECE_WORD_MAX  100 /* characters; longer words are unknown */

struct wordpiece;

/* Builds the trie of `text`, one token a line; a token's id is its line, from 0. "##" begins a piece that
 * continues a word. -EBADMSG: a line is empty, too long, comes twice or the last one has no end. -ENOMEM. */
int wordpiece_new(const char *text, size_t len, struct wordpiece **ret_w);
struct wordpiece *wordpiece_free(struct wordpiece *w);
uint32_t wordpiece_size(const struct wordpiece *w);

/* Writes the ids of `word`, at most one a byte; 0 when it cannot be pieced together. */
size_t wordpiece_cut(const struct wordpiece *w, const uint8_t *word, size_t len, uint32_t *ret_ids);
