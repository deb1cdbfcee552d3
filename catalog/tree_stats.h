/* SPDX-License-Identifier: MIT */
/* Private to catalog/: the counters of tree_get_stats() and queue_count(), one record that each batch
 * rewrites when it changes one of them, so that they are exact after a crash. */
#pragma once

#include <stdint.h>

#include "catalog/catalog.h"

struct stats_delta {
	int64_t files, directories, others, bytes, queued;
};

/* Adds in the batch; nothing is written when all are 0. -EBADMSG. */
int stats_change(struct batch *b, const struct stats_delta *delta);
