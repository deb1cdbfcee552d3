/* SPDX-License-Identifier: MIT */
/* How many lists of a segment a query must look at: so many that of the documents that are best for some of
 * its own vectors, taken as queries, PROBES_RECALL lie in them. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PROBES_RECALL 0.98
#define PROBES_QUERIES 64u

struct probes;
int probes_new(size_t stride, struct probes **ret_p);
struct probes *probes_free(struct probes *p);
/* One of the segment's vectors: a query is made of it, unless there are enough. */
void probes_add_query(struct probes *p, const int16_t *v);
/* A document's vectors one after the other, then what list it is in. */
void probes_add_vector(struct probes *p, const int16_t *v);
void probes_add_document(struct probes *p, uint32_t list);
/* -ENOMEM. Otherwise between 1 and n_lists; n_lists when nothing was asked. */
int64_t probes_count(const struct probes *p, const int16_t *centres, uint32_t n_lists);
