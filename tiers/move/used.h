/* SPDX-License-Identifier: MIT */
/* When packed files were opened lately, for the policy to bring back those that are in use. A table in memory: a file that
 * falls out of it, or a server that starts anew, counts from the beginning. Thread-safety: safe, except new and free. */
#pragma once

#include "base/memory_parts.h"
#include "tiers/move/uses.h"

struct used;

struct used *used_new(void);
struct used *used_free(struct used *u);
void used_add_memory(struct used *u, struct memory_parts *m);
/* `gap_ms`: see uses_note(). */
void used_note(struct used *u, uint64_t ino, int64_t now_ms, int64_t gap_ms);
/* False: not that is known. */
bool used_get(struct used *u, uint64_t ino, struct uses *ret_u);
