/* SPDX-License-Identifier: MIT */
/* Every key that there is. Default values stand with the modules that use them, and in docs/brainy.1. */
#include "base/cleanup.h"
#include "daemon/config_impl.h"
#include "tiers/move/classes.h"

#define AT(member) offsetof(struct config, member)
#define IN_CLASS(member) offsetof(struct config_class, member)

#define DAYS_MAX 36500
#define DAY_S 86400u

static const char *const retentions[] = { "keep", "delete", NULL };
static const char *const tiers[] = { "hot", "warm", "cold", NULL };
static const char *const addressings[] = { "path", "virtual", NULL };
static const char *const cold_reads[] = { "wait", "fail", NULL };

const struct config_field config_fields[] = {
	{ "mount", "timezone", CONFIG_TEXT, false, AT(mount.timezone), .check = config_check_timezone },

	{ "wal", "segment_size", CONFIG_SIZE, false, AT(wal.segment_size), 4 << 20, 1 << 30 },
	{ "wal", "segments_max", CONFIG_NUMBER, false, AT(wal.segments_max), 4, 1024 },
	{ "wal", "checkpoint_ms", CONFIG_NUMBER, true, AT(wal.checkpoint_ms), 10, 600000 },
	{ "wal", "no_mmap", CONFIG_BOOL, false, AT(wal.no_mmap) },

	{ "index", "exclude", CONFIG_LIST, true, AT(index.exclude), .separator = " " },
	{ "index", "languages", CONFIG_LIST, true, AT(index.languages), .separator = " ",
	  .check = config_check_languages },
	{ "index", "model", CONFIG_TEXT, false, AT(index.model) },
	{ "index", "max_file", CONFIG_SIZE, true, AT(index.max_file), 1, 1ull << 40 },
	{ "index", "memory_segment", CONFIG_SIZE, true, AT(index.memory_segment), 1 << 20, 1 << 30 },

	{ "tiers", "segment_size", CONFIG_SIZE, false, AT(tiers.segment_size), 4 << 20, 1 << 30 },
	{ "tiers", "inline_below", CONFIG_SIZE, false, AT(tiers.inline_below), 1, 64 << 10 },
	{ "tiers", "reserve", CONFIG_SIZE, false, AT(tiers.reserve), 1 << 20, 1ull << 40 },
	{ "tiers", "clean_below", CONFIG_NUMBER, false, AT(tiers.clean_below), 1, 80 },
	{ "tiers", "clean_ms", CONFIG_NUMBER, false, AT(tiers.clean_ms), 10, 600000 },
	{ "tiers", "hot_days", CONFIG_LASTING, true, AT(tiers.hot_days), 1, DAYS_MAX },
	{ "tiers", "warm_days", CONFIG_LASTING, true, AT(tiers.warm_days), 1, DAYS_MAX },
	{ "tiers", "retention", CONFIG_CHOICE, true, AT(tiers.retention), .words = retentions },
	{ "tiers", "retention_days", CONFIG_LASTING, true, AT(tiers.retention_days), 1, DAYS_MAX },
	{ "tiers", "hold_tags", CONFIG_LIST, true, AT(tiers.hold_tags), .separator = ", ",
	  .check = config_check_tags },
	{ "tiers", "ignore", CONFIG_LIST, false, AT(tiers.ignore), .separator = "," },
	{ "tiers", "settle_s", CONFIG_NUMBER, true, AT(tiers.settle_s), 1, DAY_S },
	{ "tiers", "promote_uses", CONFIG_LASTING, true, AT(tiers.promote_uses), 1, 8 },
	{ "tiers", "promote_gap_ms", CONFIG_NUMBER, true, AT(tiers.promote_gap_ms), 1, DAY_S * 1000 },
	{ "tiers", "promote_days", CONFIG_NUMBER, true, AT(tiers.promote_days), 1, 365 },
	{ "tiers", "capacity_high", CONFIG_NUMBER, true, AT(tiers.capacity_high), 10, 99 },
	{ "tiers", "capacity_low", CONFIG_NUMBER, true, AT(tiers.capacity_low), 5, 98 },
	{ "tiers", "capacity_idle_s", CONFIG_NUMBER, true, AT(tiers.capacity_idle_s), 1, 30 * DAY_S },
	{ "tiers", "window", CONFIG_LIST, true, AT(tiers.window), .separator = ", ",
	  .check = config_check_window },
	{ "tiers", "window_timezone", CONFIG_TEXT, true, AT(tiers.window_timezone),
	  .check = config_check_timezone },
	{ "tiers", "run_every_s", CONFIG_NUMBER, true, AT(tiers.run_every_s), 10, 30 * DAY_S },
	{ "tiers", "move_rate", CONFIG_SIZE, true, AT(tiers.move_rate), 64 << 10, 1ull << 40 },
	{ "tiers", "scrub_days", CONFIG_LASTING, true, AT(tiers.scrub_days), 1, DAYS_MAX },
	{ "tiers", "pack_size", CONFIG_SIZE, true, AT(tiers.pack_size), 1 << 20, 32 << 20 },
	{ "tiers", "pack_clean_below", CONFIG_NUMBER, true, AT(tiers.pack_clean_below), 1, 80 },
	{ "tiers", "pack_merge_below", CONFIG_NUMBER, true, AT(tiers.pack_merge_below), 1, 50 },

	{ "cold", "url", CONFIG_TEXT, true, AT(cold.url), .check = config_check_url, .opens_bucket = true },
	{ "cold", "endpoint", CONFIG_TEXT, true, AT(cold.endpoint), .check = config_check_endpoint,
	  .opens_bucket = true },
	{ "cold", "region", CONFIG_TEXT, true, AT(cold.region), .check = config_check_region,
	  .opens_bucket = true },
	{ "cold", "addressing", CONFIG_CHOICE, true, AT(cold.addressing), .words = addressings,
	  .opens_bucket = true },
	{ "cold", "profile", CONFIG_TEXT, true, AT(cold.profile), .opens_bucket = true },
	{ "cold", "ca_file", CONFIG_TEXT, true, AT(cold.ca_file), .check = config_check_absolute,
	  .opens_bucket = true },
	{ "cold", "proxy", CONFIG_TEXT, true, AT(cold.proxy), .check = config_check_endpoint,
	  .opens_bucket = true },
	{ "cold", "connections_min", CONFIG_NUMBER, true, AT(cold.connections_min), 1, 256,
	  .opens_bucket = true },
	{ "cold", "connections_max", CONFIG_NUMBER, true, AT(cold.connections_max), 1, 256,
	  .opens_bucket = true },
	{ "cold", "idle_timeout_s", CONFIG_NUMBER, true, AT(cold.idle_timeout_s), 1, 3600,
	  .opens_bucket = true },
	{ "cold", "connect_timeout_ms", CONFIG_NUMBER, true, AT(cold.connect_timeout_ms), 100, 600000,
	  .opens_bucket = true },
	{ "cold", "request_timeout_ms", CONFIG_NUMBER, true, AT(cold.request_timeout_ms), 100, 3600000,
	  .opens_bucket = true },
	{ "cold", "total_timeout_ms", CONFIG_NUMBER, true, AT(cold.total_timeout_ms), 100, 3600000,
	  .opens_bucket = true },
	{ "cold", "upload_rate", CONFIG_SIZE, true, AT(cold.upload_rate), 1 << 10, 1ull << 40 },
	{ "cold", "download_rate", CONFIG_SIZE, true, AT(cold.download_rate), 1 << 10, 1ull << 40 },
	{ "cold", "request_rate", CONFIG_NUMBER, true, AT(cold.request_rate), 1, 1000000 },
	{ "cold", "cold_read", CONFIG_CHOICE, true, AT(cold.cold_read), .words = cold_reads },
	{ "cold", "cold_read_timeout_s", CONFIG_NUMBER, true, AT(cold.cold_read_timeout_s), 1, 30 * DAY_S },
	{ "cold", "cache_size", CONFIG_SIZE, false, AT(cold.cache_size), 4 << 20, 1ull << 50 },
	{ "cold", "grace_hours", CONFIG_NUMBER, true, AT(cold.grace_hours), 1, DAYS_MAX * 24 },
	{ "cold", "clean_below", CONFIG_NUMBER, true, AT(cold.clean_below), 1, 80 },
	{ "cold", "scrub_days", CONFIG_LASTING, true, AT(cold.scrub_days), 1, DAYS_MAX },
	{ "cold", "dated_keys", CONFIG_BOOL, true, AT(cold.dated_keys), .opens_bucket = true },

	{ "limits", "requests_per_day", CONFIG_NUMBER, true, AT(limits.requests_per_day), 1, 1ull << 50 },
	{ "limits", "bytes_per_day", CONFIG_SIZE, true, AT(limits.bytes_per_day), 1, 1ull << 60 },

	{ "prices", "put", CONFIG_PRICE, true, AT(prices.put) },
	{ "prices", "get", CONFIG_PRICE, true, AT(prices.get) },
	{ "prices", "list", CONFIG_PRICE, true, AT(prices.list) },
	{ "prices", "delete", CONFIG_PRICE, true, AT(prices.remove) },
	{ "prices", "out_gb", CONFIG_PRICE, true, AT(prices.out_gb) },
	{ "prices", "stored_gb_month", CONFIG_PRICE, true, AT(prices.stored_gb_month) },
	{ "prices", "currency", CONFIG_TEXT, true, AT(prices.currency), .check = config_check_currency },

	{ CONFIG_CLASS, "path", CONFIG_LIST, true, IN_CLASS(path), .separator = "\n",
	  .check = classes_check_paths },
	{ CONFIG_CLASS, "type", CONFIG_LIST, true, IN_CLASS(type), .separator = ", ",
	  .check = classes_check_types },
	{ CONFIG_CLASS, "tag", CONFIG_LIST, true, IN_CLASS(tag), .separator = ", ",
	  .check = config_check_tags },
	{ CONFIG_CLASS, "owner", CONFIG_LIST, true, IN_CLASS(owner), .separator = ", ",
	  .check = classes_check_numbers },
	{ CONFIG_CLASS, "group", CONFIG_LIST, true, IN_CLASS(group), .separator = ", ",
	  .check = classes_check_numbers },
	{ CONFIG_CLASS, "size", CONFIG_RANGE, true, IN_CLASS(size_min) },
	{ CONFIG_CLASS, "tier", CONFIG_CHOICE, true, IN_CLASS(tier), .words = tiers },
	{ CONFIG_CLASS, "hot_days", CONFIG_LASTING, true, IN_CLASS(hot_days), 1, DAYS_MAX },
	{ CONFIG_CLASS, "warm_days", CONFIG_LASTING, true, IN_CLASS(warm_days), 1, DAYS_MAX },
	{ CONFIG_CLASS, "retention", CONFIG_CHOICE, true, IN_CLASS(retention), .words = retentions },
	{ CONFIG_CLASS, "retention_days", CONFIG_LASTING, true, IN_CLASS(retention_days), 1, DAYS_MAX },
};

const size_t config_fields_n = ARRAY_SIZE(config_fields);

_Static_assert(ARRAY_SIZE(config_fields) <= CONFIG_FIELDS_MAX, "the parser has a flag for each");
_Static_assert(offsetof(struct config_class, size_max) ==
		       offsetof(struct config_class, size_min) + sizeof(uint64_t),
	       "a range is two numbers");
