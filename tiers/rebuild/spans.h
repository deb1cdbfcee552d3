/* SPDX-License-Identifier: MIT */
/* Which bytes of a file are there: spans of it, in order, that neither touch nor overlap. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct span {
	uint64_t from, to; /* bytes [from, to) */
};
struct spans {
	struct span *all; /* owned */
	size_t n, cap;
};

void spans_done(struct spans *s);
/* Adds [from, to), whatever of it is there already. -ENOMEM. */
int spans_add(struct spans *s, uint64_t from, uint64_t to);
/* The first bytes of [from, to) that are not there. 1, or 0: all are. */
int spans_gap(const struct spans *s, uint64_t from, uint64_t to, struct span *ret_gap);
