/* SPDX-License-Identifier: MIT */
/* Packs that are dead, sparse or small: the first are deleted, what is alive in the others is packed anew
 * (partition.h chooses). One at a time for a volume. */
#pragma once

#include "tiers/move/packing.h"
#include "tiers/move/partition.h"
#include "tiers/move/send.h"

struct sweep {
	struct files *files;                    /* borrowed */
	struct partition_config warm, cold;     /* for packs here, and in the bucket */
	const struct sending *sending;          /* borrowed; NULL: there is no bucket */
	struct move_rate *rate;                 /* borrowed; NULL: as fast as it can */
	int64_t now_s;                          /* the clock of the grace period */
};

struct sweep_result {
	uint64_t deleted;      /* packs */
	uint64_t rewritten;    /* packs that were packed anew */
	uint64_t bytes;        /* that this took */
};

/* Deletes packs that nothing refers to. Without `sending`, those in a bucket stay. */
int sweep_dead(const struct sweep *s, struct sweep_result *ret);
/* Packs anew what is alive in sparse and small packs, and deletes those. Errors as packing_add() and pack_send(), with
 * what the bucket said in *ret_error. */
int sweep_run(const struct sweep *s, struct sweep_result *ret, struct bucket_error *ret_error);
