/* SPDX-License-Identifier: MIT */
/* From [cold] of the configuration to a bucket. */
#pragma once

#include "daemon/config.h"
#include "tiers/s3/bucket.h"

/* *ret_b is NULL without a `url`. Asks no network. */
int cold_open(const struct config *config, struct bucket **ret_b, struct bucket_error *ret_why);
