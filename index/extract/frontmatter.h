/* SPDX-License-Identifier: MIT */
/* The YAML block at the head of many Markdown files, as far as people use it: `key: value`, lists in
 * brackets or as "- item" lines, quotes, text in blocks. What is nested deeper is left alone.
 *
 * "tags" and "tag" are tags: a list, or one string that is split at commas, or without one at blanks if each
 * word may be a tag; so are "keywords", split at commas only. A value or item that is nothing but wiki links
 * or one Markdown link is a link whose verb is the key; so is a path where the key names a relation, as
 * "cites". */
#pragma once

#include "index/extract/found.h"

/* Puts the fields into f->d (title and lang into their places). *ret_len: how much of the text the block
 * takes, 0 without one. */
int frontmatter_read(const char *text, size_t len, struct found *f, size_t *ret_len);
