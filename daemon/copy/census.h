/* SPDX-License-Identifier: MIT */
/* Counts in a thread of its own what is to be copied, for who wants to know how far the copying is. It may be
 * wrong where the source changes, or cannot be read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct globs;
struct census;

/* What will be copied as `prefix` (or, when that is "", what is in it). Both arrays are borrowed until
 * census_stop(). */
struct census_source {
	const char *path;
	const char *as;
};

int census_start(const struct census_source *sources, unsigned n, const struct globs *ignored,
		 struct census **ret_c);
/* All but folders. False: it still counts. Thread-safe. */
bool census_get(const struct census *c, uint64_t *ret_files, uint64_t *ret_bytes);
/* Also when it still counts. */
struct census *census_stop(struct census *c);
