/* SPDX-License-Identifier: MIT */
/* One segment: a file of fixed size with a header and room for records. Knows nothing of incarnations
 * beyond the header's bytes. Private to wal/. Not thread-safe; the log's lock covers it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wal/wal_format.h"

enum segment_state {
	SEGMENT_BLANK, /* no header, or the first one was torn: holds nothing */
	SEGMENT_VALID, /* a copy of the header verifies */
	SEGMENT_BAD,   /* both copies were written and neither verifies */
};

struct segment {
	struct segment *next;
	int fd;                 /* owned */
	uint32_t number;        /* of the file's name */
	uint64_t size;          /* of the file */
	uint8_t *map;           /* owned; NULL unless mapped for writing */
	enum segment_state state;
	bool clean;             /* all of it is durable, and nothing was written since (ahead.h) */
	unsigned first_copy;    /* header copy to overwrite first: not the newest one */
	struct wal_header head; /* when SEGMENT_VALID */
	uint64_t used;          /* end of the last record */
	uint64_t last_lsn;      /* of the records in it; head.first_lsn - 1 when there are none */
};

/* Makes a file full of zeros, durable under its name. -ENOSPC. */
int log_segment_new(int dirfd, uint32_t number, uint64_t size, struct segment **ret_s);
/* Opens a file and looks at its header. Unless `read_only`, holes are filled with zeros on the disk, so that
 * no store into a mapping has to allocate. */
int log_segment_open(int dirfd, uint32_t number, bool read_only, const struct wal_sealer *sealer,
		 struct segment **ret_s);
struct segment *log_segment_free(struct segment *s);
/* Removes the file and frees. */
void log_segment_remove(struct segment *s, int dirfd);
/* -EINVAL unless `name` is a segment's. */
int log_segment_name_parse(const char *name, uint32_t *ret_number);

/* Takes the segment into use: the header is durable on return. */
int log_segment_begin(struct segment *s, const struct wal_sealer *sealer, void *header_run,
		  const uint8_t run_header[WAL_RUN_HEADER_SIZE], const struct wal_header *h);
/* Overwrites the header with zeros, durably. */
int log_segment_blank(struct segment *s);
int log_segment_map(struct segment *s);
void log_segment_unmap(struct segment *s);
int log_segment_sync(struct segment *s);
