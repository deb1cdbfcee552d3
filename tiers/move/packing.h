/* SPDX-License-Identifier: MIT */
/* Moves the bytes of files into new packs in warm/, whatever tier they lie in. Each pack is written, synced, read back
 * whole and recorded in the catalog before a file lets go of a byte: a stop anywhere leaves files that lie in their old
 * place or in the new one. What a file was before it moved is freed by cleaning; a pack that no file got into, too.
 *
 * A file that is opened or changed meanwhile stays where it is.
 *
 * Not thread-safe; one at a time for a volume. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/pack_record.h"
#include "tiers/pack/pack_dictionary.h"

struct files;
struct packing;

struct move_rate;

struct packing_config {
	struct files *files;                       /* borrowed */
	const struct pack_dictionary *dictionary;  /* borrowed; NULL: none */
	struct move_rate *rate;                    /* borrowed; NULL: as fast as it can */
	uint64_t pack_bytes;                       /* of a pack at most; 0: PACK_MAX */
	bool packed_only;                          /* what of a file lies in packs; else all of it */
	/* A pack is in its place, and all that moved into it has; may be NULL. A negative return ends the packing. */
	int (*packed)(void *context, const struct pack_record *p);
	void *context;
};

struct packing_stats {
	uint64_t files, bytes;   /* moved */
	uint64_t busy;           /* files that were open or changed, and stay */
	uint64_t damaged;        /* files that could not be read whole, and stay */
	uint64_t unfit;          /* files that are in no pack: names and xattrs beyond PACK_DESCRIPTION_MAX; they stay */
	uint64_t packs, stored;  /* made; their bytes */
	uint64_t small_plain, small_stored; /* frames that use the dictionary */
};

int packing_new(const struct packing_config *config, struct packing **ret_p);
/* Gives up a pack that was begun. */
struct packing *packing_free(struct packing *p);

/* Takes in a file; ends a pack when it is full. A file that needs a larger pack than pack_bytes for its names and
 * xattrs gets one. Not there, no regular file, open, without bytes, damaged or unfit: counted, 0. -EINTR
 * (move_rate.h), -ENOSPC, -EIO (the disk), -ENOMEM: what was not recorded stays where it was, and the packing is to
 * be freed. */
int packing_add(struct packing *p, uint64_t ino);
/* Ends the pack at hand: for what shall not lie in one pack with what follows. Errors as packing_add(). */
int packing_cut(struct packing *p);
void packing_get_stats(const struct packing *p, struct packing_stats *ret_s);

/* Removes what a stop left in warm/: files that no record speaks of. Before the first packing of a mount. */
int packing_remove_unfinished(struct files *f);
