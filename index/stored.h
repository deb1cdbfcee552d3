/* SPDX-License-Identifier: MIT */
/* The stored record of a document: what is known of it beside words and vectors, and its text.
 *
 *   bytes mime, bytes why, bytes title          (varint length before each)
 *   bytes names                                 that it was indexed under, each with its NUL
 *   varint seconds since 1970 when it was indexed
 *   varint n, n x (varint distance, varint number, u8 kind)   marks
 *   varint n, n x varint distance                             where passages begin
 *   varint length of the text, and its zstd frame up to the end of the record
 *
 * Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct document_mark;

struct stored_input {
	const char *mime, *why, *title;
	const char *names;
	size_t names_len;
	uint64_t seconds;
	const struct document_mark *marks;
	size_t n_marks;
	const uint32_t *passages; /* byte offsets, ascending */
	size_t n_passages;
	const void *text;
	size_t text_len;
};
int stored_encode(const struct stored_input *in, struct buf *ret_record);

/* A decoded record; everything borrows from the record's bytes. */
struct stored {
	const char *mime, *why, *title, *names;
	size_t mime_len, why_len, title_len, names_len;
	uint64_t seconds;
	uint64_t n_marks, n_passages, text_len;
	struct reader marks, passages, text;
};
/* -EBADMSG. */
int stored_decode(const void *record, size_t len, struct stored *ret_s);
/* Appends the text. -EBADMSG. */
int stored_text(const struct stored *s, struct buf *ret_text);
/* Where passage `i` begins in the text; 0 when there is no such. */
uint64_t stored_passage(const struct stored *s, uint32_t i);
/* Calls `mark` for each, in order, until it returns something else than 0. */
int stored_foreach_mark(const struct stored *s, int (*mark)(void *context, const struct document_mark *m),
			void *context);
/* The last mark at or before `offset`: 1 with kind and number, or 0. */
int stored_mark(const struct stored *s, uint64_t offset, char *ret_kind, uint32_t *ret_number);
