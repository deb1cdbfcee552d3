/* SPDX-License-Identifier: MIT */
/* A bucket (tiers/s3/bucket.h) in memory, with faults to order. Requests are carried out by the thread that starts
 * them. Thread-safe, except bucket_free(). */
#pragma once

#include "tiers/s3/bucket.h"

/* Chances in percent, drawn for each request from a generator that `seed` starts. */
struct mem_faults {
	uint64_t seed;
	unsigned fail_percent;       /* fails with `fault`, and did nothing */
	unsigned lost_percent;       /* PUT and REMOVE: done, but answered with `fault`, as a 500 does */
	enum bucket_fault fault;     /* [BUCKET_UNREACHABLE]; of a conditional PUT that is lost: BUCKET_UNKNOWN */
	unsigned short_percent;      /* GET: half the bytes, against the contract */
	unsigned corrupt_percent;    /* GET: one bit is wrong */
	unsigned delay_ms;           /* before each request, up to this */
	unsigned fail_after;         /* after so many requests all fail, until it is 0 again */
};

int mem_bucket_new(struct bucket **ret_b);
/* From now on. */
void mem_bucket_set_faults(struct bucket *b, const struct mem_faults *faults);
/* Changes the byte at `at` of a stored object. -ENOENT. */
int mem_bucket_damage(struct bucket *b, const char *key, size_t at);
/* Objects stored, and their bytes (may be NULL). */
size_t mem_bucket_count(struct bucket *b, uint64_t *ret_bytes);
