/* SPDX-License-Identifier: MIT */
/* What the scores of words depend on beside the words: how many documents there are, how long they are, and in which
 * languages. Of a segment it is the same for all queries that see every file, until a document is added or dies; to count
 * anew was most of what a query took that had little else to do among a million documents.
 *
 * Under segments_lock. */
#pragma once

#include "index/index_impl.h"

struct census {
	uint32_t n_docs, n_dead; /* of the segment at the time */
	uint32_t with_words;   /* documents that have some */
	uint32_t with_text;    /* whose text was read */
	uint32_t with_both;
	uint64_t words;        /* of those with text */
	bool languages[256];
};

/* Of those with alive[doc]. */
void census_take(const struct segment *s, const uint8_t *alive, struct census *ret);
/* The same where those are all that are not dead. `n_dead`: how many were before `alive` was filled; who has died since
 * may be alive there or not, as then the segment has more dead for whoever asks next. */
void census_of_living(struct index *x, struct segment *s, const uint8_t *alive, uint32_t n_dead, struct census *ret);
