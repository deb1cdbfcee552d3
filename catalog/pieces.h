/* SPDX-License-Identifier: MIT */
/* How lists are stored of which some things are known by a number and others stay as they are written: the tags of a
 * file (tags.h), and what a user links it to (links.h). Pieces, each a varint:
 *
 *   number << 1 | 1
 *   length << 1     so many bytes of text follow
 *
 * Thread-safety: none needed. */
#pragma once

#include "base/buf.h"

struct piece {
	uint64_t number;  /* 0: `text` */
	const char *text; /* borrowed; not terminated */
	size_t len;
};

/* 1, 0 at the end, -EBADMSG. *ret_p borrows from what is read. */
int piece_next(struct reader *in, struct piece *ret_p);
int piece_add(struct buf *list, const struct piece *p);
