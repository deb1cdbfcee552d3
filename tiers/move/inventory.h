/* SPDX-License-Identifier: MIT */
/* Is everything in a bucket that the catalog says is there? Names and sizes only; nothing is read. Thread-safe. */
#pragma once

#include "tiers/packs.h"

struct inventory {
	uint64_t packs, bytes;          /* that are to be there */
	uint64_t missing, altered;      /* not there; of another size */
	char first_key[PACK_KEY_SIZE];  /* of those, the first */
};

/* Errors of bucket_list(), of the catalog; -ENOMEM. */
int inventory_take(struct catalog *c, struct bucket *b, struct inventory *ret_i, struct bucket_error *ret_error);
/* Packs there are to be. */
int inventory_count(struct catalog *c, struct inventory *ret_i);
