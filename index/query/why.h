/* SPDX-License-Identifier: MIT */
/* The sentence that goes with -EINVAL. Thread-safe. */
#pragma once

/* Puts a formatted, allocated text (or NULL without memory) into *ret_why. Returns -EINVAL. */
int query_why(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));
