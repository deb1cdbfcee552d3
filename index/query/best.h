/* SPDX-License-Identifier: MIT */
/* The best K of many hits: by name, else by `order`, else by score, and by inode number where all that is the same.
 * A heap with the worst on top. Not thread-safe. */
#pragma once

#include "index/query/search.h"

struct best {
	struct hit *items; /* owned */
	size_t n, cap, keep;
};

/* Takes over h->name, also when it is none of the best. -ENOMEM. */
int best_add(struct best *b, const struct hit *h);
/* The best first; nothing is added any more. */
void best_sort(struct best *b);
void best_done(struct best *b);
