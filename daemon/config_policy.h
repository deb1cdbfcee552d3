/* SPDX-License-Identifier: MIT */
/* What the configuration means to the modules in tiers/move. Pure. */
#pragma once

#include "daemon/config.h"
#include "tiers/move/capacity.h"
#include "tiers/move/cost.h"
#include "tiers/move/partition.h"
#include "tiers/move/policy.h"
#include "tiers/move/window.h"
#include "tiers/s3/bucket.h"

/* As policy_new(); copies, so that the configuration may change afterwards. */
int config_new_policy(const struct config *c, struct policy **ret_p, char **ret_why);

struct capacity_config config_capacity(const struct config *c);
/* For packs that lie in this tier, warm or cold. */
struct partition_config config_partition(const struct config *c, enum policy_tier tier);
struct prices config_prices(const struct config *c);
struct limits config_limits(const struct config *c);
/* The windows and their time zone: true when that is the machine's, else *ret_offset_s holds. */
bool config_windows(const struct config *c, struct time_windows *ret_w, int32_t *ret_offset_s);
/* How fast the bucket may be asked. */
/* Sets the zone that days are told in (base/zone.h). */
void config_set_zone(const struct config *c);
struct bucket_pace config_pace(const struct config *c);
/* grace_hours, with its default. */
int64_t config_grace_s(const struct config *c);
/* promote_gap_ms, with its default. */
int64_t config_promote_gap_ms(const struct config *c);
