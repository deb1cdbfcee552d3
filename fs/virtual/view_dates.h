/* SPDX-License-Identifier: MIT */
/* Days of .dates, in the time zone of the mount. Not thread-safe but where the process's zone does not change. */
#pragma once

#include "fs/virtual/view.h"

/* The quarters of an hour (file_sets.h) that a day of .dates begins and ends with. */
void view_day_quarters(const struct view *v, uint64_t *ret_low, uint64_t *ret_high);
/* The day, month or year (as far as `v` goes down) that is next at or behind what `*at` says, and has files: 1, and *at is
 * it. 0. -errno. */
int view_next_date(struct looker *l, const struct view *v, int *at);
/* Is there such a date? `ret_below` gets it. */
bool view_parse_date(const struct view *v, const char *name, struct view *ret_below);
