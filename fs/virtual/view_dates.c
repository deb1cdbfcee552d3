/* SPDX-License-Identifier: MIT */
/* Days of .dates, in the time zone of the mount. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/zone.h"
#include "catalog/file_sets.h"
#include "fs/virtual/view_kinds.h"

/* Years that a folder may be called by. */
#define YEAR_MIN 1
#define YEAR_MAX 9999
#define QUARTER_SHIFT 48

/* The first quarter of a date; months and days beyond their ends are those of the next. */
static uint64_t first_quarter(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

	return file_quarter_from(zone_make(&tm));
}

/* The quarters of an hour (file_sets.h) that a day begins and ends with. */
static void day_quarters(const struct view *v, uint64_t *ret_low, uint64_t *ret_high)
{
	*ret_low = first_quarter(v->year, v->month, v->day);
	*ret_high = first_quarter(v->year, v->month, v->day + 1) - 1;
}

/* What of a date a folder of this level is called by. */
static int part_of(const struct view *v, const struct tm *tm)
{
	return v->class == VIEW_DATES ? tm->tm_year + 1900 : v->month ? tm->tm_mday : tm->tm_mon + 1;
}

static uint64_t part_begins(const struct view *v, int part)
{
	if (v->class == VIEW_DATES)
		return first_quarter(part, 1, 1);
	return v->month ? first_quarter(v->year, v->month, part) : first_quarter(v->year, part, 1);
}

static uint64_t range_ends(const struct view *v)
{
	if (v->class == VIEW_DATES)
		return first_quarter(YEAR_MAX + 1, 1, 1);
	return v->month ? first_quarter(v->year, v->month + 1, 1) : first_quarter(v->year + 1, 1, 1);
}

/* The first file at or behind a quarter that is seen. */
static int next_seen(struct looker *l, uint64_t from, uint64_t end, struct tm *ret_tm)
{
	_cleanup_(file_times_done) struct file_times t = file_times_from(l->fs->config.catalog, from, 0);
	uint64_t quarter, ino;
	time_t at;
	int r;

	while ((r = file_times_next(&t, &quarter, &ino)) > 0 && quarter < end) {
		r = looker_sees(l, ino);
		at = file_quarter_begins(quarter);
		if (r)
			return r < 0 ? r : zone_break(at, ret_tm) ? 1 : -EOVERFLOW;
	}
	return MIN(r, 0);
}

/* The day, month or year (as far as `v` goes down) that is next at or behind what `*at` says, and has files: 1, and *at is
 * it. */
static int next_part(struct looker *l, const struct view *v, int *at)
{
	struct tm tm;
	int r;

	if (v->day)
		return 0;
	r = next_seen(l, part_begins(v, MAX(*at, 1)), range_ends(v), &tm);
	if (r > 0)
		*at = part_of(v, &tm);
	return r;
}

static bool parse_number(const char *text, size_t digits, int min, int max, int *ret)
{
	if (strlen(text) != digits || strspn(text, "0123456789") != digits)
		return false;
	*ret = atoi(text);
	return *ret >= min && *ret <= max;
}

/* Not the 30th of February, which would show files of March. */
static bool is_day(const struct view *v)
{
	char text[40];
	int64_t day;

	(void) snprintf(text, sizeof(text), "%04d-%02d-%02d", v->year, v->month, v->day);
	return calendar_parse_date(text, &day) == 0;
}

static bool parse_date(const struct view *v, const char *name, struct view *ret_below)
{
	*ret_below = *v;
	ret_below->class = VIEW_DATE;
	ret_below->depth = v->depth + 1;
	if (v->class == VIEW_DATES)
		return parse_number(name, 4, YEAR_MIN, YEAR_MAX, &ret_below->year);
	if (v->day)
		return false;
	if (!v->month)
		return parse_number(name, 2, 1, 12, &ret_below->month);
	return parse_number(name, 2, 1, 31, &ret_below->day) && is_day(ret_below);
}

int view_date_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	int at = (int)cookie + 1, r = next_part(l, v, &at);

	if (r <= 0)
		return r;
	buf_reset(ret_name);
	*ret_cookie = (uint64_t)at;
	r = buf_addf(ret_name, v->class == VIEW_DATES ? "%04d" : "%02d", at);
	return r < 0 ? r : 1;
}

int view_date_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	return parse_date(v, name, ret_below) ? 1 : -ENOENT;
}

/* ---- the files of a day */

int view_date_has(struct looker *l, const struct view *v, uint64_t ino)
{
	uint64_t low, high;
	struct inode i;
	int r = v->day ? inode_get(l->fs->config.catalog, ino, &i) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	day_quarters(v, &low, &high);
	return file_quarter_of(&i) >= low && file_quarter_of(&i) <= high;
}

int view_date_open(struct view_walk *w, uint64_t cookie)
{
	uint64_t quarter = cookie >> QUARTER_SHIFT, ino = cookie & ((1ull << QUARTER_SHIFT) - 1);

	if (!w->v->day)
		return 0;
	day_quarters(w->v, &w->low, &w->high);
	w->times = file_times_from(w->l->fs->config.catalog, w->low + quarter, cookie ? ino + 1 : 0);
	return 0;
}

int view_date_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	uint64_t quarter;
	int r = w->v->day ? file_times_next(&w->times, &quarter, ret_ino) : 0;

	if (r <= 0 || quarter > w->high)
		return MIN(r, 0);
	*ret_cookie = (quarter - w->low) << QUARTER_SHIFT | *ret_ino;
	return 1;
}
