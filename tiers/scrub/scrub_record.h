/* SPDX-License-Identifier: MIT */
/* What verifying keeps in the catalog: how far it is, and what it found.
 *
 *   'V' u8 5          progress: u8 version 1, varint folded began, folded ended, round, phase, cursor inode, cursor end,
 *                     bytes, found, mended, unread; then of the round before: bytes, found, mended, unread
 *   'V' u8 6 be64 n   damage. n: an inode, or 1 << 63 | number of a pack of which no file's bytes are damaged, but what it
 *                     says of itself
 *                     u8 version 1, varint kind (extent.h), cold, segment, place, offset, end, bytes, folded found, round
 *
 * "Folded": 0, -1, 1, -2, .. Thread-safety: as catalog.h. */
#pragma once

#include "catalog/catalog.h"

enum scrub_phase { SCRUB_HOT, SCRUB_WARM, SCRUB_COLD, SCRUB_PHASES };

/* What a round did. */
struct scrub_counts {
	uint64_t bytes;   /* read */
	uint64_t found;   /* damaged files, and packs without such */
	uint64_t mended;  /* packs, from another copy */
	uint64_t unread;  /* packs in a bucket that could not be asked */
};

struct scrub_progress {
	int64_t began_s, ended_s;   /* this round; the last one, 0: none has. Since 1970 */
	uint64_t round;             /* 0: there was no look yet */
	uint64_t phase;             /* enum scrub_phase */
	uint64_t ino, end;          /* HOT: the last extent that was seen; else `ino` is the number of the last pack */
	struct scrub_counts now, last;
};

#define SCRUB_OF_PACK (1ull << 63)

struct scrub_damage {
	uint64_t ino;         /* or SCRUB_OF_PACK | number */
	uint64_t kind;        /* enum extent_kind: EXTENT_HOT or EXTENT_PACK */
	bool cold;            /* in the bucket */
	uint64_t segment;     /* or number of the pack */
	uint64_t place;       /* in it, of the extent at `offset` */
	uint64_t offset, end; /* from the first damaged byte to the last, in the file */
	uint64_t bytes;       /* of extents that are damaged */
	int64_t found_s;      /* first, since 1970 */
	uint64_t round;       /* in which it was found last */
};

/* 0 also when there is none yet, or none that can be read: *ret_p is then all zero. */
int scrub_progress_load(struct catalog *c, struct scrub_progress *ret_p);
int scrub_progress_save(struct catalog *c, const struct scrub_progress *p);

/* -ENOENT. -EBADMSG. */
int scrub_damage_get(struct catalog *c, uint64_t ino, struct scrub_damage *ret_d);
int scrub_damage_put(struct catalog *c, const struct scrub_damage *d);
/* By number; records that cannot be read are left out. Other than 0 from `damage` ends it and is returned. */
int scrub_damage_foreach(struct catalog *c, int (*damage)(void *context, const struct scrub_damage *d), void *context);
/* Forgets all for which `gone` says true. */
int scrub_damage_prune(struct catalog *c, bool (*gone)(void *context, const struct scrub_damage *d), void *context);
