/* SPDX-License-Identifier: MIT */
#include "index/query/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/query/why.h"

int query_value_time(const char *value, bool before, int64_t *ret_low, int64_t *ret_high, char **ret_why)
{
	int64_t day = 0, ns;

	if (calendar_parse_part(value, &day) < 0)
		return query_why(ret_why, "%s:%.60s: a date is wanted, YYYY, YYYY-MM or YYYY-MM-DD",
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
	bool greater = *value == '>', less = *value == '<', with = (greater || less) && value[1] == '=';
	const char *at = value + (greater || less) + with;
	int64_t low, high;
	bool good = read_size(&at, &low);

	high = low;
	if (good && greater) {
		high = INT64_MAX;
		good = with || !__builtin_add_overflow(low, 1, &low);
	} else if (good && less) {
		high -= !with;
		low = 0;
	} else if (good && strncmp(at, "..", 2) == 0) {
		at += 2;
		good = read_size(&at, &high);
	}
	if (!good || *at)
		return query_why(ret_why, "size:%.60s: a size is wanted: 10K, >1M, <=2G or 1K..1M", value);
	if (low > high)
		return query_why(ret_why, "size:%.60s: no file is so", value);
	*ret_low = low;
	*ret_high = high;
	return 0;
}

/* ---- ranges */

#define NUMBER_MAX 40u

static bool read_number(const char *text, size_t len, double *ret)
{
	char copy[NUMBER_MAX], *end;

	if (len == 0 || len >= sizeof(copy) || strspn(text, "0123456789.+-eE") < len)
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	*ret = strtod(copy, &end);
	return *end == 0 && isfinite(*ret);
}

/* The day that a value begins with, a time behind it or not; also as EXIF ("2021:03:04 ..") and PDF
 * ("D:20210304..") write it. */
static bool read_day(const char *text, size_t len, int64_t *ret_first)
{
	bool packed = len > 2 && strncmp(text, "D:", 2) == 0;
	char date[] = "YYYY-MM-DD";
	size_t at = packed ? 2 : 0, n = 0;
	int64_t last;

	for (; at < len && n < sizeof(date) - 1 && !strchr("T ", text[at]); at++, n++) {
		bool separates = n == 4 || n == 7;

		if (separates && packed)
			date[n++] = '-';
		date[n] = separates && !packed && strchr(":/", text[at]) ? '-' : text[at];
	}
	date[n] = 0;
	return (packed || at == len || strchr("T ", text[at])) &&
	       calendar_parse_span(date, ret_first, &last) == 0;
}

/* What a query names: a number, days, or both. */
struct point {
	bool number, date;
	double n;
	int64_t first, last;
};

static struct point point_of(const char *text, size_t len)
{
	struct point p = { .number = read_number(text, len, &p.n) };
	char date[] = "YYYY-MM-DD";

	if (len < sizeof(date)) {
		memcpy(date, text, len);
		date[len] = 0;
		p.date = calendar_parse_span(date, &p.first, &p.last) == 0;
	}
	return p;
}

/* NULL: there is no such end. */
static struct value_range between(const struct point *low, const struct point *high)
{
	return (struct value_range){
		.numbers = (!low || low->number) && (!high || high->number),
		.dates = (!low || low->date) && (!high || high->date),
		.low = low ? low->n : -HUGE_VAL,
		.high = high ? high->n : HUGE_VAL,
		.first_day = low ? low->first : INT64_MIN,
		.last_day = high ? high->last : INT64_MAX,
	};
}

/* `>` or `<`, perhaps with `=` behind it. */
static struct value_range half_range(const char *value)
{
	bool greater = *value == '>', with = value[1] == '=';
	const char *end = value + 1 + with;
	const struct point p = point_of(end, strlen(end));
	struct value_range r = between(greater ? &p : NULL, greater ? NULL : &p);

	r.above = greater && !with;
	r.below = !greater && !with;
	if (r.above)
		r.first_day = p.last + 1;
	if (r.below)
		r.last_day = p.first - 1;
	return r;
}

static struct value_range whole_range(const char *value, const char *dots)
{
	const struct point low = point_of(value, (size_t)(dots - value)),
			   high = point_of(dots + 2, strlen(dots + 2));

	return between(&low, &high);
}

static int check_range(const char *field, const char *value, const struct value_range *r, char **ret_why)
{
	if (!r->numbers && !r->dates)
		return query_why(
			ret_why,
			"%.60s:%.60s: a range of numbers or of dates is wanted, as >10, <=3.5, 3..5, "
			"2020-06..2021; what is none goes into quotes",
			field, value);
	if ((r->numbers && r->low > r->high) || (r->dates && r->first_day > r->last_day))
		return query_why(ret_why, "%.60s:%.60s: the range ends before it begins", field, value);
	return 1;
}

int query_value_range(const char *field, const char *value, struct value_range *ret_range, char **ret_why)
{
	const char *dots = strstr(value, "..");
	struct value_range r = { 0 };
	struct point p;
	int is_range = 0;

	if (*value == '>' || *value == '<' || dots) {
		r = *value == '>' || *value == '<' ? half_range(value) : whole_range(value, dots);
		is_range = check_range(field, value, &r, ret_why);
	} else {
		p = point_of(value, strlen(value));
		r = (struct value_range){ .dates = p.date, .first_day = p.first, .last_day = p.last };
	}
	if (is_range >= 0)
		*ret_range = r;
	return is_range;
}

bool value_is_in(const struct value_range *r, const char *text, size_t len)
{
	int64_t day;
	double n;

	if (r->numbers && read_number(text, len, &n))
		return (r->above ? n > r->low : n >= r->low) && (r->below ? n < r->high : n <= r->high);
	return r->dates && read_day(text, len, &day) && day >= r->first_day && day <= r->last_day;
}
