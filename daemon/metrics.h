/* SPDX-License-Identifier: MIT */
/* The texts of .brainy/tiers and .brainy/metrics. */
#pragma once

#include "daemon/server.h"

int metrics_tiers(struct server *s, struct buf *ret_text);
int metrics_describe(struct server *s, struct buf *ret_text);
