/* SPDX-License-Identifier: MIT */
/* What follows from other records (catalog/derive.h): that it is right, and that it can be made anew. */
#pragma once

#include "catalog/derive.h"
#include "tests/unit/problems.h"

static inline void derived_check(struct catalog *c)
{
	CHECK(derive_verify(c, problem_fails, NULL) > 0);
}

static inline void derived_make_anew(struct catalog *c)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	derive_doubt(b);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK(derive_is_due(c));
	CHECK_EQ(derive_run(c), 0);
	CHECK(!derive_is_due(c));
}
