/* SPDX-License-Identifier: MIT */
/* Records of what happened, in order, the latest of them kept: lines of text, each with a number that is never given
 * again, and its place in a file that has all lines one after the other, which grows and begins anew with a mount
 * only.
 *
 *   'A' kind, 0        varint first number kept, next number; place of the first, of the next, of the beginning of the file
 *   'A' kind, number   varint place, bytes: the line, with its newline
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "catalog/catalog.h"

enum journal_kind { JOURNAL_EVENTS = 1, JOURNAL_AUDIT = 2 };

/* So many lines are kept at least. */
#define JOURNAL_KEEP 100000u

struct journal_state {
	uint64_t first, next;                /* numbers; the first is 1 */
	uint64_t first_place, next_place;    /* bytes, since the volume was made */
	uint64_t begin;                      /* of the file */
};
int journal_get_state(struct catalog *c, enum journal_kind kind, struct journal_state *ret);
/* Bytes of the file. */
static inline uint64_t journal_size(const struct journal_state *s)
{
	return s->next_place - s->begin;
}
/* Appends what the file holds from `offset` on, whole lines, some 64 KiB at most. */
int journal_read(struct catalog *c, enum journal_kind kind, uint64_t offset, struct buf *ret_text);
/* Appends the lines after number `since`. -ESTALE: some of them are not kept any more; *ret_first, in any case, is
 * the first that is. */
int journal_since(struct catalog *c, enum journal_kind kind, uint64_t since, struct buf *ret_text, uint64_t *ret_first);

/* Inside a batch: the number that the next line will have, and that line; `line` ends with a newline. */
int journal_next(struct batch *b, enum journal_kind kind, uint64_t *ret_number);
int journal_add(struct batch *b, enum journal_kind kind, const void *line, size_t len);

/* At the beginning of a mount: lets the file begin with the first line that is kept, and no more than JOURNAL_KEEP. */
int journal_begin(struct catalog *c, enum journal_kind kind);
