/* SPDX-License-Identifier: MIT */
/* Private to the files about packing. */
#pragma once

#include "tiers/file_impl.h"
#include "tiers/move/packing.h"
#include "tiers/pack/pack_writer.h"

/* Begins the name of a file that is no pack yet. */
#define PACKING_UNFINISHED "new-"

/* A frame in the pack at hand, and whose bytes it holds. */
struct packed_piece {
	uint64_t ino, content_lsn; /* of the file, when they were read */
	uint64_t offset;           /* in the file */
	struct pack_frame frame;
};

struct packing {
	struct packing_config config;
	struct files *f;               /* borrowed */
	struct pack_writer *writer;    /* owned; NULL: no pack is begun */
	uint64_t number;               /* of the pack at hand */
	int fd;                        /* owned; of its file */
	char name[ID128_TEXT_SIZE];    /* under which that lies; the pack's once it is whole */
	struct packed_piece *pieces;   /* owned */
	size_t n_pieces, cap_pieces;
	uint8_t *bytes;                /* owned; PACK_FRAME_TARGET, of the frame at hand */
	struct packing_stats stats;
};

/* packing_describe.c: says in the pack at hand what the file is called and what belongs to it. -EFBIG: no room.
 * -ESTALE: it changed meanwhile. */
int packing_describe(struct packing *p, const struct inode *i);
/* packing_commit.c: the pieces of the pack at hand take the place of what they were read from. */
int packing_commit(struct packing *p, uint64_t number);
