/* SPDX-License-Identifier: MIT */
/* When the local disk fills: which files go down although they are young. Pure.
 *
 * It begins when `high` percent of the disk are used and ends when less than `low` are; between them it goes on if it
 * is `under_way`, which the caller remembers from the last look. Three passes, each of which ends as soon as enough is
 * freed:
 *
 *   1  hot to warm, what compression frees: files unused for `idle_s`, and of which a twentieth at least is freed
 *   2  to cold, when one is attached: what is warm by now, and hot files that pass 1 left, unused for `idle_s`
 *   3  both again without regard to `idle_s`: a full disk is worse than a slow read
 *
 * Within a pass the oldest use goes first, weighted by size: a file's weight is its age times 1 for files up to
 * 4 KiB, rising by an eighth with each doubling, to 3 from 256 MiB on. So of two files that were not used for weeks
 * the large one goes, but a film that was seen yesterday stays before letters of last week.
 *
 * policy_coldest() says which files are candidates, and which of them must not be cold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tiers/move/policy.h"

struct capacity_config {
	unsigned high, low; /* percent of the disk: 85, 80 */
	uint64_t idle_s;    /* 3600 */
};

struct capacity_candidate {
	uint64_t ino;
	int64_t age_s;                /* policy_age_s() */
	uint64_t hot_bytes;           /* what it takes in the hot tier */
	uint64_t packed_bytes;        /* estimate of what those would take in warm packs */
	uint64_t warm_bytes;          /* what it takes in warm packs now */
	bool not_cold;                /* policy_coldest() is warm */
	/* Answer. */
	enum policy_tier to;          /* AUTO: stays */
	uint64_t weight;
};

struct capacity_result {
	uint64_t wanted_bytes;  /* to be freed; 0: the disk is not full */
	uint64_t freed_bytes;   /* by what was chosen; less than wanted: there is nothing else */
	size_t chosen;
};

/* What is used and what there is, as statvfs(3) of the disk that holds the volume tells; less what was moved away
 * and waits for its segment to be cleaned, else that is freed twice. */
struct capacity_disk {
	uint64_t used_bytes, total_bytes;
	bool under_way; /* what capacity_is_full() said when it was asked before */
};

/* Is it time, or not done yet? */
bool capacity_is_full(const struct capacity_config *config, const struct capacity_disk *disk);
/* Bytes that may come before it is. */
uint64_t capacity_room(const struct capacity_config *config, const struct capacity_disk *disk);
/* Sets `to` and `weight` of all candidates, which it sorts by falling weight. */
void capacity_choose(const struct capacity_config *config, const struct capacity_disk *disk, bool cold_attached,
		     struct capacity_candidate *candidates, size_t n, struct capacity_result *ret_result);
/* The move of one that was chosen, to be explained and counted like others. */
void capacity_move(const struct capacity_candidate *c, struct policy_move *ret_move);
