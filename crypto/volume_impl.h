/* SPDX-License-Identifier: MIT */
/* A seam for unit tests, which cannot spend 256 MiB and half a second on each slot: the functions of
 * volume.h with another Argon2id cost, for new slots and as the least that is accepted. */
#pragma once

#include "crypto/keyslot.h"
#include "crypto/volume.h"

int volume_new_costing(struct id128 id, enum cipher cipher, const struct volume_secret *secret,
		       const struct keyslot_cost *cost, struct buf *ret_recovery, struct volume **ret_v, struct keyring **ret_k);
int volume_load_costing(int dirfd, const struct keyslot_cost *least, struct volume **ret_v, char **ret_why);
