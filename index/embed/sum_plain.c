/* SPDX-License-Identifier: MIT */
#include "index/embed/model.h"

void embed_sum_plain(const int8_t *rows, unsigned dimensions, const uint32_t *ids, size_t n, int32_t *sums)
{
	int16_t block[EMBED_DIMENSIONS_MAX];

	for (unsigned d = 0; d < dimensions; d++)
		block[d] = 0;
	for (size_t i = 0; i < n; i++) {
		const int8_t *row = rows + (size_t)ids[i] * dimensions;

		for (unsigned d = 0; d < dimensions; d++)
			block[d] = (int16_t)(block[d] + row[d]);
	}
	for (unsigned d = 0; d < dimensions; d++)
		sums[d] += block[d];
}
