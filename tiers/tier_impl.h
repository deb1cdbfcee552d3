/* SPDX-License-Identifier: MIT */
/* For those who implement a tier: embed struct tier first, point `ops` to a constant table. */
#pragma once

#include "tiers/tier.h"

struct tier_ops {
	int (*read)(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len,
		    enum tier_wait wait);
	int64_t (*verify)(struct tier *t, const struct extent *e);
	void (*free)(struct tier *t); /* tolerates half-built ones */
};

struct tier {
	const struct tier_ops *ops;
};
