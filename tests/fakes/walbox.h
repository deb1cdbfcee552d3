/* SPDX-License-Identifier: MIT */
/* What the tests of wal/ share: a folder that goes away, a log in it, and records whose bytes are known from
 * their LSN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/wal.h"

struct walbox {
	char path[64];
	int dirfd;
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
/* Path of the nth segment file by name, or NULL. */
const char *walbox_file(const struct walbox *b, const char *name, char ret_path[128]);
