/* SPDX-License-Identifier: MIT */
/* A place where the bytes of extents lie: the hot segments of this machine, and later packs and a
 * bucket. What files are (sizes, holes, inline bytes) is decided above, in tiers/file_*.c.
 *
 * Thread-safety: safe, except tier_free(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/extent.h"

struct tier;

/* What a read may wait for. */
enum tier_wait {
	TIER_WAIT,  /* whatever it takes: a disk, or a bucket */
	TIER_ALONE, /* the same, and nothing is fetched ahead: who reads has done so (packs_bring()) */
	TIER_LOCAL, /* a disk of this machine */
	TIER_AT_ONCE,
};

/* Reads `len` bytes that begin `from` bytes into the extent `e`; from + len <= e->len.
 * -ENOENT: the place is gone (moved meanwhile: look the extent up again, else it is damage).
 * -EBADMSG: the bytes there are not what was sealed. -EAGAIN: it would have to wait for more than `wait` allows.
 * -EIO: the bucket. */
int tier_read(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len,
	      enum tier_wait wait);
/* Opens every block of the object that `e` is part of, past all caches. Returns the number of blocks.
 * Errors as tier_read(). */
int64_t tier_verify(struct tier *t, const struct extent *e);
struct tier *tier_free(struct tier *t);
