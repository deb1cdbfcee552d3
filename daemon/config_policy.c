/* SPDX-License-Identifier: MIT */
#include "daemon/config_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone.h"
#include "base/cleanup.h"

#define PROMOTE_GAP_MS 200
#define GRACE_HOURS 168

/* Numbers of words are handed on as they are. */
_Static_assert((int)CONFIG_HOT == (int)POLICY_HOT && (int)CONFIG_COLD == (int)POLICY_COLD, "the same tiers");
_Static_assert((int)CONFIG_KEEP == (int)POLICY_KEEP && (int)CONFIG_DELETE == (int)POLICY_DELETE,
	       "the same retention");
_Static_assert(CONFIG_NEVER == POLICY_NEVER, "the same never");

static struct policy_class_config class_of(const struct config_class *c)
{
	return (struct policy_class_config){
		.name = c->name,
		.path = c->path,
		.type = c->type,
		.tag = c->tag,
		.owner = c->owner,
		.group = c->group,
		.size_min = c->size_min,
		.size_max = c->size_max,
		.tier = (enum policy_tier)c->tier,
		.hot_days = c->hot_days,
		.warm_days = c->warm_days,
		.retention_days = c->retention_days,
		.retention = (enum policy_retention)c->retention,
	};
}

int config_new_policy(const struct config *c, struct policy **ret_p, char **ret_why)
{
	_cleanup_free_ struct policy_class_config *classes = calloc(c->n_classes + 1, sizeof(*classes));
	struct policy_config config = {
		.hot_days = c->tiers.hot_days, .warm_days = c->tiers.warm_days,
		.retention = (enum policy_retention)c->tiers.retention,
		.retention_days = c->tiers.retention_days,
		.hold_tags = c->tiers.hold_tags,
		.settle_s = c->tiers.settle_s,
		.promote_uses = c->tiers.promote_uses, .promote_days = c->tiers.promote_days,
		.classes = classes, .n_classes = c->n_classes,
	};

	if (!classes)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_classes; i++)
		classes[i] = class_of(&c->classes[i]);
	return policy_new(&config, ret_p, ret_why);
}

struct capacity_config config_capacity(const struct config *c)
{
	return (struct capacity_config){
		.high = (unsigned)c->tiers.capacity_high,
		.low = (unsigned)c->tiers.capacity_low,
		.idle_s = c->tiers.capacity_idle_s,
	};
}

struct partition_config config_partition(const struct config *c, enum policy_tier tier)
{
	return (struct partition_config){
		.pack_bytes = c->tiers.pack_size,
		.clean_below =
			(uint32_t)(tier == POLICY_COLD ? c->cold.clean_below : c->tiers.pack_clean_below),
		.merge_below = (uint32_t)c->tiers.pack_merge_below,
	};
}

struct prices config_prices(const struct config *c)
{
	return (struct prices){
		.put = c->prices.put,
		.get = c->prices.get,
		.list = c->prices.list,
		.remove = c->prices.remove,
		.out_gb = c->prices.out_gb,
		.stored_gb_month = c->prices.stored_gb_month,
	};
}

struct limits config_limits(const struct config *c)
{
	return (struct limits){ .requests = c->limits.requests_per_day, .bytes = c->limits.bytes_per_day };
}

bool config_windows(const struct config *c, struct time_windows *ret_w, int32_t *ret_offset_s)
{
	const char *zone = c->tiers.window_timezone;

	/* Both were read before. */
	if (windows_parse(c->tiers.window, ret_w) < 0)
		*ret_w = (struct time_windows){ 0 };
	*ret_offset_s = 0;
	return !zone || windows_parse_offset(zone, ret_offset_s) < 0;
}

void config_set_zone(const struct config *c)
{
	const char *zone = c->mount.timezone;
	int32_t offset_s = 0;

	zone_set(zone && windows_parse_offset(zone, &offset_s) < 0, offset_s);
}

struct bucket_pace config_pace(const struct config *c)
{
	return (struct bucket_pace){ c->cold.upload_rate, c->cold.download_rate, c->cold.request_rate };
}

int64_t config_grace_s(const struct config *c)
{
	return (int64_t)(c->cold.grace_hours ? c->cold.grace_hours : GRACE_HOURS) * 3600;
}

int64_t config_promote_gap_ms(const struct config *c)
{
	return c->tiers.promote_gap_ms ? (int64_t)c->tiers.promote_gap_ms : PROMOTE_GAP_MS;
}
