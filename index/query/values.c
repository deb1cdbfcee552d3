/* SPDX-License-Identifier: MIT */
#include "index/query/values.h"

#include <string.h>

#include "index/query/why.h"

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible
 * low-level date algorithms"). */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t era;
	unsigned of_era, of_year, days;

	year -= month <= 2;
	era = year / 400;
	of_era = (unsigned)(year - era * 400);
	of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
	return era * 146097 + (int64_t)days - 719468;
}

/* Exactly `digits` digits; moves *at. -1: not there. */
static int read_digits(const char **at, unsigned digits)
{
	int n = 0;

	for (; digits > 0; digits--, ++*at) {
		if (**at < '0' || **at > '9')
			return -1;
		n = 10 * n + (**at - '0');
	}
	return n;
}

static unsigned days_of_month(int year, int month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char *at, int *ret_year, int *ret_month, int *ret_day)
{
	*ret_year = read_digits(&at, 4);
	*ret_month = *ret_day = 1;
	if (*ret_year >= 0 && *at == '-') {
		at++;
		*ret_month = read_digits(&at, 2);
		if (*ret_month >= 1 && *ret_month <= 12 && *at == '-') {
			at++;
			*ret_day = read_digits(&at, 2);
		}
	}
	return *at == 0 && *ret_year >= 0 && *ret_month >= 1 && *ret_month <= 12 && *ret_day >= 1 &&
	       (unsigned)*ret_day <= days_of_month(*ret_year, *ret_month);
}

int query_value_time(const char *value, bool before, int64_t *ret_low, int64_t *ret_high, char **ret_why)
{
	int year, month, day;
	int64_t ns;

	if (!read_date(value, &year, &month, &day))
		return query_why(ret_why, "%s:%s: a date is wanted, YYYY, YYYY-MM or YYYY-MM-DD",
				 before ? "before" : "after", value);
	if (__builtin_mul_overflow(days_from_civil(year, (unsigned)month, (unsigned)day), 86400 * 1000000000ll, &ns))
		ns = year < 1970 ? INT64_MIN : INT64_MAX;
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
