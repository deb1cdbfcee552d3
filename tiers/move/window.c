/* SPDX-License-Identifier: MIT */
#include "tiers/move/window.h"

#include <errno.h>
#include <strings.h>

#include "base/calendar.h"
#include "base/cleanup.h"

#define DAY_MINUTES (24 * 60)
#define ALL_DAYS 0x7f

static void skip_blanks(const char **at)
{
	while (**at == ' ' || **at == '\t' || **at == '\n')
		++*at;
}

static bool skip(const char **at, char sign)
{
	if (**at != sign)
		return false;
	++*at;
	return true;
}

/* HH:MM, up to 24:00. -1: not there. */
static int read_minute(const char **at)
{
	const char *a = *at;
	int minutes;

	for (unsigned i = 0; i < 5; i++)
		if (i == 2 ? a[i] != ':' : a[i] < '0' || a[i] > '9')
			return -1;
	minutes = ((a[0] - '0') * 10 + a[1] - '0') * 60 + (a[3] - '0') * 10 + a[4] - '0';
	*at += 5;
	return a[3] <= '5' && minutes <= DAY_MINUTES ? minutes : -1;
}

/* -1: not there. */
static int read_weekday(const char **at)
{
	static const char *const names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strncasecmp(*at, names[i], 3) == 0) {
			*at += 3;
			return (int)i;
		}
	return -1;
}

static int read_days(const char **at, uint8_t *ret_days)
{
	int from = read_weekday(at), to = from;

	*ret_days = ALL_DAYS;
	if (from < 0)
		return 0;
	if (skip(at, '-'))
		to = read_weekday(at);
	if (to < 0 || (**at != ' ' && **at != '\t'))
		return -EINVAL;
	*ret_days = 0;
	for (int day = from;; day = (day + 1) % 7) {
		*ret_days |= (uint8_t)(1u << day);
		if (day == to)
			return 0;
	}
}

static int read_item(const char **at, struct time_window *ret_w)
{
	int from, to, r;

	skip_blanks(at);
	r = read_days(at, &ret_w->days);
	if (r < 0)
		return r;
	skip_blanks(at);
	from = read_minute(at);
	if (from < 0 || from == DAY_MINUTES || !skip(at, '-'))
		return -EINVAL;
	to = read_minute(at);
	if (to < 0)
		return -EINVAL;
	skip_blanks(at);
	ret_w->from_minute = (uint16_t)from;
	ret_w->to_minute = (uint16_t)(to > from ? to : to + DAY_MINUTES);
	return 0;
}

int windows_parse(const char *text, struct time_windows *ret_w)
{
	struct time_windows w = { 0 };
	int r = 0;

	if (text)
		skip_blanks(&text);
	for (bool more = text && *text; r == 0 && more; w.n++) {
		if (w.n == WINDOWS_MAX)
			return -E2BIG;
		r = read_item(&text, &w.items[w.n]);
		more = skip(&text, ',');
	}
	if (r < 0 || (text && *text))
		return -EINVAL;
	*ret_w = w;
	return 0;
}

int windows_parse_offset(const char *text, int32_t *ret_offset_s)
{
	bool west = *text == '-';
	int minutes;

	if (strcasecmp(text, "UTC") == 0) {
		*ret_offset_s = 0;
		return 0;
	}
	if (*text != '+' && *text != '-')
		return -EINVAL;
	text++;
	minutes = read_minute(&text);
	if (minutes < 0 || *text || minutes * 60 > UTC_OFFSET_MAX_S)
		return -EINVAL;
	*ret_offset_s = (west ? -60 : 60) * minutes;
	return 0;
}

static bool item_allows(const struct time_window *w, unsigned weekday, unsigned minute)
{
	unsigned before = (weekday + 6) % 7;

	if ((w->days >> weekday & 1) && minute >= w->from_minute && minute < w->to_minute)
		return true;
	return (w->days >> before & 1) && minute + DAY_MINUTES < w->to_minute;
}

bool windows_allow_at(const struct time_windows *w, unsigned weekday, unsigned minute)
{
	bool allowed = w->n == 0;

	for (unsigned i = 0; i < w->n && !allowed; i++)
		allowed = item_allows(&w->items[i], weekday % 7, minute % DAY_MINUTES);
	return allowed;
}

/* Any time that a clock may show, kept where an offset and a week can be added. */
static int64_t local_seconds(int64_t now_s, int32_t utc_offset_s)
{
	const int64_t most = INT64_MAX / 2;

	now_s = MIN(now_s, most);
	return MAX(now_s, -most) + utc_offset_s;
}

bool windows_allow(const struct time_windows *w, int64_t now_s, int32_t utc_offset_s)
{
	int64_t local = local_seconds(now_s, utc_offset_s), day = calendar_day(local);

	return windows_allow_at(w, calendar_weekday(day), (unsigned)((local - day * DAY_S) / 60));
}

/* The next begin of any of them; a week from now at most, as each has a day. */
static int64_t next_begin(const struct time_windows *w, int64_t local)
{
	int64_t today = calendar_day(local), soonest = INT64_MAX;

	for (unsigned i = 0; i < w->n; i++)
		for (int64_t day = today; day <= today + 7; day++) {
			int64_t begin = day * DAY_S + w->items[i].from_minute * 60;

			if ((w->items[i].days >> calendar_weekday(day) & 1) && begin > local)
				soonest = MIN(soonest, begin);
		}
	return soonest;
}

int64_t windows_wait_s(const struct time_windows *w, int64_t now_s, int32_t utc_offset_s)
{
	int64_t local = local_seconds(now_s, utc_offset_s);

	return windows_allow(w, now_s, utc_offset_s) ? 0 : next_begin(w, local) - local;
}
