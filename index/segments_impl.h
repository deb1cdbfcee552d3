/* SPDX-License-Identifier: MIT */
/* What segments*.c share: the list of segments, and its durable twin, a record 'M' number for each registered
 * file.
 *
 * Order of writing, so that a stop at any point loses nothing:
 *   sealing: file durable -> one batch registers it and clears queue entries (more batches clear the
 *            rest) -> the list is exchanged. Stopped before the batch: the file is unregistered and removed
 *            at the next start, the queue still names its files. Stopped between batches: some files
 *            are indexed twice, the newer document lives.
 *   merging: file durable -> one batch registers it and takes its parts' records out -> that batch is
 *            synced -> the list is exchanged -> the parts' files are removed. */
#pragma once

#include "index/index_impl.h"

struct key segment_key(uint64_t number);
struct segment_disk_config segments_disk_config(struct index *x);
/* Is this error the file's fault, so that it must be made again from the files? */
bool segment_is_lost(int error);

/* What the list needs to be changed: segments_lock for writing, and table_lock. */
void segments_lock_all(struct index *x);
void segments_unlock_all(struct index *x);
void segments_append(struct index *x, struct segment *s);

/* Writes what lives in the parts to a new file and syncs it: 1. 0: nothing lives. -ECANCELED: *stop. */
int segments_write_file(struct index *x, struct segment_part *parts, unsigned n, const bool *stop,
			uint64_t *ret_number, struct segment_record *ret_record);
/* Registers a file, in the batch that says what it is for. */
void segments_put_record(struct batch *b, uint64_t number, const struct segment_record *record);
/* Puts the new segment (NULL: none) in the place of its parts, which it releases: what has died meanwhile dies
 * in it too. Takes the locks. */
void segments_exchange(struct index *x, struct segment_part *parts, unsigned n, struct segment *merged);
