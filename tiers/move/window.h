/* SPDX-License-Identifier: MIT */
/* When moves are allowed: `01:00-06:00, Sat-Sun 00:00-24:00`.
 *
 * An item is an optional day or range of days (Mon Tue Wed Thu Fri Sat Sun, case ignored; Fri-Mon goes on over Sunday),
 * then HH:MM-HH:MM; items are separated by commas. A time that ends at or before its begin goes on past midnight,
 * and its days are those on which it begins: `Fri 22:00-06:00` ends on Saturday. The end does not belong to it.
 *
 * Pure: the time comes in. Local time is UTC plus an offset that the caller knows: from the configuration, or from
 * localtime_r() for that very moment, so that a change to summer time moves the windows with the clocks on the wall. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOWS_MAX 32u
/* Farther from UTC than any place on earth. */
#define UTC_OFFSET_MAX_S (18 * 3600)

struct time_window {
	uint8_t days;                    /* bit 0: Monday; those on which it begins */
	uint16_t from_minute, to_minute; /* of the day on which it begins; `to` up to 48 * 60 */
};

struct time_windows {
	unsigned n; /* 0: always */
	struct time_window items[WINDOWS_MAX];
};

/* NULL or nothing but blanks: always. -EINVAL. -E2BIG: above WINDOWS_MAX items. */
int windows_parse(const char *text, struct time_windows *ret_w);
/* `UTC` or +HH:MM or -HH:MM. -EINVAL. */
int windows_parse_offset(const char *text, int32_t *ret_offset_s);

/* `weekday` from 0, Monday; `minute` of that day, local time. */
bool windows_allow_at(const struct time_windows *w, unsigned weekday, unsigned minute);
/* `now_s` since 1970 UTC. */
bool windows_allow(const struct time_windows *w, int64_t now_s, int32_t utc_offset_s);
/* Seconds until moves are allowed, 0 when they are. */
int64_t windows_wait_s(const struct time_windows *w, int64_t now_s, int32_t utc_offset_s);
