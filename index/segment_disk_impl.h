/* SPDX-License-Identifier: MIT */
/* Private to index/segment_disk.c and segment_load.c: an open segment, and reading its sections. Thread-safety: as
 * segment.h. */
#pragma once

#include "index/segment_disk.h"
#include "index/segment_format.h"

struct segment_chunk {
	uint64_t at;       /* in the dictionary */
	uint32_t len;
	uint32_t term, term_len; /* its first term, in chunk_terms */
};

struct segment_disk {
	struct segment base;
	struct segment_file *file;      /* owned */
	struct segment_footer footer;
	struct segment_chunk *chunks;           /* owned */
	struct buf chunk_terms;         /* owned */
};

/* As much of a section as the caller has room for. -EBADMSG: it is not that long, or not as it was written. */
int segment_disk_read_into(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len, void *ret);
/* The same, added to a buffer. */
int segment_disk_read(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len, struct buf *ret);

/* All that stays in memory of a segment whose file was opened. -EBADMSG; -EMEDIUMTYPE: made with another model. */
int segment_disk_load(struct segment_disk *d, const struct segment_disk_config *config, uint64_t plain_len);
