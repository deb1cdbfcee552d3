/* SPDX-License-Identifier: MIT */
/* Kernels agree to the bit; estimates are as far off as theory says; and what a query looks at by them holds the
 * best, of random vectors and of clustered ones. */
#include "index/vectors/rabitq.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "check.h"
#include "index/vectors/vectors.h"

#define SEED 42
#define MOST 4096u

static double drawn(void)
{
	double sum = 0;

	for (int i = 0; i < 6; i++)
		sum += rand() / (double)RAND_MAX - 0.5;
	return sum;
}

/* A unit vector near `around`, which may be NULL. */
static void draw_vector(size_t n, const float *around, double spread, int16_t *ret)
{
	float v[MOST];
	double length = 0;

	for (size_t i = 0; i < n; i++) {
		v[i] = (float)((around ? around[i] : 0) + spread * drawn());
		length += (double)v[i] * v[i];
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (float)(v[i] / sqrt(length));
	vector_quantise(v, n, ret);
}

/* ---- kernels */

static void check_kernels(unsigned bits)
{
	uint8_t *group = malloc(bits * 4), *tables = malloc(bits * 4);
	uint16_t want[RABITQ_GROUP], got[RABITQ_GROUP];

	for (int round = 0; round < 20; round++) {
		for (unsigned i = 0; i < bits * 4; i++) {
			group[i] = (uint8_t)rand();
			tables[i] = (uint8_t)(round == 0 ? 60 : rand() % 61);
		}
		rabitq_sum_serial(group, tables, bits, want);
		if (vector_has_avx2()) {
			rabitq_sum_avx2(group, tables, bits, got);
			CHECK(memcmp(got, want, sizeof(want)) == 0);
		}
		if (vector_has_avx512()) {
			rabitq_sum_avx512(group, tables, bits, got);
			CHECK(memcmp(got, want, sizeof(want)) == 0);
		}
		rabitq_sums(group, tables, bits, got);
		CHECK(memcmp(got, want, sizeof(want)) == 0);
	}
	free(group);
	free(tables);
}

/* ---- estimates */

static struct rabitq_query query;

static void prepare(const struct rabitq *r, const int16_t *q, const int16_t *centre)
{
	static int32_t rotated[RABITQ_BITS_MAX];

	rabitq_rotate(r, q, rotated);
	rabitq_prepare(r, q, rotated, centre, &query);
}

/* The differences in units of the errors: about normal, with deviation 1 and without bias. */
static void check_errors(size_t dimensions)
{
	size_t stride = vector_stride(dimensions), n = 0;
	int16_t v[RABITQ_GROUP][MOST], q[MOST], centre[MOST];
	float cosine[RABITQ_GROUP], error[RABITQ_GROUP];
	double sum = 0, square = 0, most = 0;
	struct rabitq *r;
	uint8_t *group;

	CHECK_EQ(rabitq_new(stride, SEED, &r), 0);
	group = malloc(rabitq_group_size(rabitq_bits(stride)));
	for (int round = 0; round < 40; round++) {
		memset(group, 0, rabitq_group_size(rabitq_bits(stride)));
		draw_vector(dimensions, NULL, 1, q);
		draw_vector(dimensions, NULL, 1, centre);
		for (size_t i = 0; i < stride; i++)
			centre[i] = round % 2 ? centre[i] / 2 : 0;
		for (unsigned i = 0; i < RABITQ_GROUP; i++) {
			draw_vector(dimensions, NULL, 1, v[i]);
			rabitq_encode(r, v[i], centre, group, i);
		}
		prepare(r, q, centre);
		rabitq_estimate(r, &query, group, cosine, error);
		for (unsigned i = 0; i < RABITQ_GROUP; i++, n++) {
			double off = (cosine[i] - vector_cosine(vector_dot(v[i], q, stride))) / error[i];

			sum += off;
			square += off * off;
			most = fabs(off) > most ? fabs(off) : most;
		}
	}
	printf("%zu dimensions: bias %.3f, deviation %.3f, most %.1f\n", dimensions, sum / (double)n, sqrt(square / (double)n),
	       most);
	CHECK(fabs(sum / (double)n) < 0.15);
	CHECK(sqrt(square / (double)n) > 0.6 && sqrt(square / (double)n) < 1.2);
	CHECK(most < 5.5);
	free(group);
	rabitq_free(r);
}

/* A vector at the centre, and nothing at all, are known exactly. */
static void check_nothing(void)
{
	int16_t zero[256] = { 0 }, v[256], q[256];
	uint8_t group[32 * (256 / 8 + 12)] __attribute__((aligned(4))) = { 0 };
	float cosine[RABITQ_GROUP], error[RABITQ_GROUP];
	struct rabitq *r;

	CHECK_EQ(rabitq_new(256, SEED, &r), 0);
	draw_vector(256, NULL, 1, v);
	draw_vector(256, NULL, 1, q);
	rabitq_encode(r, v, v, group, 0);
	prepare(r, q, v);
	rabitq_estimate(r, &query, group, cosine, error);
	CHECK(error[0] == 0 && fabs(cosine[0] - vector_cosine(vector_dot(v, q, 256))) < 1e-6);
	rabitq_encode(r, zero, zero, group, 1);
	prepare(r, zero, zero);
	rabitq_estimate(r, &query, group, cosine, error);
	CHECK(error[1] == 0 && cosine[1] == 0);
	rabitq_free(r);
}

/* Codes are on disk: the same vector and seed give the same code for ever, on every machine. */
static void check_code(void)
{
	uint8_t group[32 * (256 / 8 + 12)] __attribute__((aligned(4))) = { 0 };
	int16_t v[256], centre[256] = { 0 };
	struct rabitq *r;

	for (int i = 0; i < 256; i++)
		v[i] = (int16_t)(i * 7919 % 4001 - 2000);
	CHECK_EQ(rabitq_new(256, SEED, &r), 0);
	rabitq_encode(r, v, centre, group, 3);
	CHECK_EQ(hash_bytes(group, 32 * 256 / 8, 0), -806852551119394429);
	rabitq_free(r);
}

/* ---- recall */

#define VECTORS 6400u
#define QUERIES 50u
#define BEST 100u

static int compare_down(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

static double kth_best(const double *scores, size_t n, size_t k)
{
	double *sorted = malloc(n * sizeof(*sorted)), best;

	memcpy(sorted, scores, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_down);
	best = sorted[k - 1];
	free(sorted);
	return best;
}

/* Of the best by their true cosines, how many does a look by the codes miss? And at how many does it look? */
static void check_query(const struct rabitq *r, const int16_t *vectors, const uint8_t *groups, const int16_t *q,
			size_t *missed, size_t *looked)
{
	static double exact[VECTORS], estimates[VECTORS], highest[VECTORS];
	size_t group = rabitq_group_size(256), n = 0;
	double best[2 * BEST], middle, reach, true_best;

	for (uint32_t i = 0; i < VECTORS; i += RABITQ_GROUP) {
		float cosine[RABITQ_GROUP], error[RABITQ_GROUP];

		rabitq_estimate(r, &query, groups + i / RABITQ_GROUP * group, cosine, error);
		for (unsigned k = 0; k < RABITQ_GROUP; k++) {
			exact[i + k] = vector_cosine(vector_dot(q, vectors + (i + k) * 256, 256));
			estimates[i + k] = cosine[k];
			highest[i + k] = cosine[k] + RABITQ_EPSILON * error[k];
		}
	}
	middle = kth_best(estimates, VECTORS, BEST);
	for (uint32_t i = 0; i < VECTORS && n < BEST; i++)
		if (estimates[i] >= middle)
			best[n++] = exact[i];
	reach = kth_best(best, n, BEST);
	true_best = kth_best(exact, VECTORS, BEST);
	for (uint32_t i = 0; i < VECTORS; i++) {
		*missed += exact[i] >= true_best && estimates[i] < middle && highest[i] < reach;
		*looked += highest[i] >= reach;
	}
}

static void check_recall(bool clustered)
{
	static float around[32][256];
	int16_t *vectors = calloc(VECTORS, 256 * sizeof(*vectors)), centre[256], q[256];
	uint8_t *groups = calloc(VECTORS / RABITQ_GROUP, rabitq_group_size(256));
	size_t missed = 0, looked = 0;
	int64_t sums[256] = { 0 };
	struct rabitq *r;

	CHECK_EQ(rabitq_new(256, SEED, &r), 0);
	for (int c = 0; c < 32; c++)
		for (int i = 0; i < 256; i++)
			around[c][i] = (float)drawn();
	for (uint32_t i = 0; i < VECTORS; i++) {
		draw_vector(256, clustered ? around[i % 32] : NULL, clustered ? 0.7 : 1, vectors + i * 256);
		for (int e = 0; e < 256; e++)
			sums[e] += vectors[i * 256 + e];
	}
	for (int e = 0; e < 256; e++)
		centre[e] = (int16_t)(sums[e] / (int)VECTORS);
	for (uint32_t i = 0; i < VECTORS; i++)
		rabitq_encode(r, vectors + i * 256, centre, groups + i / 32 * rabitq_group_size(256), i % 32);
	for (unsigned k = 0; k < QUERIES; k++) {
		draw_vector(256, clustered ? around[k % 32] : NULL, 1, q);
		prepare(r, q, centre);
		check_query(r, vectors, groups, q, &missed, &looked);
	}
	printf("%s: %zu of %u missed, looked at %.1f %%\n", clustered ? "clustered" : "random", missed, QUERIES * BEST,
	       100.0 * (double)looked / QUERIES / VECTORS);
	CHECK(missed <= QUERIES * BEST / 200);
	free(vectors);
	free(groups);
	rabitq_free(r);
}

int main(void)
{
	static const size_t dimensions[] = { 8, 50, 100, 256, 300, 768, 1024, 1500, 3000 };
	struct rabitq *r;

	vector_start();
	for (unsigned bits = 256; bits <= RABITQ_BITS_MAX; bits *= 2)
		check_kernels(bits);
	for (size_t i = 0; i < sizeof(dimensions) / sizeof(*dimensions); i++)
		check_errors(dimensions[i]);
	CHECK_EQ(rabitq_new(8192, SEED, &r), -EINVAL);
	CHECK_EQ(rabitq_bits(32), 256);
	check_nothing();
	check_code();
	check_recall(false);
	check_recall(true);
	return check_result();
}
