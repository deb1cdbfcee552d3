/* SPDX-License-Identifier: MIT */
/* Time partitions: what goes into which pack, and which packs are made anew. Pure.
 *
 * A partition is a contiguous range of days of mtime, grown until a pack is full, at most a year: files of a time are
 * mostly read, and deleted, together. Days count from 1970-01-01 UTC (calendar.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTITION_PACK_BYTES (32u << 20)
#define PARTITION_SPAN_DAYS 365u

/* Zero means default everywhere. */
struct partition_config {
	uint64_t pack_bytes;      /* stored: PARTITION_PACK_BYTES */
	uint32_t span_days;       /* PARTITION_SPAN_DAYS */
	/* Making packs anew. */
	uint32_t clean_below;     /* percent alive, under which a pack is rewritten: 50 */
	uint32_t merge_below;     /* percent of a full pack, under which one is small: 25 */
	uint32_t small_max;       /* so many small packs of a partition may stay beside each other: 8 */
	uint64_t rewrite_bytes;   /* live bytes that one plan rewrites at most: 1 GiB */
};

/* ---- new packs */

/* What cannot be divided: an extent, or a small file. */
struct partition_item {
	int64_t day;
	uint64_t bytes; /* plain */
};

/* The items from `first` up to `end`, which make one pack; or several, when a single item is larger than one. */
struct partition {
	size_t first, end;
	int64_t first_day, last_day;
	uint64_t bytes, stored_bytes; /* the latter is an estimate */
	uint32_t packs;
	bool full;                    /* closed because the next item did not fit, not by the span or the end */
};

/* The partition that begins at item `first` of `n`, which are sorted by day. `ratio`: thousandths of the plain bytes that
 * a pack is expected to take; 0: 1000. False: there are no more items. To walk all: `first` = ret_p->end. */
bool partition_next(const struct partition_config *config, const struct partition_item *items, size_t n, size_t first,
		    uint32_t ratio, struct partition *ret_p);

/* ---- packs that lie there already
 *
 * A pack without live bytes is dropped. A sparse one, under `clean_below`, is rewritten, those first that free the most
 * for each byte rewritten, up to `rewrite_bytes`; others of the same time join it in the new pack while there is room.
 * Small packs are merged, smallest first, as many as are together at least twice as large as the largest of them, so
 * that each byte is rewritten a logarithmic number of times only; and all of them when there are more than `small_max`.
 * So a year keeps at most small_max small packs. A new pack is never above pack_bytes, nor its days above the span;
 * a pack that is longer than the span itself is rewritten alone. */

enum partition_action { PARTITION_KEEP, PARTITION_DROP, PARTITION_REWRITE };

struct partition_pack {
	uint64_t id;                   /* the caller's */
	int64_t first_day, last_day;
	uint64_t stored_bytes;         /* what it takes */
	uint64_t live_bytes;           /* of those, what is still referred to */
	/* Answer. */
	enum partition_action action;
	uint32_t group;                /* of REWRITE: packs of the same number, from 1 on, go into one new pack */
};

struct partition_plan {
	uint32_t groups;
	uint64_t rewritten_bytes; /* live bytes that are copied */
	uint64_t freed_bytes;     /* dropped and dead ones */
	size_t dropped, rewritten;
};

/* Sets `action` and `group` of all packs, which it sorts: by group, then first day. A pack is in a group once. */
void partition_plan(const struct partition_config *config, struct partition_pack *packs, size_t n,
		    struct partition_plan *ret_plan);
