/* SPDX-License-Identifier: MIT */
/* What a bucket costs: requests and bytes, priced by a table of the configuration; and caps on them by day.
 * Pure: nothing is asked, time comes in. Not thread-safe: the caller has a lock, or a copy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tiers/move/policy.h"

/* Millionths of the currency's unit. 0: costs nothing, or is not known. */
struct prices {
	uint64_t put, get, list, remove; /* a thousand requests; HEAD is priced as get */
	uint64_t out_gb;                 /* a GB (10^9 bytes) read from the bucket */
	uint64_t stored_gb_month;        /* a GB stored for a month */
};

/* What was, or would be, asked of a bucket. */
struct traffic {
	uint64_t puts, gets, lists, removes; /* requests */
	uint64_t in_bytes, out_bytes;        /* to the bucket, from it */
};

void traffic_add(struct traffic *t, const struct traffic *more);
uint64_t traffic_requests(const struct traffic *t);
/* Millionths; UINT64_MAX when it is more than that. Rounded up. */
uint64_t cost_of(const struct prices *p, const struct traffic *t);
/* Millionths a month for so many bytes in the bucket. */
uint64_t cost_stored(const struct prices *p, uint64_t stored_bytes);
/* "0.0123 USD"; currency NULL: no word. Returns `ret_text`. */
char *cost_text(uint64_t millionths, const char *currency, char *ret_text, size_t size);

/* ---- estimates of moves that were not made */

/* What is known beforehand; zero means default. */
struct cost_facts {
	uint64_t pack_bytes;       /* stored: 32 MiB */
	uint32_t warm_ratio;       /* thousandths of plain bytes that packs take: 500 */
	uint64_t fetch_bytes;      /* stored bytes that a ranged GET of a recall brings: 8 MiB */
	uint64_t table_bytes;      /* of a pack's table of contents, read to verify an upload: 64 KiB */
};

/* Sums of a round. Begins all zero. */
struct cost_estimate {
	uint64_t moves[POLICY_TIERS];    /* files to each tier; AUTO: deleted */
	uint64_t bytes[POLICY_TIERS];    /* plain bytes to each tier; AUTO: deleted */
	uint64_t to_bucket_bytes;        /* stored */
	struct traffic recalls;
};

/* Adds a move; one that stays counts for nothing. */
void cost_add(struct cost_estimate *e, const struct cost_facts *facts, const struct policy_move *m);
/* All requests and bytes: an upload is a PUT, a HEAD and a ranged GET of the table for each pack, as many packs as all
 * moves fill together. What is deleted from the bucket is left to cleaning, and not counted. */
void cost_traffic(const struct cost_estimate *e, const struct cost_facts *facts, struct traffic *ret_t);

/* ---- caps by day */

struct limits {
	uint64_t requests, bytes; /* a day (UTC), all causes, both directions; 0: no cap */
};

/* What was used of the caps. Begins all zero; kept in the catalog. */
struct limits_used {
	int64_t day; /* calendar_day() of the clock, never of --now */
	uint64_t requests, bytes;
};

enum limits_cause {
	LIMITS_RECALL,    /* a program waits for it: may use all */
	LIMITS_BACKGROUND /* moves, scrub, backup: nine tenths, so that a day's moves never stop its reading */
};

/* Counts, in the day of `now_s`. A clock that was set back goes on with the later day. */
void limits_note(struct limits_used *u, const struct traffic *t, int64_t now_s);
/* Seconds until so much is allowed: 0 when it is now, otherwise up to the next midnight UTC; a demand above the cap
 * itself is allowed when nothing was used of it, else it would never be. */
int64_t limits_wait_s(const struct limits *l, const struct limits_used *u, enum limits_cause cause,
		      const struct traffic *t, int64_t now_s);

/* varint day, requests, bytes. */
int limits_encode(const struct limits_used *u, struct buf *ret_value);
/* -EBADMSG. */
int limits_decode(struct reader *in, struct limits_used *ret_u);
