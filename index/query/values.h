/* SPDX-License-Identifier: MIT */
/* Values of filters that are more than text. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* YYYY, YYYY-MM or YYYY-MM-DD, UTC. [*ret_low, *ret_high) in nanoseconds since 1970: from the beginning of
 * that time on, or (`before`) up to it. */
int query_value_time(const char *value, bool before, int64_t *ret_low, int64_t *ret_high, char **ret_why);
/* A range of what fields say: of numbers, of dates, or, when its ends may be either, of both. */
struct value_range {
	bool numbers, dates;
	bool above, below;           /* numbers: an end itself is not in it */
	double low, high;
	int64_t first_day, last_day; /* since 1970, both are in it */
};

/* `>V`, `>=V`, `<V`, `<=V`, `V..W`, of numbers or dates (YYYY, YYYY-MM, YYYY-MM-DD): 1. A date by itself is the days that it
 * names: 0, as of any other text, which has no range. */
int query_value_range(const char *field, const char *value, struct value_range *ret_range, char **ret_why);
/* Does the text say a number or a date that is in it? A date may be followed by a time, which does not count. */
bool value_is_in(const struct value_range *range, const char *text, size_t len);
/* `N`, `>N`, `>=N`, `<N`, `<=N`, `N..M` with K, M, G, T; bytes in [*ret_low, *ret_high]. */
int query_value_size(const char *value, int64_t *ret_low, int64_t *ret_high, char **ret_why);
