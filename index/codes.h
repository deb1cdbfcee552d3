/* SPDX-License-Identifier: MIT */
/* Eight-bit codes of a segment's vectors, resident and contiguous: what a query reads first. They bound
 * every product, so that only few of the vectors themselves are needed and the answer is exact all the same.
 *
 * Thread-safety: filling is safe; reading is safe for whoever has filled them, as long as the segment does
 * not grow (index_impl.h). */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "index/vectors/vectors.h"

struct segment;

struct codes {
	pthread_mutex_t lock;     /* before the block cache's */
	uint32_t n, cap;          /* vectors; guarded by lock */
	int8_t *bytes;            /* owned; `stride` for each vector */
	struct vector_code *fits; /* owned; one for each vector */
};

void codes_init(struct codes *c);
void codes_done(struct codes *c);
/* Makes the codes that are not there yet. -EBADMSG. */
int codes_fill(struct codes *c, struct segment *s);
size_t codes_memory(struct codes *c, size_t stride);
