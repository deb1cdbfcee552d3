/* SPDX-License-Identifier: MIT */
#include "index/query/values.h"

#include <string.h>

#include "base/calendar.h"
#include "index/query/why.h"

int query_value_time(const char *value, bool before, int64_t *ret_low, int64_t *ret_high, char **ret_why)
{
	int64_t day = 0, ns;

	if (calendar_parse_part(value, &day) < 0)
		return query_why(ret_why, "%s:%s: a date is wanted, YYYY, YYYY-MM or YYYY-MM-DD",
				 before ? "before" : "after", value);
	if (__builtin_mul_overflow(day, DAY_S * 1000000000ll, &ns))
		ns = day < 0 ? INT64_MIN : INT64_MAX;
	*ret_low = before ? INT64_MIN : ns;
	*ret_high = before ? ns : INT64_MAX;
	return 0;
}

/* Digits and a unit; moves *at. False: not there, or too much. */
static bool read_size(const char **at, int64_t *ret)
{
	const char *units = "KMGT", *unit;
	int64_t n = 0;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; ++*at)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, **at - '0', &n))
			return false;
	unit = (**at | 0x20) >= 'a' ? strchr(units, **at & ~0x20) : NULL;
	if (unit) {
		++*at;
		if (__builtin_mul_overflow(n, 1ll << (10 * (unit - units + 1)), &n))
			return false;
	}
	if (**at == 'B')
		++*at;
	*ret = n;
	return true;
}

int query_value_size(const char *value, int64_t *ret_low, int64_t *ret_high, char **ret_why)
{
	const char *at = value + (*value == '>' || *value == '<');
	int64_t low, high;
	bool good = read_size(&at, &low);

	high = low;
	if (good && *value == '>') {
		high = INT64_MAX;
		low++;
	} else if (good && *value == '<') {
		high--;
		low = 0;
	} else if (good && strncmp(at, "..", 2) == 0) {
		at += 2;
		good = read_size(&at, &high);
	}
	if (!good || *at)
		return query_why(ret_why, "size:%s: a size is wanted: 10K, >1M, <2G or 1K..1M", value);
	*ret_low = low;
	*ret_high = high;
	return 0;
}
