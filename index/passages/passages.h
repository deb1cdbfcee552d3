/* SPDX-License-Identifier: MIT */
/* How a document is cut into passages: windows of PASSAGE_SIZE WordPiece tokens, one every PASSAGE_STEP,
 * the last one ending with the document. Thread-safe. */
#pragma once

#include <stdint.h>

#define PASSAGE_SIZE 100u
#define PASSAGE_STEP 80u
/* A document of more than this has passages of its first part only. */
#define PASSAGES_MAX 65536u

/* A document without tokens has none. */
static inline uint32_t passages_count(uint64_t n_tokens)
{
	uint64_t n = n_tokens == 0 ? 0
		     : n_tokens <= PASSAGE_SIZE
			     ? 1
			     : 1 + (n_tokens - PASSAGE_SIZE + PASSAGE_STEP - 1) / PASSAGE_STEP;

	return n > PASSAGES_MAX ? PASSAGES_MAX : (uint32_t)n;
}

/* Tokens [*ret_first, *ret_end) of passage `i`. */
static inline void passages_get(uint64_t n_tokens, uint32_t i, uint64_t *ret_first, uint64_t *ret_end)
{
	*ret_first = (uint64_t)i * PASSAGE_STEP;
	*ret_end = *ret_first + PASSAGE_SIZE < n_tokens ? *ret_first + PASSAGE_SIZE : n_tokens;
}
