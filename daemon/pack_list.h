/* SPDX-License-Identifier: MIT */
/* What a pack's table says, printed. */
#pragma once

#include "base/buf.h"
#include "tiers/pack/pack_reader.h"

/* A summary in three lines, and one for each file: mode, owner and group, size, mtime, bytes in this pack,
 * paths; between them tabs. -ENOMEM. */
int pack_list(struct pack *p);
/* The same as one JSON object, whose `files` are a list. -ENOMEM. */
int pack_list_json(struct pack *p);

/* Appends the path of a name, as far as the table knows it; what is above that is "?". */
int pack_add_path(const struct pack *p, const struct pack_name *name, struct buf *ret_path);
/* On one line, with \t, \n and \\. */
void pack_print_escaped(const struct buf *text);
