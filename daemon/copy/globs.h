/* SPDX-License-Identifier: MIT */
/* Names that a copy leaves out: patterns of tiers/move/glob.h over paths below the destination. One with a
 * slash at its end is for folders only, which are left out with all that is in them. Thread-safe once they
 * are all added. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct globs {
	struct globs_one *list; /* owned */
	size_t n;
};

/* Copies. -EINVAL: no pattern. -E2BIG: too long a one. -ENOMEM. */
int globs_add(struct globs *g, const char *pattern);
bool globs_match(const struct globs *g, const char *path, bool is_folder);
void globs_done(struct globs *g);
