/* SPDX-License-Identifier: MIT */
/* Sections of lists and codes: what fits together is loaded, anything else is refused; the probes that a
 * segment counts; k-means finds what is there to be found. */
#include "index/codes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "check.h"
#include "index/probes.h"
#include "index/vectors/kmeans.h"
#include "index/vectors/vectors.h"

#define STRIDE 32u
#define DOCS 50u

static int16_t vectors[DOCS][STRIDE];

static void draw_vector(int16_t *ret, unsigned near)
{
	float v[STRIDE];
	double length = 0;

	for (unsigned i = 0; i < STRIDE; i++) {
		v[i] = (float)(rand() / (double)RAND_MAX - 0.5 + (i == near ? 4 : 0));
		length += (double)v[i] * v[i];
	}
	for (unsigned i = 0; i < STRIDE; i++)
		v[i] = (float)(v[i] / sqrt(length));
	vector_quantise(v, STRIDE, ret);
}

/* ---- sections: two lists, of 40 and of 10 documents with one vector each */

static const struct codes_shape good = { .stride = STRIDE, .seed = 7, .n_docs = DOCS, .n_vectors = DOCS,
					 .n_lists = 2, .probes = 1 };
static const uint32_t sizes[2] = { 40, 10 };

static void make_lists(struct buf *ret)
{
	for (unsigned l = 0; l < 2; l++) {
		(void) buf_add_le32(ret, sizes[l]);
		(void) buf_add_le32(ret, sizes[l]);
		for (unsigned e = 0; e < STRIDE; e++)
			(void) buf_add_le16(ret, (uint16_t)(l * 100));
	}
}

static uint8_t *make_groups(size_t *ret_len)
{
	size_t size = rabitq_group_size(RABITQ_BITS_MIN);
	uint8_t *groups = calloc(3, size);
	int16_t centre[STRIDE];
	struct rabitq *r;

	CHECK_EQ(rabitq_new(STRIDE, 7, &r), 0);
	for (uint32_t v = 0; v < DOCS; v++) {
		uint32_t list = v >= 40, at = v - list * 40;

		for (unsigned e = 0; e < STRIDE; e++)
			centre[e] = (int16_t)(list * 100);
		rabitq_encode(r, vectors[v], centre, groups + (list * 2 + at / 32) * size, at % 32);
	}
	rabitq_free(r);
	*ret_len = 3 * size;
	return groups;
}

static int load(const struct codes_shape *shape, const struct buf *lists, size_t groups_len, struct codes **ret_c)
{
	size_t len;
	uint8_t *groups = make_groups(&len);

	if (groups_len)
		groups = realloc(groups, groups_len);
	return codes_load(shape, lists, groups, groups_len ? groups_len : len, ret_c);
}

static void test_scan(void)
{
	struct buf lists = BUF_INIT;
	struct code_scan *scan;
	struct codes *c;

	make_lists(&lists);
	CHECK_EQ(load(&good, &lists, 0, &c), 0);
	CHECK_EQ(code_scan_new(c, vectors[3], &scan), 0);
	for (uint32_t list = 0; list < 2; list++) {
		code_scan_list(scan, list);
		for (uint32_t v = list ? 40 : 0, n; v < (list ? DOCS : 40); v += n) {
			const float *cosines, *errors;

			n = code_scan_run(scan, v, &cosines, &errors);
			CHECK(n >= 1 && v + n <= (list ? DOCS : 40));
			for (uint32_t i = 0; i < n; i++) {
				int32_t dot = vector_dot(vectors[3], vectors[v + i], STRIDE);

				CHECK(fabs(cosines[i] - vector_cosine(dot)) < 5 * errors[i] + 1e-5);
				CHECK(errors[i] < 0.1);
			}
		}
	}
	code_scan_free(scan);
	CHECK(codes_memory(c) > 0);
	CHECK(codes_memory(NULL) == 0);
	codes_free(c);
	buf_done(&lists);
}

static void refuse(struct codes_shape shape, const struct buf *lists, size_t groups_len, int line)
{
	struct codes *c = NULL;
	int r = load(&shape, lists, groups_len, &c);

	if (r != -EBADMSG)
		fprintf(stderr, "from line %d\n", line);
	CHECK_EQ(r, -EBADMSG);
	if (r >= 0)
		codes_free(c);
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct codes_shape shape = good;                                                   \
		struct buf lists = BUF_INIT;                                                       \
		size_t groups_len = 0;                                                             \
                                                                                                   \
		make_lists(&lists);                                                                \
		change;                                                                            \
		refuse(shape, &lists, groups_len, __LINE__);                                       \
		buf_done(&lists);                                                                  \
	} while (0)

static void test_damage(void)
{
	REFUSED(shape.n_lists = 1);
	REFUSED(shape.n_lists = 3);
	REFUSED(shape.n_lists = UINT32_MAX);
	REFUSED(shape.n_docs = DOCS - 1);
	REFUSED(shape.n_docs = DOCS + 1);
	REFUSED(shape.n_vectors = DOCS + 1);
	REFUSED(shape.n_vectors = 0);
	REFUSED(shape.stride = 64);
	REFUSED(shape.stride = 8192);
	REFUSED(lists.len--);
	REFUSED(store_le32(lists.data, UINT32_MAX));
	REFUSED(store_le32(lists.data + 4, 41));
	REFUSED(store_le32(lists.data + 4, UINT32_MAX));
	REFUSED(groups_len = 1);
	REFUSED(groups_len = 2 * rabitq_group_size(RABITQ_BITS_MIN));
	REFUSED(groups_len = 4 * rabitq_group_size(RABITQ_BITS_MIN));
}

/* ---- clusters */

static void test_kmeans(void)
{
	static int16_t sample[800][STRIDE];
	struct centres c, again;
	uint32_t of[8];

	for (unsigned i = 0; i < 800; i++)
		draw_vector(sample[i], i * 8 / 800);
	CHECK_EQ(kmeans(sample[0], 800, STRIDE, 8, NULL, &c), 0);
	CHECK_EQ(kmeans(sample[0], 800, STRIDE, 8, NULL, &again), 0);
	CHECK(memcmp(c.at, again.at, 8 * STRIDE * sizeof(*c.at)) == 0);
	for (unsigned i = 0; i < 800; i++) {
		uint32_t near = centres_nearest(&c, sample[i]);

		if (i % 100 == 0)
			of[i / 100] = near;
		CHECK_EQ(near, of[i / 100]);
	}
	for (unsigned a = 0; a < 8; a++)
		for (unsigned b = 0; b < a; b++)
			CHECK(of[a] != of[b]);
	centres_done(&c);
	centres_done(&again);
}

/* Eight clusters of 200 documents, each a list: the best 100 for a member are all in its own. With the wrong
 * centres they are not. */
static void test_probes(void)
{
	int16_t centres[8][STRIDE] = { { 0 } }, v[STRIDE];
	struct probes *p;

	CHECK_EQ(probes_new(STRIDE, &p), 0);
	CHECK_EQ(probes_count(p, centres[0], 8), 8);
	for (unsigned i = 0; i < PROBES_QUERIES + 5; i++) {
		draw_vector(v, i % 8);
		probes_add_query(p, v);
	}
	for (unsigned i = 0; i < 1600; i++) {
		draw_vector(v, i / 200);
		for (unsigned k = 0; k < 1 + i % 3; k++)
			probes_add_vector(p, v);
		probes_add_document(p, i / 200);
	}
	for (unsigned l = 0; l < 8; l++)
		centres[l][l] = 20000;
	CHECK_EQ(probes_count(p, centres[0], 8), 1);
	for (unsigned l = 0; l < 8; l++)
		centres[l][l] = -20000;
	CHECK(probes_count(p, centres[0], 8) > 4);
	probes_free(p);
}

int main(void)
{
	vector_start();
	for (unsigned i = 0; i < DOCS; i++)
		draw_vector(vectors[i], i % 5);
	test_scan();
	test_damage();
	test_kmeans();
	test_probes();
	return check_result();
}
