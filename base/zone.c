/* SPDX-License-Identifier: MIT */
#include "base/zone.h"

static struct {
	bool local;
	int32_t offset_s;
} zone;

void zone_set(bool local, int32_t offset_s)
{
	zone.local = local;
	zone.offset_s = offset_s;
}

struct tm *zone_break(time_t at, struct tm *ret_tm)
{
	time_t there = at + zone.offset_s;

	return zone.local ? localtime_r(&at, ret_tm) : gmtime_r(&there, ret_tm);
}

time_t zone_make(struct tm *tm)
{
	tm->tm_isdst = -1; /* mktime(3) knows the days on which clocks are changed */
	return zone.local ? mktime(tm) : timegm(tm) - zone.offset_s;
}
