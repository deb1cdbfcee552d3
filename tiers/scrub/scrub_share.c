/* SPDX-License-Identifier: MIT */
#include "tiers/scrub/scrub_share.h"

#include "base/cleanup.h"

uint64_t scrub_share(uint64_t total, uint64_t done, int64_t elapsed_s, uint64_t period_s)
{
	uint64_t due;

	if (elapsed_s < 0)
		return 0;
	if ((uint64_t)elapsed_s >= period_s)
		return UINT64_MAX;
	due = (uint64_t)((__uint128_t)total * (uint64_t)elapsed_s / period_s);
	if (due <= done || due - done < MAX(total / SCRUB_SHARES, (uint64_t)SCRUB_SHARE_MIN))
		return 0;
	return due - done;
}
