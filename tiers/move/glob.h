/* SPDX-License-Identifier: MIT */
/* Patterns of the classes: paths, and anything else that is plain text. Bytes, no locale, case-sensitive.
 *
 *   *        any bytes within a component
 *   **       any bytes, slashes too; with a slash after it, where a component begins: no folder, or some
 *   ?        a byte but a slash
 *   [a-z]    one of these, [!a-z] none of these; never a slash
 *   \x       the byte x itself
 *
 * A path is relative to the top of the mount; a slash before it, and before a pattern, counts for nothing else than
 * that it anchors the pattern. A pattern without a slash, or with none but at its end, is one of names, in any folder:
 * `*.iso`. A slash at the end means all below such a folder: `Photos/raw/`, `node_modules/`.
 *
 * Matching runs all ways through the pattern side by side (Thompson, "Regular expression search algorithm", 1968), so
 * that it costs at most 2 (tokens + 1) steps for each byte of the text, whatever the pattern.
 * Thread-safety: a pattern may be used by several threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLOB_TOKENS_MAX 255u

struct glob;

enum glob_kind { GLOB_PATH, GLOB_PLAIN };

/* `text` of `len` bytes; copies what it needs. -EINVAL: empty, a set without an end or with a range backwards, or a
 * backslash at the end. -E2BIG: above GLOB_TOKENS_MAX. -ENOMEM. */
int glob_new(const char *text, size_t len, enum glob_kind kind, struct glob **ret_g);
struct glob *glob_free(struct glob *g);

/* Adds the steps that it took to *steps, unless that is NULL. */
bool glob_matches(const struct glob *g, const char *text, size_t len, uint64_t *steps);
