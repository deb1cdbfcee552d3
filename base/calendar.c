/* SPDX-License-Identifier: MIT */
#include "base/calendar.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define AHEAD_DAYS_MAX 36500

/* H. Hinnant, "chrono-compatible low-level date algorithms". */
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

/* "-" and two digits, from 1 to `most`; moves *at. */
static bool read_part(const char **at, int most, int *ret_part)
{
	if (*(*at)++ != '-')
		return false;
	*ret_part = read_digits(at, 2);
	return *ret_part >= 1 && *ret_part <= most;
}

static int days_of_month(int year, int month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

int calendar_parse_span(const char *text, int64_t *ret_first, int64_t *ret_last)
{
	int year = read_digits(&text, 4), month = 0, day = 0, last;

	if (year < 0 || (*text && !read_part(&text, 12, &month)) ||
	    (*text && !read_part(&text, days_of_month(year, month), &day)) || *text)
		return -EINVAL;
	last = month ? month : 12;
	*ret_first = days_from_civil(year, month ? (unsigned)month : 1, day ? (unsigned)day : 1);
	*ret_last = days_from_civil(year, (unsigned)last, day ? (unsigned)day : (unsigned)days_of_month(year, last));
	return 0;
}

int calendar_parse_part(const char *text, int64_t *ret_day)
{
	int64_t last;

	return calendar_parse_span(text, ret_day, &last);
}

int calendar_parse_date(const char *text, int64_t *ret_day)
{
	return strlen(text) == strlen("YYYY-MM-DD") ? calendar_parse_part(text, ret_day) : -EINVAL;
}

/* After the plus: digits and a d. */
static int parse_ahead(const char *text, int64_t *ret_days)
{
	int64_t days = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9' && days <= AHEAD_DAYS_MAX; text++)
		days = 10 * days + (*text - '0');
	if (days > AHEAD_DAYS_MAX || text[0] != 'd' || text[1])
		return -EINVAL;
	*ret_days = days;
	return 0;
}

int calendar_parse_now(const char *text, int64_t real_now_s, int64_t *ret_now_s)
{
	int64_t days, now;
	int r = *text == '+' ? parse_ahead(text + 1, &days) : calendar_parse_date(text, &days);

	if (r < 0)
		return r;
	if (__builtin_add_overflow(*text == '+' ? real_now_s : 0, days * DAY_S, &now))
		return -EINVAL;
	*ret_now_s = now;
	return 0;
}
