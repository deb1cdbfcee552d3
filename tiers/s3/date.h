/* SPDX-License-Identifier: MIT */
/* The two ways in which S3 writes times. Independent of the locale. Pure. */
#pragma once

#include <stdint.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7), as in the headers Date and
 * Last-Modified; what follows is ignored. Seconds since 1970. -EINVAL. */
int date_parse_http(const char *text, int64_t *ret_s);
/* "2009-10-12T17:50:30.000Z" (RFC 3339 in UTC), as in lists; fractions are dropped. -EINVAL. */
int date_parse_iso(const char *text, int64_t *ret_s);
