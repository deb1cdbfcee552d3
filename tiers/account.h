/* SPDX-License-Identifier: MIT */
/* Accounts of data segments, and of packs (catalog/pack_record.h): how many bytes of one are referenced by extents. A
 * range that several extents share counts once for each, so that a change costs one addition and no search; cleaning
 * treats such a segment as fuller than it is, which is harmless. An account of 0 means that nothing refers to the
 * segment.
 *
 * Record: key 'S' be64 segment, value varint bytes. It is there from the first reference until the
 * segment is about to be deleted.
 *
 * A struct account collects the differences of one batch. Not thread-safe. */
#pragma once

#include <stdint.h>

#include "catalog/extent.h"

struct account_entry {
	uint64_t segment;
	int64_t bytes;
};

struct account {
	struct account_entry *entries; /* owned */
	size_t n, cap;
};

void account_done(struct account *a);
int account_add(struct account *a, uint64_t segment, int64_t bytes);
/* The bytes of an extent, `sign` times; of one without an object, nothing. */
int account_extent(struct account *a, const struct extent *e, int sign);
/* Puts the differences into the batch and forgets them. */
int account_flush(struct account *a, struct batch *b);

/* -ENOENT: no extent ever named the segment, or it is about to be deleted. */
int account_get(struct catalog *c, uint64_t segment, uint64_t *ret_bytes);
int account_get_in(struct batch *b, uint64_t segment, uint64_t *ret_bytes);
void account_remove(struct batch *b, uint64_t segment);
int account_foreach(struct catalog *c, int (*account)(void *context, uint64_t segment, uint64_t bytes),
		    void *context);
