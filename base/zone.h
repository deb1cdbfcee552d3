/* SPDX-License-Identifier: MIT */
/* The time zone in which days are told to people: UTC, until it is set. Thread-safe, once it is set. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Before other threads ask. `local`: that of this machine, whatever the offset. */
void zone_set(bool local, int32_t offset_s);
/* NULL: beyond what a calendar has. */
struct tm *zone_break(time_t at, struct tm *ret_tm);
/* Of a date; months and days beyond their ends are those of the next. Changes *tm as mktime(3). */
time_t zone_make(struct tm *tm);
