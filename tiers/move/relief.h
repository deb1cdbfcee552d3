/* SPDX-License-Identifier: MIT */
/* When the disk fills, moves that age alone would not make (capacity.h). Thread-safety: as gather.h. */
#pragma once

#include "tiers/move/capacity.h"
#include "tiers/move/cost.h"
#include "tiers/move/gather.h"

struct relief {
	struct capacity_config config;
	bool under_way;                /* from one round to the next */
	struct capacity_disk disk;     /* of this round */
};

/* The disk now, with `under_way` false. */
void relief_get_disk(struct files *f, struct capacity_disk *ret_disk);
/* Looks at the disk. True: it is full, so that gather_all() is to find candidates. Of a `rehearsal` nothing is
 * remembered. */
bool relief_look(struct relief *rl, struct files *f, bool rehearsal);
/* Adds to what was gathered, as far as that frees too little, what is to go down beside it. */
int relief_add(const struct relief *rl, struct gathering *g);
