/* SPDX-License-Identifier: MIT */
/* What parts of the program hold in memory, for status.json: each module adds its own. */
#pragma once

#include <stdint.h>

#define MEMORY_PARTS_MAX 32u

struct memory_part {
	const char *name; /* static storage */
	uint64_t bytes;
	uint64_t bound;   /* by configuration or constant; 0: grows with the number of files */
};

struct memory_parts {
	struct memory_part parts[MEMORY_PARTS_MAX];
	unsigned n;
};

static inline void memory_part_add(struct memory_parts *m, const char *name, uint64_t bytes, uint64_t bound)
{
	if (m->n < MEMORY_PARTS_MAX)
		m->parts[m->n++] = (struct memory_part){ name, bytes, bound };
}
