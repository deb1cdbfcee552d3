/* SPDX-License-Identifier: MIT */
/* A bucket that wraps another: it counts what is asked of that by day, and refuses what the limits of a day do not allow
 * (cost.h). Everything about the bucket itself is said by the one inside.
 *
 * Thread-safety: as bucket.h. */
#pragma once

#include "tiers/move/cost.h"
#include "tiers/s3/bucket.h"

/* What was asked on behalf of each cause. */
struct metered_usage {
	struct bucket_usage by[BUCKET_CAUSES];
};

struct metered_state {
	struct limits limits;
	struct limits_used used;        /* of the day that it names */
	struct metered_usage today, all;
	uint64_t refused;               /* requests, today, because of the limits */
	bool capped;                    /* a request was refused, and none was allowed since */
	unsigned recalls;               /* under way: requests, .. */
	uint64_t recall_bytes;          /* .. their bytes, .. */
	uint64_t recall_ms;             /* .. and how long they will take, as those before did; 0: not known */
};

/* Begins what it says when it refuses. */
#define METERED_LIMITED "the day's limit is reached (requests_per_day, bytes_per_day in [limits])"

/* Takes `inner` over, also on failure. */
int metered_new(struct bucket *inner, const struct limits *limits, struct bucket **ret_b);
/* Of what metered_new() made; so below. From now on. */
void metered_set_limits(struct bucket *b, const struct limits *limits);
void metered_get(struct bucket *b, struct metered_state *ret_s);

/* How long recalls of so many bytes would take by themselves, as those before did; false: not known. */
bool metered_expect(struct bucket *b, uint64_t bytes, uint64_t *ret_ms);

/* For the record of it in the catalog: what was counted so far, since ever. */
int metered_encode(struct bucket *b, struct buf *ret_value);
/* Goes on from there. Before the first request. -EBADMSG. */
int metered_decode(struct bucket *b, const void *value, size_t len);
