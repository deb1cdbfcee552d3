/* SPDX-License-Identifier: MIT */
/* What the scores of words depend on beside the words: how many documents there are, how long they are, and in which
 * languages. Of a segment it is the same for all queries that see every file, until a document is added or dies; to count
 * anew was most of what a query took that had little else to do among a million documents.
 *
 * Under segments_lock. */
#pragma once

#include "index/index_impl.h"

/* All of `n_docs` documents, of which `n_dead` had died. */
struct census {
	uint32_t n_docs, n_dead;
	uint32_t with_words;   /* documents that have some */
	uint32_t with_text;    /* whose text was read */
	uint32_t with_both;
	uint64_t words;        /* of those with text */
	bool languages[256];
};

/* Of those with alive[doc]. */
void census_take(const struct segment *s, const uint8_t *alive, struct census *ret);
/* Of those that are not dead. */
void census_of_living(struct index *x, struct segment *s, struct census *ret);
