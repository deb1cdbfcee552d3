/* SPDX-License-Identifier: MIT */
/* What unit tests share: a check that says where and what, and goes on. No framework. */
#pragma once

#include <stdio.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			check_failures++;                                                          \
		}                                                                                  \
	} while (0)

/* Compares two integers and prints both. */
#define CHECK_EQ(got, want)                                                                        \
	do {                                                                                       \
		long long _got = (long long)(got), _want = (long long)(want);                      \
		if (_got != _want) {                                                               \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, \
				_got, _want);                                                      \
			check_failures++;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_MEM(got, got_len, want, want_len)                                                    \
	CHECK((size_t)(got_len) == (size_t)(want_len) && memcmp(got, want, want_len) == 0)

static inline int check_result(void)
{
	return check_failures ? 1 : 0;
}
