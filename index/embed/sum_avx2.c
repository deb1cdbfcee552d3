/* SPDX-License-Identifier: MIT */
/* embed_sum_plain() by columns of 128: eight registers of int16 sums while all rows go by. The rows lie
 * scattered over the table, so those to come are asked for early. */
#include "index/embed/model.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AHEAD 8 /* rows */

__attribute__((target("avx2"))) static __m256i widen(const int8_t *row)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)row));
}

__attribute__((target("avx2"))) static void add_to(int32_t *sums, __m256i block)
{
	__m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(block));
	__m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(block, 1));
	__m256i *at = (__m256i *)sums;

	_mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), low));
	_mm256_storeu_si256(at + 1, _mm256_add_epi32(_mm256_loadu_si256(at + 1), high));
}

__attribute__((target("avx2"))) void embed_sum_avx2(const int8_t *rows, unsigned dimensions,
						    const uint32_t *ids, size_t n, int32_t *sums)
{
	for (unsigned d = 0; d < dimensions; d += 128) {
		__m256i block[8];

#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++)
			block[k] = _mm256_setzero_si256();
		for (size_t i = 0; i < n; i++) {
			const int8_t *row = rows + (size_t)ids[i] * dimensions + d;
			const int8_t *later =
				rows + (size_t)ids[i + AHEAD < n ? i + AHEAD : i] * dimensions + d;

			_mm_prefetch((const char *)later, _MM_HINT_T0);
			_mm_prefetch((const char *)later + 64, _MM_HINT_T0);
#pragma GCC unroll 8
			for (unsigned k = 0; k < 8; k++)
				block[k] = _mm256_add_epi16(block[k], widen(row + 16 * k));
		}
#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++)
			add_to(sums + d + 16 * k, block[k]);
	}
}
#endif
