/* SPDX-License-Identifier: MIT */
/* When a warm or cold file was used lately: what promotion asks for. A few times for each such file; whoever
 * keeps them forgets them when the file is hot again. Pure; all times are milliseconds since 1970 UTC.
 *
 * An *occasion* is a use at least `gap_ms` after the occasion before it: the opens of one program that looks at a file
 * in several ways are one occasion. Uses at a time before the last one (the clock was set back) are not counted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define USES_MAX 8u

/* All zero: never used. */
struct uses {
	uint8_t n;
	int64_t at_ms[USES_MAX]; /* of occasions, the newest first */
};

/* The file is opened, by a program whose uses count. True: that is a new occasion, so that *u changed. */
bool uses_note(struct uses *u, int64_t now_ms, int64_t gap_ms);
/* How many occasions lie within the last `within_ms`, at most USES_MAX. */
unsigned uses_count(const struct uses *u, int64_t now_ms, int64_t within_ms);

/* varint count, then for each: varint milliseconds (zigzag), the later ones as what they are older. */
int uses_encode(const struct uses *u, struct buf *ret_value);
/* -EBADMSG. */
int uses_decode(struct reader *in, struct uses *ret_u);
