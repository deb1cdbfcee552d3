/* SPDX-License-Identifier: MIT */
/* Steps that are tried with their first allocation failing, then with their second, and so on until they need no
 * more of them; then the same with all allocations from there on failing. Each time the step has happened as a
 * whole or not at all, it says which, and with memory it can be done. */
#pragma once

#include <errno.h>

#include "base/cleanup.h"
#include "tests/fakes/failing_memory.h"
#include "tests/unit/check.h"

#define MEMORY_TRIES 5000

struct memory_step {
	const char *name;
	/* Try `k`: other numbers for other tries. 0 and more, or -errno. */
	int (*run)(unsigned k);
	/* May be NULL. Is all as it must be, when run(k) succeeded (`done`) or not? */
	bool (*holds)(unsigned k, bool done);
	unsigned stride; /* of n, where each try takes long; 0: 1 */
};

static unsigned memory_k; /* of the next try */

/* False when no allocation failed. */
static inline bool memory_try(const struct memory_step *s, unsigned nth, enum memory_lack lack)
{
	unsigned k = memory_k++, failures = (unsigned)check_failures;
	bool failed;
	int r;

	memory_fail(nth, lack);
	r = s->run(k);
	failed = memory_end();
	if (r < 0)
		CHECK_EQ(r, -ENOMEM);
	CHECK(failed || r >= 0);
	CHECK(!s->holds || s->holds(k, r >= 0));
	if (r < 0) {
		r = s->run(k);
		CHECK(r >= 0);
		CHECK(!s->holds || s->holds(k, r >= 0));
	}
	if ((unsigned)check_failures > failures)
		fprintf(stderr, "  that was '%s', allocation %u%s: %d\n", s->name, nth,
			lack == MEMORY_STAYS ? " and all after it" : "", r);
	return failed;
}

static inline void memory_run(const struct memory_step *steps, size_t n)
{
	static const enum memory_lack lacks[] = { MEMORY_ONCE, MEMORY_STAYS };

	for (size_t i = 0; i < n; i++)
		for (size_t l = 0; l < ARRAY_SIZE(lacks); l++) {
			unsigned nth = 1;

			while (nth < MEMORY_TRIES && memory_try(&steps[i], nth, lacks[l]))
				nth += MAX(steps[i].stride, 1u);
			CHECK(nth < MEMORY_TRIES);
			if (l == 0 && getenv("MEMORY_VERBOSE"))
				fprintf(stderr, "%s: %u allocations\n", steps[i].name, nth - 1);
		}
}
