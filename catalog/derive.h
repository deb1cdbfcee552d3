/* SPDX-License-Identifier: MIT */
/* Making anew what follows from other records: the sets of names and times (file_sets.h), which files have which
 * label (labels.h), and what links to what (links.h). When a volume of an older version is mounted for the first
 * time, and after one of these sets was found damaged.
 *
 *   'V' 8   u8 state: 1 labels are as labels.h says, the rest is to be made; 2 all is made. No record: the tags are
 *           those of an older version, text in the xattrs
 *
 * Not thread-safe: nobody else changes the catalog. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/records.h"

bool derive_is_due(struct catalog *c);
/* Some microseconds a file, and 16 bytes of memory for as long. What was interrupted begins anew. */
int derive_run(struct catalog *c);

/* The same for a checkpoint, which has no batch: the record of the state, and what its value becomes. False: it stays. */
struct key derive_state_key(void);
bool derive_doubted(const struct buf *state, uint8_t *ret_state);
/* Inside a batch: a set was found damaged, the next mount makes all of them anew. */
void derive_doubt(struct batch *b);

/* Compares the sets with what they follow from; calls `problem` for each that differs. Returns how many inodes were
 * looked at: none when the sets are to be made, or cannot be read, of which others tell. -errno. */
int64_t derive_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context);
