/* SPDX-License-Identifier: MIT */
/* What packs there are, by their own word: for records that are lost. Not thread-safe. */
#pragma once

#include "tiers/verify_packs.h"

struct found_pack {
	struct pack_record record; /* with the flag of where it lies */
	uint64_t created_ns;
};

struct found_packs {
	struct files *f;           /* borrowed */
	struct files_check *check; /* borrowed */
	struct found_pack *all;    /* owned */
	size_t n, cap;
	bool warm, cold;           /* was searched */
	bool expected;             /* there is a bucket, attached or not */
};

void found_packs_done(struct found_packs *p);
/* The pack that says it has this number: in warm/, or else in the bucket if one is attached. Of several the one that
 * was made last, but none that is younger than the log: then the catalog is an older copy, whose numbers were given
 * out again. -ENOENT. Errors of the bucket, told. */
int found_packs_get(struct found_packs *p, uint64_t number, struct pack_record *ret_record);
