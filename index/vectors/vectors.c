/* SPDX-License-Identifier: MIT */
#include "index/vectors/vectors.h"

#include <math.h>
#include <string.h>

#include "index/vectors/rabitq.h"

size_t vector_stride(size_t dimensions)
{
	size_t stride = 32;

	while (stride < dimensions)
		stride *= 2;
	return stride;
}

void vector_quantise(const float *v, size_t dimensions, int16_t *ret_q)
{
	size_t stride = vector_stride(dimensions);

	memset(ret_q, 0, stride * sizeof(*ret_q));
	for (size_t i = 0; i < dimensions; i++) {
		float scaled = v[i] * VECTOR_ONE;

		if (scaled > VECTOR_ONE)
			scaled = VECTOR_ONE;
		if (!(scaled >= -VECTOR_ONE)) /* also what is no number */
			scaled = -VECTOR_ONE;
		ret_q[i] = (int16_t)lrintf(scaled);
	}
}

int32_t vector_dot_serial(const int16_t *a, const int16_t *b, size_t n)
{
	uint32_t sum = 0; /* what are no unit vectors may overflow */

	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)((int32_t)a[i] * b[i]);
	return (int32_t)sum;
}

int32_t (*vector_dot)(const int16_t *a, const int16_t *b, size_t n) = vector_dot_serial;

void vector_start(void)
{
	if (vector_has_avx512()) {
		vector_dot = vector_dot_avx512;
		rabitq_sums = rabitq_sum_avx512;
	} else if (vector_has_avx2()) {
		vector_dot = vector_dot_avx2;
		rabitq_sums = rabitq_sum_avx2;
	}
}
