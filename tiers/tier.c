/* SPDX-License-Identifier: MIT */
#include "tiers/tier_impl.h"

int tier_read(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len,
	      enum tier_wait wait)
{
	return t->ops->read(t, e, from, ret_data, len, wait);
}

int64_t tier_verify(struct tier *t, const struct extent *e)
{
	return t->ops->verify(t, e);
}

struct tier *tier_free(struct tier *t)
{
	if (t)
		t->ops->free(t);
	return NULL;
}
