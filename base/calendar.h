/* SPDX-License-Identifier: MIT */
/* Dates of the proleptic Gregorian calendar, and the clock of `--now`. Pure; seconds and days count from
 * 1970-01-01 UTC. */
#pragma once

#include <stdint.h>

#define DAY_S 86400

/* The day that holds this second; days before 1970 are negative. */
static inline int64_t calendar_day(int64_t seconds)
{
	return seconds / DAY_S - (seconds % DAY_S < 0);
}

/* 0 is Monday. */
static inline unsigned calendar_weekday(int64_t day)
{
	return (unsigned)(((day + 3) % 7 + 7) % 7);
}

/* YYYY-MM-DD. -EINVAL: not a date of the years 0 to 9999. */
int calendar_parse_date(const char *text, int64_t *ret_day);
/* Also YYYY and YYYY-MM: their first day. */
int calendar_parse_part(const char *text, int64_t *ret_day);
/* And their last one. */
int calendar_parse_span(const char *text, int64_t *ret_first, int64_t *ret_last);

/* What `--now` says: YYYY-MM-DD, which is its midnight UTC, or +Nd, N days (at most 36 500) after `real_now_s`.
 * -EINVAL. */
int calendar_parse_now(const char *text, int64_t real_now_s, int64_t *ret_now_s);
