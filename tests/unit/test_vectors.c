/* SPDX-License-Identifier: MIT */
/* Every kernel gives the reference's integer, and the fixed point is close to the real cosine. */
#include "index/vectors/vectors.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static double drawn(void)
{
	return rand() / (double)RAND_MAX * 2 - 1;
}

static void make(float *v, size_t n)
{
	double length = 0;

	for (size_t i = 0; i < n; i++) {
		v[i] = (float)drawn();
		length += (double)v[i] * v[i];
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (float)(v[i] / sqrt(length));
}

static void compare(const float *a, const float *b, size_t n)
{
	int16_t qa[1024], qb[1024];
	size_t stride = vector_stride(n);
	int32_t want;
	double exact = 0;

	for (size_t i = 0; i < n; i++)
		exact += (double)a[i] * b[i];
	vector_quantise(a, n, qa);
	vector_quantise(b, n, qb);
	want = vector_dot_serial(qa, qb, stride);
	CHECK(fabs(vector_cosine(want) - exact) < 2e-4);
	if (vector_has_avx2())
		CHECK_EQ(vector_dot_avx2(qa, qb, stride), want);
	if (vector_has_avx512())
		CHECK_EQ(vector_dot_avx512(qa, qb, stride), want);
	CHECK_EQ(vector_dot(qa, qb, stride), want);
}

int main(void)
{
	static const size_t sizes[] = { 1, 31, 32, 33, 100, 256, 300, 1024 };
	float a[1024], b[1024];

	vector_start();
	CHECK_EQ(vector_stride(1), 32);
	CHECK_EQ(vector_stride(256), 256);
	CHECK_EQ(vector_stride(300), 512);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
		for (int round = 0; round < 100; round++) {
			make(a, sizes[s]);
			make(b, sizes[s]);
			compare(a, b, sizes[s]);
			compare(a, a, sizes[s]);
		}
	return check_result();
}
