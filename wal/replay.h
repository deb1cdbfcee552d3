/* SPDX-License-Identifier: MIT */
/* From a folder of segments to the log they hold: which incarnations, in which order, up to where.
 * Private to wal/. */
#pragma once

#include "wal/segment.h"

/* What the folder holds. Segments move from here to the open log. */
struct folder {
	int dirfd;                       /* borrowed */
	const struct wal_config *config; /* borrowed */
	struct segment **segments;       /* owned, as are its elements that are not NULL; the oldest first */
	size_t count;
	uint32_t next_number;
	uint64_t generation;             /* newest seen; 0: none */
};

int folder_load(struct folder *f, int dirfd, const struct wal_config *config);
void folder_done(struct folder *f);

/* The part of the log that replay needs: segments in order, from the one with the record after the
 * checkpoint on (or older), borrowed from the folder. */
struct chain {
	struct segment **segments; /* owned array */
	size_t count;
	uint64_t *limits;          /* owned; last LSN that counts in each; UINT64_MAX: the newest incarnation */
	uint64_t last_lsn;         /* found by chain_walk() */
	uint64_t synced;           /* highest LSN known to have been durable */
	bool cut;                  /* something was stored beyond last_lsn */
	bool ended;                /* the log was stopped cleanly */
	uint64_t ended_lsn;        /* after this record */
	bool salvaged;             /* it is damaged, and goes as far as it is whole */
};

/* -EBADMSG: the incarnations do not reach back to `from`. An empty chain when nothing was ever written. */
int chain_build(struct chain *c, const struct folder *f, const struct wal_position *from);
/* For repair, of a damaged log: the newest segments that are joined to the checkpoint without a gap. An empty chain
 * when none are. */
int chain_build_longest(struct chain *c, const struct folder *f, const struct wal_position *from);
/* For repair, when nobody knows what the checkpoint has: the newest segments that follow each other without a gap, and
 * in *ret_from the place before them. An empty chain when there are none. */
int chain_build_whole(struct chain *c, const struct folder *f, struct wal_position *ret_from);
/* Verifies everything, finds the end of the log, tells a torn tail from damage. A salvaged chain ends at the
 * first record beyond the checkpoint that does not verify, whatever lies there. */
int chain_walk(struct chain *c, const struct folder *f, const struct wal_position *from);
/* Gives the records after `from` to the callback; sets last_lsn and cut when it cuts. */
int chain_deliver(struct chain *c, const struct folder *f, const struct wal_position *from,
		  const struct wal_replay *replay, uint64_t *ret_count);
void chain_done(struct chain *c);
/* -ESTALE when an incarnation newer than `generation` holds a record. */
int chain_check_unused(const struct folder *f, uint64_t generation);
