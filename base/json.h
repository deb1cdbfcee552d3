/* SPDX-License-Identifier: MIT */
/* The project's door to jansson: values are jansson's, these are the few things it lacks. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

#define _cleanup_json_ _cleanup_(json_cleanup)

static inline void json_cleanup(json_t **value)
{
	json_decref(*value);
}

/* A string from bytes of any kind: what is not UTF-8 becomes U+FFFD. NULL without memory. */
json_t *json_text(const void *data, size_t len);
/* Appends the value as one line without spaces to spare, keys in order of insertion, no newline. Reals have nine
 * digits. */
int json_add_to(struct buf *out, const json_t *value);
