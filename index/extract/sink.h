/* SPDX-License-Identifier: MIT */
/* Where extracted text goes: UTF-8 without control characters, at most RESULT_TEXT_MAX, white space as
 * the kind of document has it. What is too much is dropped and makes the document partial. */
#pragma once

#include "index/extract/extract.h"

struct sink {
	struct document *d; /* borrowed */
	bool full;          /* the limit was reached: stop, if that is easy */
	unsigned break_due; /* line ends to write before the next word */
	bool space_due;
};

/* Sets state and reason. An earlier one that is worse stays. */
void document_say(struct document *d, enum extract_status status, const char *why);
/* It is no text, whatever its name says. */
void document_is_binary(struct document *d);
/* Copies at most size - 1 bytes of valid UTF-8, white space collapsed to blanks. */
void document_set(char *to, size_t size, const char *text, size_t len);
/* Adds a pair; empty values and what is beyond RESULT_FIELDS_MAX are dropped. */
int document_field(struct document *d, const char *name, const char *value, size_t len);
int document_mark(struct document *d, uint8_t kind, uint32_t number);

/* Text as it is, tabs and line ends included; other control characters are dropped. */
int sink_raw(struct sink *s, const char *text, size_t len);
/* Flowing text: runs of white space become one blank. */
int sink_flow(struct sink *s, const char *text, size_t len);
/* Ends the line before the next flowing text; 2 leaves an empty line. Repeating it changes nothing. */
void sink_break(struct sink *s, unsigned lines);
/* A tab or a blank between two pieces of flowing text. */
void sink_space(struct sink *s);
/* Writes what is due, so that a mark lies where the next text begins. */
int sink_settle(struct sink *s);

/* Appends the text of `part` with its marks, an empty line before it, and takes over its status. */
int document_join(struct document *d, const struct document *part);
