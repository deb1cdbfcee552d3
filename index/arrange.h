/* SPDX-License-Identifier: MIT */
/* In which order a segment holds the living documents of its parts. Up to ARRANGE_FLAT vectors as they come:
 * one list. Beyond, documents are put into lists by k-means over their whole-document vectors, so that a query
 * looks at a part of the codes, and finds vectors and texts of like documents side by side. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct segment_part;

#define ARRANGE_FLAT 200000u
#define DOC_DROPPED UINT32_MAX

struct arranged {
	uint32_t part, doc;
};

struct arrangement {
	struct arranged *docs; /* owned */
	uint32_t n_docs;
	uint64_t n_vectors;
	uint32_t *list_docs;   /* owned; how many documents each list has */
	uint32_t n_lists;      /* at least 1 */
};
/* Fills the parts' remap too. `flat`: vectors of a single list, at most; 0: ARRANGE_FLAT. `stop` may be NULL.
 * -EBADMSG, -ECANCELED. */
int arrange(struct segment_part *parts, unsigned n_parts, uint32_t flat, const bool *stop,
	    struct arrangement *ret_a);
void arrangement_done(struct arrangement *a);
