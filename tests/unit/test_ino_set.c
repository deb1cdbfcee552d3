/* SPDX-License-Identifier: MIT */
/* Sets of inode numbers, against a table of bits; and their memory. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "check.h"
#include "index/ino_set.h"

#define SPAN (5u << 16)
#define FAR (1ull << 40)

/* The numbers fall into the lowest chunks and one far away. */
static uint64_t number(uint32_t n)
{
	return n < 4u << 16 ? n : FAR + n;
}

static uint64_t count(const bool *model)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < SPAN; i++)
		n += model[i];
	return n;
}

static void check_same(const struct ino_set *s, const bool *model)
{
	uint64_t ino = 0, at = 0;

	CHECK_EQ(s->n, count(model));
	for (uint32_t i = 0; i < SPAN; i++) {
		if (ino_set_has(s, number(i)) != model[i])
			CHECK_EQ(i, UINT32_MAX);
		if (!model[i])
			continue;
		CHECK(ino_set_next(s, at, &ino));
		CHECK_EQ(ino, number(i));
		at = ino + 1;
	}
	CHECK(!ino_set_next(s, at, &ino));
}

/* `density` of 16 numbers are put in. */
static void change(struct ino_set *s, bool *model, unsigned density, unsigned times)
{
	for (unsigned n = 0; n < times; n++) {
		uint32_t i = (uint32_t)rand() % SPAN;

		if ((unsigned)rand() % 16 < density) {
			CHECK_EQ(ino_set_add(s, number(i)), !model[i]);
			model[i] = true;
		} else {
			CHECK_EQ(ino_set_remove(s, number(i)), model[i]);
			model[i] = false;
		}
	}
}

static void test_model(unsigned seed)
{
	static bool model[SPAN], other_model[SPAN];
	struct ino_set s = { 0 }, other = { 0 };

	srand(seed);
	memset(model, 0, sizeof(model));
	memset(other_model, 0, sizeof(other_model));
	for (unsigned round = 0; round < 8; round++) {
		change(&s, model, (unsigned)rand() % 17, (unsigned)rand() % 60000);
		change(&other, other_model, (unsigned)rand() % 17, (unsigned)rand() % 9000);
		check_same(&s, model);
	}
	CHECK_EQ(ino_set_merge(&s, &other), 0);
	for (uint32_t i = 0; i < SPAN; i++)
		model[i] = model[i] || other_model[i];
	check_same(&s, model);
	check_same(&other, other_model);
	for (uint32_t i = 0; i < SPAN; i++)
		(void) ino_set_remove(&s, number(i));
	CHECK_EQ(s.n, 0);
	CHECK_EQ(s.bytes, 0);
	ino_set_done(&s);
	ino_set_done(&other);
}

static size_t bytes_of(uint64_t n, uint64_t distance)
{
	struct ino_set s = { 0 };
	size_t bytes;

	for (uint64_t i = 0; i < n; i++)
		CHECK_EQ(ino_set_add(&s, 1000 + i * distance), 1);
	bytes = s.bytes;
	ino_set_done(&s);
	return bytes;
}

static void test_memory(void)
{
	CHECK(bytes_of(1000000, 1) < 140000);
	CHECK(bytes_of(1000000, 20) < 3400000);
	CHECK(bytes_of(1000, 1 << 20) < 60000);
}

static void test_ends(void)
{
	struct ino_set s = { 0 };
	uint64_t ino;

	CHECK(!ino_set_next(&s, 0, &ino) && !ino_set_has(&s, 7) && !ino_set_remove(&s, 7));
	CHECK_EQ(ino_set_add(&s, UINT64_MAX), 1);
	CHECK(ino_set_next(&s, 0, &ino));
	CHECK_EQ(ino, UINT64_MAX);
	CHECK(ino_set_remove(&s, UINT64_MAX));
	ino_set_done(&s);
}

int main(void)
{
	for (unsigned seed = 1; seed <= 6; seed++)
		test_model(seed);
	test_memory();
	test_ends();
	return check_result();
}
