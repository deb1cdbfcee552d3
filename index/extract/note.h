/* SPDX-License-Identifier: MIT */
/* Tags and links in the body of a Markdown note, in two steps: CommonMark and GFM tell what each byte is
 * (note_parse.c, by md4c), and what note programs add to them is looked for where that leaves words
 * (note_find.c).
 *
 * What counts is what Obsidian's own cache of a note has, where its behaviour was published:
 * https://github.com/cyanheads/obsidian-mcp-server/issues/138 and /140 for tags,
 * https://github.com/pvliesdonk/markdown-vault-mcp/issues/1358 and /1384 for links. Hence "(#tag)" is none,
 * while "#a#b" and words of a link's label may be. Other plain texts have no tags: '#' means too much there. */
#pragma once

#include "base/buf.h"
#include "index/extract/found.h"

/* Adds what `text`, a note without its front matter, has. -ENOMEM. */
int note_find(const char *text, size_t len, struct found *f);

/* The rest is between the two files. */

enum note_class {
	NOTE_MARKUP, /* bytes that are not shown: "**", "> ", the target of a link, a backslash */
	NOTE_WORDS,
	NOTE_CODE, /* and URLs that stand for themselves */
	NOTE_HTML,
};
#define NOTE_BLOCK 0x80 /* a paragraph, heading, row .. begins here */

/* A link or picture of CommonMark. */
struct note_reference {
	size_t at;     /* byte of the note, about where its label begins; they ascend */
	size_t target; /* where it lies in note.targets */
	size_t target_len;
	bool embeds;
};

struct note {
	const char *text; /* borrowed */
	size_t len;
	uint8_t *classes; /* owned: a byte for each of text, enum note_class and perhaps NOTE_BLOCK */
	struct note_reference *references; /* owned */
	size_t n_references;
	bool cut;           /* there are more references */
	struct buf targets; /* owned: URL references, decoded as Markdown has them, still percent-encoded */
};

/* Keeps `text`. */
int note_parse(const char *text, size_t len, struct note *ret_note);
void note_done(struct note *n);
