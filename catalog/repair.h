/* SPDX-License-Identifier: MIT */
/* Finds what records of the catalog say against each other, and mends it. What is said once (inodes,
 * entries, xattrs, extents) is believed as far as its seals open; what follows from it (further names,
 * back references, counts, accounts, the queue, tags, sets, link counts) is made anew. What has lost its
 * name goes to lost+found; bytes that nothing covers become EXTENT_LOST, which reads as EIO.
 *
 * All of it is a rehearsal: the catalog is opened with `rehearse`, read, and changed in memory only.
 * catalog_repair_commit() makes it true in one durable transaction of the store, so that a kill leaves the
 * volume as it was or mended; what comes after the transaction is found to do by the next run.
 *
 * Not thread-safe: nobody else uses the catalog. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/extent.h"

typedef int (*repair_extent_fn)(void *context, uint64_t ino, const struct extent *e);

struct repair_config {
	/* Called for each thing mended, with inode numbers and no names. */
	void (*problem)(void *context, const char *text);
	/* Calls `extent` for all that the data segments say was written once; asked when extents are lost. May be NULL. */
	int (*foreach_described)(void *context, repair_extent_fn extent, void *extent_context);
	/* Mends the records of packs, by batches of its own; then nobody changes those any more. May be NULL. */
	int (*mend_packs)(void *context);
	void *context;
};

/* Takes some 600 bytes of memory an inode. 0: all is mended in memory. -ENODATA: nothing is left of the catalog. */
int catalog_repair(struct catalog *c, const struct repair_config *config);
/* Is the log damaged? Then the catalog is as the log's last good record leaves it. */
bool catalog_log_damaged(const struct catalog *c);
/* Was a repair interrupted when all but one rename was done? The next one does that. */
bool catalog_repair_interrupted(const struct catalog *c);
/* Writes what was rehearsed, and the log as after a clean stop. Before that, what might still be wanted gets
 * a second name in `damaged/` of the volume: the store, segments that hold damaged or lost bytes, a damaged
 * log. Appends a line for each to *ret_kept. The catalog can only be closed afterwards. */
int catalog_repair_commit(struct catalog *c, struct buf *ret_kept);
