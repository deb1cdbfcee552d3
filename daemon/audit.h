/* SPDX-License-Identifier: MIT */
/* What was done to a volume as a whole: mounts, ends, commands. A line each, kept in the volume
 * (catalog/journal.h); no names, queries or values. Thread-safe. */
#pragma once

#include "catalog/catalog.h"

/* `what` is a word or two, `detail` may be NULL. Errors are logged: nothing waits for an audit. */
void audit_note(struct catalog *c, const char *what, const char *detail);
/* Appends the lines, the oldest first: RFC 3339 time, uid of the server, what. */
int audit_describe(struct catalog *c, struct buf *ret_text);
