/* SPDX-License-Identifier: MIT */
/* Inside tiers/pack. */
#pragma once

#include "tiers/pack/pack.h"
#include "tiers/pack/pack_format.h"

struct unpacker;

struct pack_run {
	struct seal_run *run; /* owned */
};

struct pack_opener {
	struct unpacker *unpacker; /* owned */
};

/* Opens a section in place: `len` bytes with their tag. -EBADMSG. */
int pack_section_open(const struct pack_run *run, enum pack_kind kind, uint64_t nonce, uint64_t dictionary_id,
		      uint32_t place, void *sealed, size_t len);
/* Opens a frame's seal in place. -EBADMSG. */
int pack_frame_unseal(const struct pack_run *run, const struct pack_frame *f, uint64_t dictionary_id,
		      void *sealed);
