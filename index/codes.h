/* SPDX-License-Identifier: MIT */
/* One-bit codes of a segment's vectors, resident: what a query reads first. They say where cosines lie; only few
 * of the vectors themselves are then needed (query/rank.c).
 *
 * Documents lie in lists, each with a centre that its codes are relative to. A segment that is not large is one
 * list. The lists of a large one are clusters of documents (arrange.h), and a query looks at those with the
 * centres nearest to it; all vectors of a document are in one list, so what is looked at is known whole.
 *
 * A sealed segment's codes are loaded with it. Those of the segment in memory grow with it, in one list whose
 * centre is zero, since the mean of what is still to come is not known.
 *
 * Thread-safety: reading is safe while nobody adds. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/vectors/rabitq.h"

/* The rotation of all segments that we write. */
#define CODES_SEED 0x627261696e796673ull
/* A list as it is stored: le32 documents, le32 vectors, le16 of the centre. */
#define CODES_LIST_SIZE(stride) (8 + 2 * (size_t)(stride))

struct code_list {
	uint32_t first_doc, n_docs;
	uint32_t first_vector, n_vectors;
	size_t at; /* of its first group */
};

struct codes {
	size_t stride;
	struct rabitq *rotation; /* owned */
	struct code_list *lists; /* owned */
	int16_t *centres;        /* owned; stride elements for each list */
	uint32_t n_lists;
	uint32_t probes;         /* lists that a query looks at, at least */
	uint8_t *groups;         /* owned; each list begins a new one */
	size_t groups_len, groups_cap;
};

struct codes_shape {
	size_t stride;
	uint64_t seed;
	uint32_t n_docs, n_vectors, n_lists, probes;
};
/* From the sections of a segment; takes `groups`, from malloc(), over, also on error. -EBADMSG. */
int codes_load(const struct codes_shape *shape, const struct buf *lists, uint8_t *groups, size_t groups_len,
	       struct codes **ret_c);
struct codes *codes_free(struct codes *c);

/* Codes that grow, of no document so far. -EINVAL: stride is too large. */
int codes_new(size_t stride, struct codes **ret_c);
/* Room for so many vectors more. -ENOMEM. */
int codes_reserve(struct codes *c, uint32_t n_vectors);
/* A document with its vectors, `stride` elements each, for which there is room. */
void codes_add(struct codes *c, const int16_t *vectors, uint32_t n_vectors);

size_t codes_memory(const struct codes *c);

/* Looks at lists for one query. */
struct code_scan;
/* Borrows both. */
int code_scan_new(const struct codes *c, const int16_t *query, struct code_scan **ret_s);
struct code_scan *code_scan_free(struct code_scan *s);
/* The list that is looked at from now on. */
void code_scan_list(struct code_scan *s, uint32_t list);
/* Cosines of that list's vectors with the query from number `vector` on, and how far off they may be: as many as
 * are estimated at once. Returns how many that is; what it gives is valid until the next call. */
uint32_t code_scan_run(struct code_scan *s, uint32_t vector, const float **ret_cosines, const float **ret_errors);
