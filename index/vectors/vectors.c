/* SPDX-License-Identifier: MIT */
#include "index/vectors/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int32_t)a[i] * b[i];
	return sum;
}

struct vector_code vector_encode(const int16_t *v, size_t n, int8_t *ret_code)
{
	struct vector_code c = { 0 };
	double square = 0;
	float inverse;
	int most = 0;

	for (size_t i = 0; i < n; i++)
		most = abs(v[i]) > most ? abs(v[i]) : most;
	c.scale = (float)most / 127;
	inverse = most ? 127 / (float)most : 0;
	for (size_t i = 0; i < n; i++) {
		float off;

		ret_code[i] = (int8_t)lrintf(v[i] * inverse);
		off = v[i] - c.scale * ret_code[i];
		square += (double)off * off;
	}
	/* Above what single precision takes from the sum: each difference is of numbers below 2^16. */
	c.error = (float)(sqrt(square) * (1 + 1e-5) + sqrt((double)n) * 0.01);
	return c;
}

double vector_length(const int16_t *v, size_t n)
{
	double square = 0;

	for (size_t i = 0; i < n; i++)
		square += (double)v[i] * v[i];
	return sqrt(square) * (1 + 1e-9);
}

int32_t vector_code_dot_serial(const int16_t *v, const int8_t *code, size_t n)
{
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int32_t)v[i] * code[i];
	return sum;
}

int32_t (*vector_dot)(const int16_t *a, const int16_t *b, size_t n) = vector_dot_serial;
int32_t (*vector_code_dot)(const int16_t *v, const int8_t *code, size_t n) = vector_code_dot_serial;

void vector_start(void)
{
	if (vector_has_avx512()) {
		vector_dot = vector_dot_avx512;
		vector_code_dot = vector_code_dot_avx512;
	} else if (vector_has_avx2()) {
		vector_dot = vector_dot_avx2;
		vector_code_dot = vector_code_dot_avx2;
	}
}
