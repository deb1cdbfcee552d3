/* SPDX-License-Identifier: MIT */
/* Values of filters that are more than text. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* YYYY, YYYY-MM or YYYY-MM-DD, UTC. [*ret_low, *ret_high) in nanoseconds since 1970: from the beginning of
 * that time on, or (`before`) up to it. */
int query_value_time(const char *value, bool before, int64_t *ret_low, int64_t *ret_high, char **ret_why);
/* `N`, `>N`, `<N`, `N..M` with K, M, G, T; bytes in [*ret_low, *ret_high]. */
int query_value_size(const char *value, int64_t *ret_low, int64_t *ret_high, char **ret_why);
