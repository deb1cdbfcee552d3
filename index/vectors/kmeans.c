/* SPDX-License-Identifier: MIT */
#include "index/vectors/kmeans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/vectors/vectors.h"

#define ROUNDS 8

void centres_done(struct centres *c)
{
	free(c->at);
	free(c->squares);
	*c = (struct centres){ 0 };
}

uint32_t centres_nearest(const struct centres *c, const int16_t *v)
{
	int64_t best = INT64_MIN;
	uint32_t nearest = 0;

	/* |v - c|^2 = |v|^2 - (2 <v, c> - |c|^2) */
	for (uint32_t i = 0; i < c->n; i++) {
		int64_t close = 2 * (int64_t)vector_dot(v, c->at + i * c->stride, c->stride) - c->squares[i];

		if (close > best) {
			best = close;
			nearest = i;
		}
	}
	return nearest;
}

static void set_squares(struct centres *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		c->squares[i] = vector_dot(c->at + i * c->stride, c->at + i * c->stride, c->stride);
}

/* A centre that nothing is nearest to stays where it is. */
static void move_centres(struct centres *c, const int64_t *sums, const uint32_t *counts)
{
	for (uint32_t i = 0; i < c->n; i++)
		for (size_t e = 0; counts[i] && e < c->stride; e++)
			c->at[i * c->stride + e] = (int16_t)(sums[i * c->stride + e] / counts[i]);
	set_squares(c);
}

static int improve(struct centres *c, const int16_t *sample, uint32_t n_sample, const bool *stop, int64_t *sums,
		   uint32_t *counts)
{
	memset(sums, 0, c->n * c->stride * sizeof(*sums));
	memset(counts, 0, c->n * sizeof(*counts));
	for (uint32_t k = 0; k < n_sample; k++) {
		const int16_t *v = sample + k * c->stride;
		uint32_t i = centres_nearest(c, v);

		if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
			return -ECANCELED;
		counts[i]++;
		for (size_t e = 0; e < c->stride; e++)
			sums[i * c->stride + e] += v[e];
	}
	move_centres(c, sums, counts);
	return 0;
}

int kmeans(const int16_t *sample, uint32_t n_sample, size_t stride, uint32_t n, const bool *stop,
	   struct centres *ret_c)
{
	struct centres c = { .n = n, .stride = stride };
	_cleanup_free_ int64_t *sums = calloc(n, stride * sizeof(*sums));
	_cleanup_free_ uint32_t *counts = calloc(n, sizeof(*counts));
	int r = 0;

	c.at = calloc(n, stride * sizeof(*c.at));
	c.squares = calloc(n, sizeof(*c.squares));
	if (!sums || !counts || !c.at || !c.squares)
		r = -ENOMEM;
	for (uint32_t i = 0; r >= 0 && i < n; i++)
		memcpy(c.at + i * stride, sample + (uint64_t)i * n_sample / n * stride, stride * sizeof(*c.at));
	if (r >= 0)
		set_squares(&c);
	for (int round = 0; r >= 0 && round < ROUNDS; round++)
		r = improve(&c, sample, n_sample, stop, sums, counts);
	if (r < 0) {
		centres_done(&c);
		return r;
	}
	*ret_c = c;
	return 0;
}
