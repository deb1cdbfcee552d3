/* SPDX-License-Identifier: MIT */
/* Reads a segment through a buffer: pread() reports a bad sector where a mapping would raise SIGBUS.
 * Private to wal/. */
#pragma once

#include <stdint.h>

#include "wal/segment.h"

#define WINDOW_SIZE_MAX (4u << 20)

struct window {
	uint8_t *data;            /* owned */
	size_t size;              /* allocated */
	const struct segment *of; /* borrowed; whose bytes they are */
	uint64_t start;
	size_t len;
};

/* For segments of at most `segment_size` bytes. */
int window_init(struct window *w, uint64_t segment_size);
void window_done(struct window *w);
/* The place of `len` bytes (a record at most) at `offset`, borrowed until the next call; NULL
 * past the end of the segment. -errno when reading fails. */
int window_at(struct window *w, const struct segment *s, uint64_t offset, size_t len,
	      const uint8_t **ret_data);
