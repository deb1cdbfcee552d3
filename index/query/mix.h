/* SPDX-License-Identifier: MIT */
/* One score from the two sides:
 *
 *     (1 - w) B/Bmax + w (c - cmin)/(cmax - cmin)
 *
 * over all candidates; B = 0 without a common term, and a candidate without a vector counts as the farthest. A
 * query that has one side only takes that side's score as it is. What `related:` brings near is multiplied by
 * 1 + search_near(): by two for a file that is linked directly.
 *
 * Of most candidates it is only known where c lies (meaning.c). Exact cosines are had, by reading vectors, of
 * those that may be cmin or cmax; of those that would be the best if c were in the middle, which gives a score
 * that must be reached; and of those that may reach it. So scores of hits are exact, and a document is missing
 * only if its c lies outside of where it should. In a segment with lists (index/codes.h), of the documents that
 * were not looked at only those with a common term are hits that may be among the best. */
#pragma once

#include "index/query/search.h"

/* `meaning`: the query has a vector. */
int mix_begin(struct search *s, bool meaning, struct mix *ret_m);
/* What a score must reach: `keep` documents have that much. -HUGE_VAL: nothing is known. */
int mix_threshold(struct search *s, const struct mix *m, size_t keep, double *ret_score);
/* The exact score into *ret_score. 1: it may be among the best. 0: it is a hit, but no such one. -ENOENT: it is
 * none. */
int mix_weigh(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double threshold,
	      double *ret_score);
