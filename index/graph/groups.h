/* SPDX-License-Identifier: MIT */
/* Groups of nodes, numbered as whole.h says. */
#pragma once

#include "index/graph/whole.h"

/* Makes the groups of labels below `n`, one a node; takes over `labels`, also when it fails. -ENOMEM. */
int groups_of_labels(uint32_t *labels, uint32_t n, struct graph_groups *ret_s);
