/* SPDX-License-Identifier: MIT */
/* Ids to a unit vector. Without weights the sums are exact integers, so that every kernel and every
 * order of the tokens gives the same vector to the bit. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/embed/model.h"

#define FOLD_TOKENS (1u << 23) /* as many rows of at most 128 in size as int32 sums bear */

static embed_sum *choose_sum(unsigned dimensions)
{
#if defined(__x86_64__)
	if (dimensions % 128 == 0 && __builtin_cpu_supports("avx2"))
		return embed_sum_avx2;
#endif
	return embed_sum_plain;
}

/* Copies the ids below `vocabulary`, which those of other models may exceed. */
static size_t take_ids(const uint32_t *ids, size_t n, unsigned vocabulary, uint32_t *ret_ids)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++)
		if (ids[i] < vocabulary)
			ret_ids[taken++] = ids[i];
	return taken;
}

static void sum_counted(const struct embed_model *m, const uint32_t *ids, size_t n, double *ret_sums)
{
	embed_sum *sum = choose_sum(m->dimensions);
	int32_t part[EMBED_DIMENSIONS_MAX];
	uint32_t block[EMBED_BLOCK];

	memset(part, 0, m->dimensions * sizeof(*part));
	for (size_t at = 0; at < n; at += EMBED_BLOCK) {
		size_t taken = take_ids(ids + at, MIN(n - at, (size_t)EMBED_BLOCK), m->vocabulary, block);

		sum(m->rows, m->dimensions, block, taken, part);
		if ((at + EMBED_BLOCK) % FOLD_TOKENS && at + EMBED_BLOCK < n)
			continue;
		for (unsigned d = 0; d < m->dimensions; d++) {
			ret_sums[d] += part[d];
			part[d] = 0;
		}
	}
}

static void sum_weighted(const struct embed_model *m, const uint32_t *ids, size_t n, const float *weights,
			 double *ret_sums)
{
	for (size_t i = 0; i < n; i++) {
		const int8_t *row = m->rows + (size_t)ids[i] * m->dimensions;

		if (ids[i] >= m->vocabulary)
			continue;
		for (unsigned d = 0; d < m->dimensions; d++)
			ret_sums[d] += (double)weights[i] * row[d];
	}
}

void embed_vector(const struct embed_model *m, const uint32_t *ids, size_t n, const float *weights,
		  float *ret_vector)
{
	double sums[EMBED_DIMENSIONS_MAX], square = 0, scale;

	memset(sums, 0, m->dimensions * sizeof(*sums));
	if (weights)
		sum_weighted(m, ids, n, weights, sums);
	else
		sum_counted(m, ids, n, sums);
	for (unsigned d = 0; d < m->dimensions; d++)
		square += sums[d] * sums[d];
	scale = square > 0 ? 1 / sqrt(square) : 0;
	for (unsigned d = 0; d < m->dimensions; d++)
		ret_vector[d] = (float)(sums[d] * scale);
}
