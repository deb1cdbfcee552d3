/* SPDX-License-Identifier: MIT */
/* Unit vectors in 16-bit fixed point (1.0 is 32767), and their dot products in exact integers.
 *
 * By Cauchy-Schwarz every partial sum of a product of two unit vectors stays below 2^31, so a product
 * is the same whatever order the additions take: the plain reference, AVX2 and AVX-512 agree bit for
 * bit, and so do results on different machines. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECTOR_ONE 32767

/* Elements kept for a vector of `dimensions`: a power of two of at least 32; the rest is zero. */
size_t vector_stride(size_t dimensions);
/* `v` has length 1 or 0. Writes vector_stride() elements. */
void vector_quantise(const float *v, size_t dimensions, int16_t *ret_q);
/* Cosine of a dot product. */
static inline double vector_cosine(int32_t dot)
{
	return (double)dot / ((double)VECTOR_ONE * VECTOR_ONE);
}

/* `n`, a multiple of 32, elements each. */
int32_t vector_dot_serial(const int16_t *a, const int16_t *b, size_t n);
int32_t vector_dot_avx2(const int16_t *a, const int16_t *b, size_t n);
int32_t vector_dot_avx512(const int16_t *a, const int16_t *b, size_t n);
bool vector_has_avx2(void);
bool vector_has_avx512(void);

/* The fastest that this machine runs. */
extern int32_t (*vector_dot)(const int16_t *a, const int16_t *b, size_t n);
/* Chooses it, and rabitq_sums (rabitq.h). Call it first. */
void vector_start(void);
