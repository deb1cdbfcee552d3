/* SPDX-License-Identifier: MIT */
#include "index/vectors/rabitq.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/vectors/vectors.h"

#define ROUNDS 3u
#define FACTORS 3u
/* What a query's element is rounded to: -15 .. 15. */
#define LEVELS 15

struct rabitq {
	size_t stride;
	unsigned bits;
	unsigned drop;   /* bits of elements that have no room in the transform */
	float norm;      /* what makes the transform a rotation */
	uint32_t *masks; /* owned; ROUNDS * bits: all ones where the sign changes */
};

unsigned rabitq_bits(size_t stride)
{
	return stride > RABITQ_BITS_MAX ? 0 : MAX((unsigned)stride, RABITQ_BITS_MIN);
}

size_t rabitq_group_size(unsigned bits)
{
	return (size_t)RABITQ_GROUP * (bits / 8 + FACTORS * sizeof(float));
}

/* SplitMix64 (Steele, Lea and Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* A residual is no longer than 2^16; each round makes it sqrt(bits) times as long. It must stay below 2^31. */
static unsigned bits_to_drop(unsigned bits)
{
	unsigned log = (unsigned)__builtin_ctz(bits), twice = 32 + ROUNDS * log;

	return twice > 60 ? (twice - 60 + 1) / 2 : 0;
}

int rabitq_new(size_t stride, uint64_t seed, struct rabitq **ret_r)
{
	unsigned bits = rabitq_bits(stride);
	struct rabitq *r;

	if (bits == 0)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->masks = aligned_alloc(64, (size_t)ROUNDS * bits * sizeof(*r->masks));
	if (!r->masks) {
		free(r);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < ROUNDS * bits; i += 64) {
		uint64_t random = next_random(&seed);

		for (unsigned k = 0; k < 64; k++)
			r->masks[i + k] = random >> k & 1 ? UINT32_MAX : 0;
	}
	r->stride = stride;
	r->bits = bits;
	r->drop = bits_to_drop(bits);
	r->norm = (float)(ldexp(1, (int)r->drop) / pow(bits, ROUNDS / 2.0));
	*ret_r = r;
	return 0;
}

struct rabitq *rabitq_free(struct rabitq *r)
{
	if (r)
		free(r->masks);
	free(r);
	return NULL;
}

/* ---- the rotation; arithmetic modulo 2^32, so that not even senseless vectors overflow */

typedef uint32_t quad __attribute__((vector_size(16)));

static void change_signs(quad *x, const quad *masks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (x[i] ^ masks[i]) - masks[i];
}

/* The two steps inside of four elements. */
static void transform_near(quad *x, size_t n)
{
	const quad odd = { 0, UINT32_MAX, 0, UINT32_MAX }, high = { 0, 0, UINT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < n; i++) {
		quad v = x[i];

		v = __builtin_shufflevector(v, v, 1, 0, 3, 2) + ((v ^ odd) - odd);
		x[i] = __builtin_shufflevector(v, v, 2, 3, 0, 1) + ((v ^ high) - high);
	}
}

static void transform_far(quad *x, size_t n)
{
	for (size_t half = 1; half < n; half *= 2)
		for (size_t first = 0; first < n; first += 2 * half)
			for (size_t i = first; i < first + half; i++) {
				quad a = x[i], b = x[i + half];

				x[i] = a + b;
				x[i + half] = a - b;
			}
}

/* `x` holds the bits elements to be rotated, 16-byte aligned. */
static void rotate(const struct rabitq *r, int32_t *x)
{
	quad *at = (quad *)(void *)x;
	size_t n = r->bits / 4;

	for (unsigned round = 0; round < ROUNDS; round++) {
		change_signs(at, (const quad *)(const void *)(r->masks + (size_t)round * r->bits), n);
		transform_near(at, n);
		transform_far(at, n);
	}
}

void rabitq_rotate(const struct rabitq *r, const int16_t *q, int32_t *ret_rotated)
{
	int32_t x[RABITQ_BITS_MAX] __attribute__((aligned(16)));

	for (size_t i = 0; i < r->bits; i++)
		x[i] = i < r->stride ? q[i] >> r->drop : 0;
	rotate(r, x);
	memcpy(ret_rotated, x, r->bits * sizeof(*x));
}

/* ---- encoding */

static float *factors_of(uint8_t *group, unsigned bits)
{
	return (float *)(void *)(group + (size_t)RABITQ_GROUP * bits / 8);
}

/* From sums over the rotated residual: its length, the factor of estimates, and their error. */
static void set_factors(const struct rabitq *r, double sum, double square, double along, float *factors)
{
	double length = sqrt(square), a = length > 0 ? sum / (sqrt(r->bits) * length) : 1, off = 1 - a * a;

	/* At least 1/2: rabitq_prepare() counts on it. */
	off = sqrt(off > 0.25 ? off : 0.25);
	length *= r->norm / VECTOR_ONE;
	factors[0] = sum > 0 ? (float)(square / sum * r->norm / VECTOR_ONE) : 0;
	factors[RABITQ_GROUP] = (float)(length * off / a / sqrt(r->bits - 1));
	factors[2 * RABITQ_GROUP] = (float)(along / ((double)VECTOR_ONE * VECTOR_ONE));
}

void rabitq_encode(const struct rabitq *r, const int16_t *v, const int16_t *centre, uint8_t *group, unsigned at)
{
	int32_t x[RABITQ_BITS_MAX] __attribute__((aligned(16)));
	int64_t along = 0, sum = 0;
	double square = 0;

	for (size_t i = 0; i < r->stride; i++) {
		x[i] = (v[i] - centre[i]) >> r->drop;
		along += (int64_t)(v[i] - centre[i]) * centre[i];
	}
	memset(x + r->stride, 0, (r->bits - r->stride) * sizeof(*x));
	rotate(r, x);
	for (size_t g = 0; g < r->bits / 8; g++) {
		uint8_t byte = 0;

		for (unsigned k = 0; k < 8; k++) {
			int64_t e = x[8 * g + k];

			byte |= (uint8_t)((e >= 0) << k);
			sum += e < 0 ? -e : e;
			square += (double)e * (double)e;
		}
		group[g * RABITQ_GROUP + at] = byte;
	}
	set_factors(r, (double)sum, square, (double)along, factors_of(group, r->bits) + at);
}

/* ---- queries */

static void fill_tables(const int *rounded, unsigned bits, uint8_t *tables, int32_t *ret_shift)
{
	int32_t shift = 0;

	for (unsigned t = 0; t < bits / 4; t++) {
		const int *z = rounded + (size_t)4 * t;
		int least = 0;

		for (unsigned k = 0; k < 4; k++) {
			least += z[k] < 0 ? z[k] : 0;
			shift += z[k];
		}
		shift -= 2 * least;
		for (unsigned nibble = 0; nibble < 16; nibble++)
			tables[16 * t + nibble] = (uint8_t)((nibble & 1 ? z[0] : 0) + (nibble & 2 ? z[1] : 0) +
							    (nibble & 4 ? z[2] : 0) + (nibble & 8 ? z[3] : 0) - least);
	}
	*ret_shift = shift;
}

static float greatest(const float *x, size_t n)
{
	float most = 0;

	for (size_t i = 0; i < n; i++)
		most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
	return most;
}

/* Rounds q', rotated, to integers. Its length is given with what that adds to the error: a code's error is at
 * least half of what a unit of its estimate is, see set_factors(). */
static void round_query(const struct rabitq *r, const float *x, struct rabitq_query *ret_q)
{
	int rounded[RABITQ_BITS_MAX];
	float step = greatest(x, r->bits) / LEVELS, norm = r->norm / VECTOR_ONE;
	double square = 0, off = 0;

	for (size_t i = 0; i < r->bits; i++) {
		float rest;

		rounded[i] = step > 0 ? (int)lrintf(x[i] / step) : 0;
		rest = x[i] - step * (float)rounded[i];
		square += (double)x[i] * x[i];
		off += (double)rest * rest;
	}
	fill_tables(rounded, r->bits, ret_q->tables, &ret_q->shift);
	ret_q->unit = step * norm;
	ret_q->length = (float)sqrt(square + 4 * off) * norm;
}

void rabitq_prepare(const struct rabitq *r, const int16_t *q, const int32_t *rotated, const int16_t *centre,
		    struct rabitq_query *ret_q)
{
	int32_t c[RABITQ_BITS_MAX] __attribute__((aligned(16)));
	float x[RABITQ_BITS_MAX];
	int32_t product = vector_dot(q, centre, r->stride), square = vector_dot(centre, centre, r->stride);

	ret_q->base = (float)vector_cosine(product);
	ret_q->share = square > 0 ? (float)((double)product / square) : 0;
	rabitq_rotate(r, centre, c);
	for (size_t i = 0; i < r->bits; i++)
		x[i] = (float)rotated[i] - ret_q->share * (float)c[i];
	round_query(r, x, ret_q);
}

void rabitq_estimate(const struct rabitq *r, const struct rabitq_query *q, const uint8_t *group,
		     float ret_cosine[RABITQ_GROUP], float ret_error[RABITQ_GROUP])
{
	const float *scale = (const float *)(const void *)(group + (size_t)RABITQ_GROUP * r->bits / 8);
	const float *error = scale + RABITQ_GROUP, *along = error + RABITQ_GROUP;
	uint16_t sums[RABITQ_GROUP];

	rabitq_sums(group, q->tables, r->bits, sums);
	for (size_t i = 0; i < RABITQ_GROUP; i++) {
		ret_cosine[i] = q->base + q->share * along[i] + scale[i] * q->unit * (float)(2 * sums[i] - q->shift);
		ret_error[i] = error[i] * q->length;
	}
}

void rabitq_sum_serial(const uint8_t *group, const uint8_t *tables, unsigned bits, uint16_t ret_sums[RABITQ_GROUP])
{
	for (unsigned i = 0; i < RABITQ_GROUP; i++) {
		unsigned sum = 0;

		for (unsigned g = 0; g < bits / 8; g++) {
			uint8_t byte = group[g * RABITQ_GROUP + i];

			sum += tables[32 * g + (byte & 15)] + tables[32 * g + 16 + (byte >> 4)];
		}
		ret_sums[i] = (uint16_t)sum;
	}
}

rabitq_sum *rabitq_sums = rabitq_sum_serial;
