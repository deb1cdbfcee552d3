/* SPDX-License-Identifier: MIT */
/* For what verifies: its problems are failures, or are counted. */
#pragma once

#include <stdio.h>

#include "tests/unit/check.h"

static inline void problem_fails(void *context, const char *text)
{
	fprintf(stderr, "problem: %s\n", text);
	check_failures++;
}

/* With the address of an unsigned. */
static inline void problem_counts(void *n, const char *text)
{
	++*(unsigned *)n;
}
