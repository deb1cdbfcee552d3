/* SPDX-License-Identifier: MIT */
/* rabitq_sum_*() for x86-64; elsewhere they are the reference (vector_has_*() say what is there). */
#include "index/vectors/rabitq.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* Entries are at most 60, so two nibbles' fit a byte; bytes of even and odd codes are added up apart, as 16
 * bits each. */
__attribute__((target("avx2"))) void rabitq_sum_avx2(const uint8_t *group, const uint8_t *tables, unsigned bits,
						     uint16_t ret_sums[RABITQ_GROUP])
{
	const __m256i low4 = _mm256_set1_epi8(15), low8 = _mm256_set1_epi16(255);
	__m256i even = _mm256_setzero_si256(), odd = even, a, b;

	for (unsigned g = 0; g < bits / 8; g++, group += RABITQ_GROUP, tables += 32) {
		__m256i codes = _mm256_loadu_si256((const __m256i *)(const void *)group);
		__m256i t = _mm256_loadu_si256((const __m256i *)(const void *)tables);
		__m256i first = _mm256_shuffle_epi8(_mm256_permute2x128_si256(t, t, 0x00), _mm256_and_si256(codes, low4));
		__m256i second = _mm256_shuffle_epi8(_mm256_permute2x128_si256(t, t, 0x11),
						     _mm256_and_si256(_mm256_srli_epi16(codes, 4), low4));
		__m256i sum = _mm256_add_epi8(first, second);

		even = _mm256_add_epi16(even, _mm256_and_si256(sum, low8));
		odd = _mm256_add_epi16(odd, _mm256_srli_epi16(sum, 8));
	}
	a = _mm256_unpacklo_epi16(even, odd); /* codes 0-7 and 16-23 */
	b = _mm256_unpackhi_epi16(even, odd); /* codes 8-15 and 24-31 */
	_mm256_storeu_si256((__m256i *)(void *)ret_sums, _mm256_permute2x128_si256(a, b, 0x20));
	_mm256_storeu_si256((__m256i *)(void *)(ret_sums + 16), _mm256_permute2x128_si256(a, b, 0x31));
}

/* As above, two bytes of each code at a time: one in the lower half, the next in the upper. */
__attribute__((target("avx512f,avx512bw"))) void rabitq_sum_avx512(const uint8_t *group, const uint8_t *tables,
								   unsigned bits, uint16_t ret_sums[RABITQ_GROUP])
{
	const __m512i low4 = _mm512_set1_epi8(15), low8 = _mm512_set1_epi16(255);
	__m512i even = _mm512_setzero_si512(), odd = even;
	__m256i e, o, a, b;

	for (unsigned g = 0; g < bits / 8; g += 2, group += 2 * RABITQ_GROUP, tables += 64) {
		__m512i codes = _mm512_loadu_si512(group);
		__m512i t = _mm512_loadu_si512(tables); /* byte g: low, high nibble; byte g + 1: low, high */
		__m512i first = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(t, t, 0xa0), _mm512_and_si512(codes, low4));
		__m512i second = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(t, t, 0xf5),
						     _mm512_and_si512(_mm512_srli_epi16(codes, 4), low4));
		__m512i sum = _mm512_add_epi8(first, second);

		even = _mm512_add_epi16(even, _mm512_and_si512(sum, low8));
		odd = _mm512_add_epi16(odd, _mm512_srli_epi16(sum, 8));
	}
	e = _mm256_add_epi16(_mm512_castsi512_si256(even), _mm512_extracti64x4_epi64(even, 1));
	o = _mm256_add_epi16(_mm512_castsi512_si256(odd), _mm512_extracti64x4_epi64(odd, 1));
	a = _mm256_unpacklo_epi16(e, o);
	b = _mm256_unpackhi_epi16(e, o);
	_mm256_storeu_si256((__m256i *)(void *)ret_sums, _mm256_permute2x128_si256(a, b, 0x20));
	_mm256_storeu_si256((__m256i *)(void *)(ret_sums + 16), _mm256_permute2x128_si256(a, b, 0x31));
}

#else

void rabitq_sum_avx2(const uint8_t *group, const uint8_t *tables, unsigned bits, uint16_t ret_sums[RABITQ_GROUP])
{
	rabitq_sum_serial(group, tables, bits, ret_sums);
}

void rabitq_sum_avx512(const uint8_t *group, const uint8_t *tables, unsigned bits, uint16_t ret_sums[RABITQ_GROUP])
{
	rabitq_sum_serial(group, tables, bits, ret_sums);
}

#endif
