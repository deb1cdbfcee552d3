/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/buf.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/pack/pack_impl.h"
#include "tiers/pack/pack_reader.h"
#include "tiers/pack/table.h"

struct pack {
	struct pack_source source;
	struct pack_run *run;               /* owned */
	struct pack_opener *opener;         /* owned */
	struct pack_trailer trailer;
	struct buf plain_table;             /* owned; table borrows */
	struct table table;                 /* owned */
	struct pack_dictionary *dictionary; /* owned; NULL until needed */
	/* What was read of the pack last, and the frame that was opened last. */
	struct buf window;                  /* owned */
	uint32_t window_from;
	struct buf frame;                   /* owned */
	uint32_t frame_number;              /* PACK_HOLE: none */
};

/* Reads exactly `len` bytes. -EBADMSG: the pack ends before. */
int pack_read_source(const struct pack_source *s, uint64_t from, void *ret_data, size_t len);
/* The section's bytes in the window, to be opened in place, once; `ahead`: those after it will be wanted, too. */
int pack_fetch(struct pack *p, uint32_t place, uint32_t len, bool ahead, void **ret_bytes);
