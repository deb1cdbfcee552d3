/* SPDX-License-Identifier: MIT */
/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define UTF8_REPLACEMENT 0xfffdu

/* Decodes one code point from [*at, end) and moves *at past it. A byte that begins none gives
 * UTF8_REPLACEMENT and counts one. Requires *at < end. */
uint32_t utf8_next(const uint8_t **at, const uint8_t *end);
/* Appends one code point. */
int utf8_add(struct buf *out, uint32_t code_point);
bool utf8_valid(const void *data, size_t len);
/* Appends `data` with each offending byte replaced by U+FFFD. */
int utf8_add_valid(struct buf *out, const void *data, size_t len);
