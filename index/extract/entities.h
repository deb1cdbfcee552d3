/* SPDX-License-Identifier: MIT */
/* Character references of HTML: "&amp;", "&#228;", "&#xe4;". */
#pragma once

#include <stddef.h>

#define ENTITY_BYTES 8

/* Writes the UTF-8 of `text`, from its ampersand to its semicolon, and returns its length; 0 when it is
 * none that we know. */
size_t entity_decode(const char *text, size_t len, char ret[ENTITY_BYTES]);
