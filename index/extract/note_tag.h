/* SPDX-License-Identifier: MIT */
/* Of what an inline "#tag" may consist: letters, digits, marks and symbols of Unicode, "_", "-", and "/"
 * between levels; no other punctuation, no white space. */
#pragma once

#include "index/extract/span.h"

/* Moves *at beyond the character there; false, with *at unmoved, when it ends a tag. */
bool note_tag_next(const char *text, size_t len, size_t *at);
/* Is there white space before `at`, or nothing? */
bool note_tag_follows(const char *text, size_t at);
/* The tag in a run of such characters: without "/" at its end; empty when that is a mere number, or has no
 * letter, digit or symbol. */
struct span note_tag(struct span run);
/* Is all of it one tag, perhaps with a '#' before it? */
bool note_tag_is(struct span word);
/* Is it a byte of a name such as fields have? */
bool note_is_key(char c);
