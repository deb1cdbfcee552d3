/* SPDX-License-Identifier: MIT */
/* Makes an extracted document ready for the memory segment: language, terms of words and WordPieces,
 * vectors of the whole and of its passages, the stored record. All the slow work, done without locks.
 *
 * A preparer is used again from document to document and belongs to one thread. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "index/embed/embed.h"
#include "index/extract/extract.h"
#include "index/segment.h"
#include "index/term_table.h"
#include "index/words/stem.h"

struct prepared {
	struct segment_doc doc; /* ino, lsn and parent are the caller's; places are the segment's */
	char mime[96];
	struct term_table terms;
	struct buf counts;      /* uint32_t for each term */
	struct buf stored;      /* stored.h */
	struct buf vectors;     /* int16_t */
	struct fingerprint print;
};
void prepared_done(struct prepared *p);

struct preparer;
int preparer_new(const struct embed_model *model, const struct languages *languages, struct preparer **ret_p);
struct preparer *preparer_free(struct preparer *p);

struct prepare_input {
	const struct document *document;
	enum document_state state;
	const char *why;
	const char *names; /* of the file, NUL-separated; they are searched like text */
	size_t names_len;
	bool hidden;       /* not to be found by its names either */
	uint64_t seconds;  /* now, since 1970 */
	struct id128 content; /* of the file's bytes (fingerprint.h) */
};
/* Fills *ret, which is used again. -ENOMEM. */
int prepare(struct preparer *p, const struct prepare_input *in, struct prepared *ret);
