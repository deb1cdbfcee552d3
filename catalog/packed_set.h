/* SPDX-License-Identifier: MIT */
/* Sorted sets of pairs of numbers, many to a record: which files have a tag, which a name, which were modified
 * when. What a record of its own costs for each member, some 75 bytes and a step of a cursor, is paid for dozens.
 *
 * A member is a pair (a, b) with a number n, at least 1. Sets lie under a prefix, a letter and numbers; each record of
 * it is a chunk of neighbours, and its key ends with a pair at or behind its last one: that of the last chunk is the
 * greatest there can be. So the chunk of a pair is the first one whose key is not before it, which a cursor finds in
 * one step.
 *
 *   key    prefix, be64 a, be64 b
 *   value  varint members, then of each: varint a less the a before, varint code; with bit 0 of the code
 *          varint n, which is 1 otherwise. code / 2 is b, less the b before when a is the same
 *
 * A change is a record of its own until the next checkpoint, which writes it into its chunk (packed_fold.h): so a
 * chunk is not written again for each of its members. Such records are in the log and the overlays only.
 *
 *   key    'z', prefix, be64 a, be64 b
 *   value  varint n; 0: it is no member any more
 *
 *   key    'z', prefix or the beginning of one
 *   value  none: no set with it has members, but for the changes that are there
 *
 * These sets follow from other records and can be made from them again (derive.h).
 *
 * Thread-safety: reading as catalog_get(); writing inside a batch. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "catalog/records.h"

struct batch;
struct catalog;
struct cursor;

/* Above, `b` has no room in its code. */
#define PACKED_B_MAX (UINT64_MAX >> 1)
#define PACKED_CHUNK_MAX 64u

struct packed_member {
	uint64_t a, b;
	uint32_t n;
};

/* What becomes of n: ((n & ~clear) | set) + add, at least 0; a member whose n is 0 is none. */
struct packed_change {
	uint64_t a, b;
	uint32_t clear, set;
	int32_t add;
};

/* 1: the pair is a member afterwards. 0: it is none. -EBADMSG. *ret_was, which may be NULL, is its n before. */
int packed_set_change(struct batch *b, const struct key *prefix, const struct packed_change *change, uint32_t *ret_was);
/* The same for a pair of which n is known without a look. Errors come out of batch_commit(). */
void packed_set_put(struct batch *b, const struct key *prefix, const struct packed_member *m);
/* Removes all members of the sets whose prefix begins so. Until the next checkpoint they may be seen: for sets that
 * nobody reads any more, and whose numbers are not used again. */
int packed_set_drop(struct batch *b, const struct key *prefix);
/* n of a pair, 0: it is no member. */
int packed_set_get(struct catalog *c, const struct key *prefix, uint64_t a, uint64_t b, uint32_t *ret_n);
/* How many members have an a in [low, high]. Chunks that lie within are counted and not read through. */
int packed_set_count(struct catalog *c, const struct key *prefix, uint64_t low, uint64_t high, uint64_t *ret_count);

/* A walk through a set, forwards. Holds no lock between calls, and sees changes made meanwhile. */
struct packed_walk {
	struct catalog *c;           /* borrowed */
	struct key prefix;
	size_t set_len;              /* of what a key has between prefix and pair: 8 in a walk over many sets */
	struct cursor *chunks, *changes; /* owned */
	struct buf members;          /* struct packed_member: those of the chunk at hand */
	size_t at;                   /* the next of them */
	uint64_t set;                /* that they are in */
	struct packed_member change; /* the next one that was changed */
	uint64_t change_set;
	bool has_change, no_changes; /* there is one; there are none from here on */
	bool chunks_begun, changes_begun;
	bool last_chunk;             /* no other one follows in a walk over one set */
	uint64_t generation;         /* of the catalog, that all this is of */
	uint64_t lsn;                /* up to which there are no changes, if there are none */
	struct packed_member next;   /* nothing before this one comes any more; n is not used */
	uint64_t next_set;
};
struct packed_walk packed_walk_over(struct catalog *c, const struct key *prefix);
/* Over all sets whose prefix is this one and a number. */
struct packed_walk packed_walk_over_sets(struct catalog *c, const struct key *prefix);
/* The next member is at or behind (a, b), which is not before where the walk is; in a walk over one set. */
void packed_walk_seek(struct packed_walk *w, uint64_t a, uint64_t b);
/* 1, 0 at the end, -EBADMSG. */
int packed_walk_next(struct packed_walk *w, struct packed_member *ret_m);
/* The number of the set that the last member came from. */
uint64_t packed_walk_set(const struct packed_walk *w);
void packed_walk_done(struct packed_walk *w);

/* Writes a whole set, of which no record is there, from members in rising order. */
struct packed_writer {
	struct key prefix;
	/* Called for each chunk. */
	int (*put)(void *context, const struct key *key, const void *value, size_t len);
	void *context;
	struct packed_member members[PACKED_CHUNK_MAX];
	size_t n;
};
int packed_writer_add(struct packed_writer *w, const struct packed_member *m);
/* The rest. */
int packed_writer_end(struct packed_writer *w);
