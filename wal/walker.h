/* SPDX-License-Identifier: MIT */
/* Walks the records of a chain of segments; for replay.c. Not thread-safe. */
#pragma once

#include "wal/replay.h"
#include "wal/window.h"

struct walker {
	const struct chain *chain;      /* borrowed */
	const struct wal_sealer *sealer; /* borrowed */
	struct window window;
	uint8_t *plain;                 /* owned; room for one record */
	void *run;                      /* owned; of run_of */
	struct id128 run_of;
	size_t at;                      /* index of the segment */
	uint64_t offset, expected;
};

struct record {
	uint64_t lsn, size;
	struct wal_inner inner;
	const uint8_t *payload;
	size_t payload_len;
};

/* Begins at the last segment that may hold the record after `from`. walker_done() also when it fails. */
int walker_init(struct walker *w, const struct chain *c, const struct folder *f,
		const struct wal_position *from);
void walker_done(struct walker *w);
/* 1: the next record, borrowed until the next call. 0: it does not verify, or it is END. */
int walker_next(struct walker *w, struct record *ret_record);
/* Where it stands. */
struct segment *walker_segment(const struct walker *w);
/* 1: a record of the run's incarnation verifies at that place. 0: none does. */
int walker_read(struct walker *w, const struct segment *s, uint64_t offset, struct record *ret_record);
/* Beyond a place where walker_next() ends: the next record that verifies, with an LSN of at most `last`. 1, 0. */
int walker_skip(struct walker *w, uint64_t last, struct record *ret_record);

/* Gives one record to the callback; `room` has WAL_RECORD_MAX bytes. In replay.c. */
int chain_deliver_one(const struct chain *c, const struct wal_replay *replay, const struct record *record,
		      uint8_t *room);
