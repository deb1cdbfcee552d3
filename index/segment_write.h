/* SPDX-License-Identifier: MIT */
/* Writes the living documents of one or more segments as a new segment file: sealing a memory segment
 * and merging segments are the same. Thread-safety: the parts must not grow meanwhile; documents
 * that die while it runs are the caller's to kill in the result. */
#pragma once

#include <stdint.h>

#include "index/arrange.h"
#include "index/segment.h"
#include "index/segment_file.h"

struct segment_part {
	struct segment *segment; /* borrowed */
	uint32_t *remap;         /* owned by the part: new number of each document, or DOC_DROPPED */
};
void segment_part_done(struct segment_part *p);

struct segment_write {
	unsigned dimensions;
	const char *checksum; /* of the model */
	uint32_t flat;        /* vectors without lists, at most; 0: ARRANGE_FLAT */
	const bool *stop;     /* may be NULL; looked at now and then: -ECANCELED */
};
/* Fills the parts' remap and writes everything to the sink, which the caller finishes. Returns the number
 * of documents, 0 with nothing written when none is alive. -EBADMSG: a part is damaged. */
int64_t segment_write(struct segment_sink *sink, const struct segment_write *how, struct segment_part *parts,
		      unsigned n_parts);
