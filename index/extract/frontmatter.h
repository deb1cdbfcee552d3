/* SPDX-License-Identifier: MIT */
/* The YAML block at the head of many Markdown files, as far as people use it: `key: value`, lists in
 * brackets or as "- item" lines, quotes. What is nested deeper is left alone. */
#pragma once

#include "index/extract/extract.h"

/* Puts the fields into `d` (title and lang into their places). *ret_len: how much of the text the block
 * takes, 0 without one. */
int frontmatter_read(const char *text, size_t len, struct document *d, size_t *ret_len);
