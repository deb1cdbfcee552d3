/* SPDX-License-Identifier: MIT */
/* Lloyd's k-means (1982) over vectors of vectors.h. The beginning is taken evenly from the sample, so the same
 * input gives the same centres. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct centres {
	int16_t *at;      /* owned; n * stride */
	int32_t *squares; /* owned; of their lengths */
	uint32_t n;
	size_t stride;
};
void centres_done(struct centres *c);

/* `sample`: n_sample vectors of stride elements, at least as many as centres are wanted, n > 0. `stop` may be
 * NULL. -ENOMEM, -ECANCELED. */
int kmeans(const int16_t *sample, uint32_t n_sample, size_t stride, uint32_t n, const bool *stop,
	   struct centres *ret_c);
/* The one nearest to `v`; of equals the first. */
uint32_t centres_nearest(const struct centres *c, const int16_t *v);
