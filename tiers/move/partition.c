/* SPDX-License-Identifier: MIT */
#include "tiers/move/partition.h"

#include "base/cleanup.h"

static uint64_t pack_bytes(const struct partition_config *config)
{
	return config->pack_bytes ? config->pack_bytes : PARTITION_PACK_BYTES;
}

static uint64_t estimate(uint64_t bytes, uint32_t ratio)
{
	unsigned __int128 stored = ((unsigned __int128)bytes * (ratio ? ratio : 1000) + 999) / 1000;

	return stored > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)stored;
}

/* From the first day on, is this one too far? */
static bool beyond(const struct partition_config *config, int64_t first_day, int64_t day)
{
	uint32_t span = config->span_days ? config->span_days : PARTITION_SPAN_DAYS;

	return day - first_day >= (int64_t)span;
}

/* An item that fills a pack alone, and more. */
static uint32_t packs_of(uint64_t stored, uint64_t full)
{
	uint64_t packs = stored / full + (stored % full != 0);

	packs = MAX(packs, (uint64_t)1);
	return (uint32_t)MIN(packs, (uint64_t)UINT32_MAX);
}

bool partition_next(const struct partition_config *config, const struct partition_item *items, size_t n, size_t first,
		    uint32_t ratio, struct partition *ret_p)
{
	uint64_t full = pack_bytes(config);
	struct partition p = { .first = first, .end = first };

	if (first >= n)
		return false;
	p.first_day = items[first].day;
	for (; p.end < n && !beyond(config, p.first_day, items[p.end].day); p.end++) {
		uint64_t stored = estimate(items[p.end].bytes, ratio);

		p.full = p.end > first && (stored > full || p.stored_bytes > full - stored);
		if (p.full)
			break;
		p.bytes += items[p.end].bytes;
		p.stored_bytes += stored;
		p.last_day = items[p.end].day;
	}
	p.packs = packs_of(p.stored_bytes, full);
	*ret_p = p;
	return true;
}
