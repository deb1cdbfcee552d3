/* SPDX-License-Identifier: MIT */
/* One-bit codes of vectors, and estimates of cosines from them with a bound on their error: RaBitQ (Gao
 * and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate
 * Nearest Neighbor Search", SIGMOD 2024).
 *
 * A vector o is taken relative to a centre c: r = o - c. P is a random rotation; the code is the signs of P r,
 * that is the corner x of a cube that lies nearest to it. For any q' the product <P q', x> over
 * <P r / |r|, x / |x|> is an estimate of <q', r> without bias, and since P is random its error behaves as
 * |q'| |r| sqrt((1 - a^2) / a^2) / sqrt(D - 1) times a number of normal distribution, a being the cosine of
 * P r and x (about 0.8). A query q is split too, q = q' + s c with q' orthogonal to c, so that
 * <q, o> = <q, c> + s <r, c> + <q', r>, and only the last is estimated.
 *
 * P is three rounds of random signs and a Walsh-Hadamard transform, in exact integers: codes do not depend on
 * the machine. It works in a power of two of dimensions, 256 at least: vectors of fewer are filled up with
 * zeros and so get several bits a dimension, because one is too little there.
 *
 * The query is rounded to four bits and a sign. Codes lie in groups of 32: byte g of each, one after the other;
 * sums over them come from tables of 16 entries for four dimensions each, which fit a shuffle instruction
 * (Andre et al., "Cache locality is not enough", VLDB 2015). Sums are integers: all kernels agree.
 *
 * Thread-safe: a struct rabitq is only read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RABITQ_GROUP 32u
#define RABITQ_BITS_MIN 256u
#define RABITQ_BITS_MAX 4096u
/* Errors beyond so many times the bound's unit are left out of account. The paper has 1.9; with 3 the best 100
 * are as good as always complete. */
#define RABITQ_EPSILON 3.0f

/* Bits of the code of a vector of `stride` elements (vectors.h); 0 when that is more than there may be. */
unsigned rabitq_bits(size_t stride);
/* Bytes of a group of 32: codes, then float scale[32], error[32], along[32]. */
size_t rabitq_group_size(unsigned bits);

struct rabitq;
/* The rotation that `seed` stands for. -EINVAL: stride is too large. */
int rabitq_new(size_t stride, uint64_t seed, struct rabitq **ret_r);
struct rabitq *rabitq_free(struct rabitq *r);

/* Writes the code of `v` relative to `centre`, both of `stride` elements, as number `at` of a group that was
 * zeros. */
void rabitq_encode(const struct rabitq *r, const int16_t *v, const int16_t *centre, uint8_t *group, unsigned at);

/* A query, prepared for codes of one centre. */
struct rabitq_query {
	float base;   /* <q, c> */
	float share;  /* of c in q */
	float unit;   /* what one of the sums' units is */
	float length; /* of q', with what rounding it adds */
	int32_t shift;
	uint8_t tables[RABITQ_BITS_MAX * 4] __attribute__((aligned(64)));
};
/* The rotated query, of bits elements; once for all centres. */
void rabitq_rotate(const struct rabitq *r, const int16_t *q, int32_t *ret_rotated);
void rabitq_prepare(const struct rabitq *r, const int16_t *q, const int32_t *rotated, const int16_t *centre,
		    struct rabitq_query *ret_q);
/* Cosines of the 32 vectors of a group, and how far off they may be. */
void rabitq_estimate(const struct rabitq *r, const struct rabitq_query *q, const uint8_t *group,
		     float ret_cosine[RABITQ_GROUP], float ret_error[RABITQ_GROUP]);

/* For each code of a group the sum of its nibbles' table entries; they must stay below 2^16. `bits` is a
 * multiple of 256. */
typedef void rabitq_sum(const uint8_t *group, const uint8_t *tables, unsigned bits, uint16_t ret_sums[RABITQ_GROUP]);
rabitq_sum rabitq_sum_serial, rabitq_sum_avx2, rabitq_sum_avx512;
/* The fastest that this machine runs; set by vector_start(). */
extern rabitq_sum *rabitq_sums;
