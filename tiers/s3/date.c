/* SPDX-License-Identifier: MIT */
#include "tiers/s3/date.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define MONTHS "JanFebMarAprMayJunJulAugSepOctNovDec"

/* `n` digits, which stand for a number from `low` to `high`. */
static bool take_number(const char **at, unsigned n, int low, int high, int *ret_number)
{
	int number = 0;

	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		number = number * 10 + (**at - '0');
	}
	*ret_number = number;
	return number >= low && number <= high;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_month(const char **at, int *ret_month)
{
	for (int i = 0; i < 12; i++) {
		if (strncmp(*at, &MONTHS[3 * i], 3) == 0) {
			*ret_month = i + 1;
			*at += 3;
			return true;
		}
	}
	return false;
}

/* "08:49:37"; a leap second is the one before. */
static bool take_clock(const char **at, struct tm *tm)
{
	return take_number(at, 2, 0, 23, &tm->tm_hour) && take_text(at, ":") &&
	       take_number(at, 2, 0, 59, &tm->tm_min) && take_text(at, ":") &&
	       take_number(at, 2, 0, 60, &tm->tm_sec);
}

static int seconds(struct tm *tm, int64_t *ret_s)
{
	if (tm->tm_sec == 60)
		tm->tm_sec = 59;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	*ret_s = (int64_t)timegm(tm);
	return 0;
}

int date_parse_http(const char *text, int64_t *ret_s)
{
	const char *at = text;
	struct tm tm = { 0 };

	if (strnlen(at, 5) < 5 || at[3] != ',' || at[4] != ' ')
		return -EINVAL;
	at += 5;
	if (!take_number(&at, 2, 1, 31, &tm.tm_mday) || !take_text(&at, " ") ||
	    !take_month(&at, &tm.tm_mon) || !take_text(&at, " ") ||
	    !take_number(&at, 4, 1970, 9999, &tm.tm_year) || !take_text(&at, " ") || !take_clock(&at, &tm) ||
	    !take_text(&at, " GMT"))
		return -EINVAL;
	return seconds(&tm, ret_s);
}

int date_parse_iso(const char *text, int64_t *ret_s)
{
	const char *at = text;
	struct tm tm = { 0 };

	if (!take_number(&at, 4, 1970, 9999, &tm.tm_year) || !take_text(&at, "-") ||
	    !take_number(&at, 2, 1, 12, &tm.tm_mon) || !take_text(&at, "-") ||
	    !take_number(&at, 2, 1, 31, &tm.tm_mday) || !take_text(&at, "T") || !take_clock(&at, &tm))
		return -EINVAL;
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	return strcmp(at, "Z") == 0 ? seconds(&tm, ret_s) : -EINVAL;
}
