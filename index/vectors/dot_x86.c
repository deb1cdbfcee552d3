/* SPDX-License-Identifier: MIT */
/* vector_dot_*() for x86-64; elsewhere they are the reference and say that they are not there. */
#include "index/vectors/vectors.h"

#if defined(__x86_64__)

#include <immintrin.h>

bool vector_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

bool vector_has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

__attribute__((target("avx2"))) static int32_t total(__m256i sum)
{
	__m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
	return _mm_cvtsi128_si32(half);
}

__attribute__((target("avx2"))) int32_t vector_dot_avx2(const int16_t *a, const int16_t *b, size_t n)
{
	__m256i sum = _mm256_setzero_si256();

	for (size_t i = 0; i < n; i += 16) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(a + i));
		__m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(b + i));

		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
	}
	return total(sum);
}

__attribute__((target("avx512f,avx512bw"))) int32_t vector_dot_avx512(const int16_t *a, const int16_t *b,
								       size_t n)
{
	__m512i sum = _mm512_setzero_si512();

	for (size_t i = 0; i < n; i += 32) {
		__m512i x = _mm512_loadu_si512(a + i);
		__m512i y = _mm512_loadu_si512(b + i);

		sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
	}
	return _mm512_reduce_add_epi32(sum);
}

#else

bool vector_has_avx2(void)
{
	return false;
}

bool vector_has_avx512(void)
{
	return false;
}

int32_t vector_dot_avx2(const int16_t *a, const int16_t *b, size_t n)
{
	return vector_dot_serial(a, b, n);
}

int32_t vector_dot_avx512(const int16_t *a, const int16_t *b, size_t n)
{
	return vector_dot_serial(a, b, n);
}

#endif
