/* SPDX-License-Identifier: MIT */
/* What the tests of wal/ share: a folder that goes away, a log in it, and records whose bytes are known from
 * their LSN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/temp_folder.h"
#include "wal/wal.h"

struct walbox {
	struct temp_folder temp;
	struct wal_config config;
	struct wal_position from;
	uint64_t txn;
	struct wal *wal;
	struct wal_report report;

	/* What the last replay gave. */
	uint64_t first, last, count, synced_count;
	bool wrong;          /* bytes or order were not as appended */
	uint64_t cut_before; /* the callback cuts before this LSN; 0: never */
};

/* Segments of 64 KiB and the fake sealer. */
void walbox_init(struct walbox *b);
void walbox_done(struct walbox *b);
int walbox_open(struct walbox *b);
/* As if the process had been killed. */
void walbox_kill(struct walbox *b);
/* Releases everything, leaves the anchor, and remembers what a catalog would. */
int walbox_stop(struct walbox *b);
/* What a checkpoint does to `from`. */
void walbox_checkpoint(struct walbox *b, uint64_t lsn);

/* The bytes of record `lsn`; every 7th can be compressed. `ret` has room for WAL_RECORD_MAX. */
size_t walbox_bytes(uint64_t lsn, uint8_t *ret);
/* Appends the next record; its LSN or -errno. */
int64_t walbox_append(struct walbox *b);
int walbox_append_many(struct walbox *b, unsigned n);

/* Copies all files of the folder to a new box that is opened with the same configuration and position. */
void walbox_clone(const struct walbox *b, struct walbox *ret_copy);
/* Copies one file from box to box. */
void walbox_copy_file(const struct walbox *from, const struct walbox *to, const char *name);
/* Names of the segment files, at most `max`; returns how many there are. */
size_t walbox_segments(const struct walbox *b, char ret_names[][32], size_t max);
/* A descriptor for reading and writing one of the files; the caller closes it. */
int walbox_file(const struct walbox *b, const char *name);
