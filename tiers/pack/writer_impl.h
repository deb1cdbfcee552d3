/* SPDX-License-Identifier: MIT */
/* A pack that is being written: pack_writer.c keeps its entries and its room, pack_write.c its bytes. */
#pragma once

#include "base/buf.h"
#include "tiers/pack/codec.h"
#include "tiers/pack/ino_places.h"
#include "tiers/pack/pack_format.h"
#include "tiers/pack/pack_writer.h"
#include "tiers/pack/table.h"

struct pack_writer {
	struct pack_writer_config config;
	struct seal_run *run;                          /* owned */
	struct seal_claim trailer_nonce, dictionary_nonce;
	struct packer *packer;                         /* owned */
	struct table_builder table;                    /* owned */
	struct ino_places directories;                 /* closed ones; owned */
	struct buf out;                                /* owned: the end of the pack, not written yet */
	uint32_t written;                              /* what is before it */
	struct buf dictionary;                         /* owned: compressed, until it is in the pack */
	struct pack_section dictionary_at;             /* once it is */
	uint64_t plain_bytes;
	int error;                                     /* the first one that was final */
};

/* Remembers an error that is final; returns it. */
int pack_writer_fail(struct pack_writer *w, int r);
/* Where the next section will begin. */
uint32_t pack_writer_place(const struct pack_writer *w);
/* Has the pack room for `stored` more bytes, and for `table` more plain ones of the table? -EFBIG if not, and a
 * file of which it has nothing yet is forgotten. Else the final error, or 0. */
int pack_writer_check_room(struct pack_writer *w, size_t stored, size_t table);
