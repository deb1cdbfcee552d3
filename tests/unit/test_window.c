/* SPDX-License-Identifier: MIT */
/* Windows in which moves are allowed, dates, and the clock of --now. */
#include "tiers/move/window.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "tests/unit/check.h"

/* 2026-11-22, a Sunday, 00:00 UTC. */
#define SUNDAY 1795305600

static const struct {
	const char *windows, *at; /* a weekday and a time */
	bool want;
} rows[] = {
	{ "", "Mon 12:00", true },
	{ "  ", "Mon 12:00", true },
	{ "01:00-06:00", "Mon 00:59", false },
	{ "01:00-06:00", "Mon 01:00", true },
	{ "01:00-06:00", "Sun 05:59", true },
	{ "01:00-06:00", "Mon 06:00", false },
	{ "00:00-24:00", "Wed 23:59", true },
	{ "Sat-Sun 00:00-24:00", "Fri 23:59", false },
	{ "Sat-Sun 00:00-24:00", "Sat 00:00", true },
	{ "Sat-Sun 00:00-24:00", "Sun 23:59", true },
	{ "Sat-Sun 00:00-24:00", "Mon 00:00", false },
	{ "01:00-06:00, Sat-Sun 00:00-24:00", "Tue 02:00", true },
	{ "01:00-06:00, Sat-Sun 00:00-24:00", "Tue 12:00", false },
	{ "01:00-06:00, Sat-Sun 00:00-24:00", "Sun 12:00", true },
	{ "22:00-06:00", "Mon 23:00", true },
	{ "22:00-06:00", "Mon 05:59", true },
	{ "22:00-06:00", "Mon 06:00", false },
	{ "22:00-06:00", "Mon 21:59", false },
	{ "Fri 22:00-06:00", "Fri 05:00", false },
	{ "Fri 22:00-06:00", "Fri 23:00", true },
	{ "Fri 22:00-06:00", "Sat 05:59", true },
	{ "Fri 22:00-06:00", "Sat 22:00", false },
	{ "Sun 22:00-06:00", "Mon 01:00", true },
	{ "Fri-Mon 12:00-13:00", "Sun 12:30", true },
	{ "Fri-Mon 12:00-13:00", "Mon 12:30", true },
	{ "Fri-Mon 12:00-13:00", "Tue 12:30", false },
	{ "Fri-Mon 12:00-13:00", "Thu 12:30", false },
	{ "wed 12:00-12:01", "Wed 12:00", true },
	{ "Wed 12:00-12:00", "Thu 11:59", true },
	{ "Wed 12:00-12:00", "Wed 11:59", false },
};

static const char *const weekdays[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static void read_time(const char *text, unsigned *ret_weekday, unsigned *ret_minute)
{
	unsigned hour, minute;

	for (*ret_weekday = 0; strncmp(text, weekdays[*ret_weekday], 3) != 0; ++*ret_weekday)
		;
	CHECK_EQ(sscanf(text + 4, "%u:%u", &hour, &minute), 2);
	*ret_minute = 60 * hour + minute;
}

static void test_windows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct time_windows w;
		unsigned weekday, minute;
		int64_t now;

		read_time(rows[i].at, &weekday, &minute);
		CHECK_EQ(windows_parse(rows[i].windows, &w), 0);
		if (windows_allow_at(&w, weekday, minute) != rows[i].want)
			fprintf(stderr, "'%s' on %s\n", rows[i].windows, rows[i].at);
		CHECK_EQ(windows_allow_at(&w, weekday, minute), rows[i].want);
		now = SUNDAY + (int64_t)(weekday + 1) * DAY_S + minute * 60;
		CHECK_EQ(windows_allow(&w, now, 0), rows[i].want);
		CHECK_EQ(windows_allow(&w, now + 59 - 3600, 3600), rows[i].want);
		CHECK_EQ(windows_allow(&w, now + 5 * 3600 + 1800, -5 * 3600 - 1800), rows[i].want);
		CHECK_EQ(windows_wait_s(&w, now, 0) == 0, rows[i].want);
	}
}

/* Until a wait has passed moves are not allowed, then they are. */
static void test_waits(void)
{
	struct time_windows w;

	CHECK_EQ(windows_parse("01:00-06:00, Sat 12:00-18:00, Tue 23:00-02:00", &w), 0);
	for (int64_t now = SUNDAY; now < SUNDAY + 8 * DAY_S; now += 977) {
		int64_t wait = windows_wait_s(&w, now, 7200);

		CHECK_EQ(wait == 0, windows_allow(&w, now, 7200));
		CHECK(windows_allow(&w, now + wait, 7200));
		CHECK(wait == 0 || !windows_allow(&w, now + wait - 1, 7200));
	}
	CHECK_EQ(windows_parse("Sun 12:00-13:00", &w), 0);
	CHECK_EQ(windows_wait_s(&w, SUNDAY, 0), 12 * 3600);
	CHECK_EQ(windows_wait_s(&w, SUNDAY + 13 * 3600, 0), 7 * DAY_S - 3600);
	CHECK_EQ(windows_wait_s(&w, -SUNDAY, 0) >= 0, true);
	(void) windows_wait_s(&w, INT64_MAX, UTC_OFFSET_MAX_S);
	(void) windows_wait_s(&w, INT64_MIN, -UTC_OFFSET_MAX_S);
}

static void test_bad_windows(void)
{
	static const char *const bad[] = {
		"1:00-06:00", "01:00", "01:00-", "01:00-06:60", "01:00-24:01", "24:00-06:00", "01:00-06:00,",
		"01:00-06:00 02:00-03:00", ",", "Mon", "Mon 01:00", "Mon- 01:00-02:00", "Mon-Foo 01:00-02:00",
		"Mond 01:00-02:00", "Mon01:00-02:00", "25:00-26:00", "01:00 - 06:00", "x",
	};
	char many[WINDOWS_MAX * 13 + 20] = "";
	struct time_windows w;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (windows_parse(bad[i], &w) != -EINVAL) {
			fprintf(stderr, "'%s' passed\n", bad[i]);
			CHECK(false);
		}
	for (unsigned i = 0; i < WINDOWS_MAX; i++)
		strcat(many, i ? ", 01:00-02:00" : "01:00-02:00");
	CHECK_EQ(windows_parse(many, &w), 0);
	CHECK_EQ(w.n, WINDOWS_MAX);
	strcat(many, ",01:00-02:00");
	CHECK_EQ(windows_parse(many, &w), -E2BIG);
}

static void test_offsets(void)
{
	int32_t o = 1;

	CHECK_EQ(windows_parse_offset("UTC", &o), 0);
	CHECK_EQ(o, 0);
	CHECK_EQ(windows_parse_offset("+02:00", &o), 0);
	CHECK_EQ(o, 7200);
	CHECK_EQ(windows_parse_offset("-05:30", &o), 0);
	CHECK_EQ(o, -5 * 3600 - 1800);
	CHECK_EQ(windows_parse_offset("02:00", &o), -EINVAL);
	CHECK_EQ(windows_parse_offset("+2", &o), -EINVAL);
	CHECK_EQ(windows_parse_offset("+19:00", &o), -EINVAL);
	CHECK_EQ(windows_parse_offset("+02:00x", &o), -EINVAL);
	CHECK_EQ(windows_parse_offset("Europe/Berlin", &o), -EINVAL);
}

/* ---- dates */

static void test_dates(void)
{
	int64_t day;

	for (int64_t want = -700000; want < 2900000; want += 1009) {
		time_t seconds = (time_t)(want * DAY_S);
		struct tm t;
		char text[32];

		CHECK(gmtime_r(&seconds, &t));
		if (t.tm_year + 1900 < 1 || t.tm_year + 1900 > 9999)
			continue;
		(void) snprintf(text, sizeof(text), "%04d-%02d-%02d", (t.tm_year + 1900) % 10000, t.tm_mon + 1, t.tm_mday);
		CHECK_EQ(calendar_parse_date(text, &day), 0);
		CHECK_EQ(day, want);
		CHECK_EQ(calendar_weekday(day), (t.tm_wday + 6) % 7);
	}
	CHECK_EQ(calendar_day(-1), -1);
	CHECK_EQ(calendar_day(0), 0);
	CHECK_EQ(calendar_day(DAY_S - 1), 0);
	CHECK_EQ(calendar_day(-DAY_S), -1);
	CHECK_EQ(calendar_day(-DAY_S - 1), -2);
}

static void test_now(void)
{
	static const char *const bad[] = {
		"", "+", "+d", "+5", "+5 d", "+5dd", "+-5d", "-5d", "5d", "+36501d", "+99999999999999999999d", "2026",
		"2026-11", "2026-11-31", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "26-01-01",
		"2026-11-22T00:00", "2026/11/22", "tomorrow", "+5D",
	};
	int64_t now = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (calendar_parse_now(bad[i], SUNDAY, &now) != -EINVAL)
			fprintf(stderr, "'%s' passed\n", bad[i]);
		CHECK_EQ(calendar_parse_now(bad[i], SUNDAY, &now), -EINVAL);
	}
	CHECK_EQ(now, 7);
	CHECK_EQ(calendar_parse_now("2026-11-22", 5, &now), 0);
	CHECK_EQ(now, SUNDAY);
	CHECK_EQ(calendar_parse_now("2024-02-29", 5, &now), 0);
	CHECK_EQ(now, 1709164800);
	CHECK_EQ(calendar_parse_now("+0d", SUNDAY + 5, &now), 0);
	CHECK_EQ(now, SUNDAY + 5);
	CHECK_EQ(calendar_parse_now("+10d", SUNDAY + 5, &now), 0);
	CHECK_EQ(now, SUNDAY + 5 + 10 * DAY_S);
	CHECK_EQ(calendar_parse_now("+1d", INT64_MAX, &now), -EINVAL);
}

int main(void)
{
	test_windows();
	test_waits();
	test_bad_windows();
	test_offsets();
	test_dates();
	test_now();
	return check_result();
}
