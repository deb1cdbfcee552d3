/* SPDX-License-Identifier: MIT */
/* Bytes of unknown encoding to UTF-8. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* Loads the converters that are likely, while files may still be read freely. */
void decode_warm(void);

/* Is it no text in any encoding: control bytes that no text has? Looks at the first 64 KiB. */
bool decode_is_binary(const uint8_t *data, size_t len);

/* Appends `data` as UTF-8. `label` is what the document says its encoding is, or NULL; a byte order mark
 * is believed before it, then valid UTF-8, then uchardet. What cannot be decoded becomes U+FFFD.
 * Stops after about `max` bytes of output. -ENOMEM. */
int decode_text(const uint8_t *data, size_t len, const char *label, size_t max, struct buf *out);
