/* SPDX-License-Identifier: MIT */
/* Tags and links on their way into a document: cleaned, and each once. What is no tag or link after all is
 * dropped in silence; all functions return -ENOMEM or 0. */
#pragma once

#include <stdint.h>

#include "index/extract/extract.h"
#include "index/extract/span.h"

struct found {
	struct document *d; /* borrowed */
	/* Fingerprints of what `d` has, a table with linear probing; 0 is a free place. A hostile document
	 * that makes two of them equal loses a link of its own. */
	uint64_t *seen; /* owned */
	size_t n_seen, room;
};
void found_done(struct found *f);

/* One tag: trimmed, without '#' before it. */
int found_tag(struct found *f, struct span tag);
/* A list of them between any of `separators`. */
int found_tags(struct found *f, struct span list, const char *separators);

/* A field, unless the document has it with this value. */
int found_field(struct found *f, const char *name, struct span value);

/* The target as it stands. Blanks in the verb become '-'; one that extract.h does not allow becomes "links".
 */
int found_link(struct found *f, enum link_form form, struct span verb, struct span target);
/* What stands between [[ and ]]. */
int found_wiki(struct found *f, struct span verb, struct span inside);
/* A reference to something else, percent-encoded (RFC 3986): a link if it is a path. */
int found_url(struct found *f, struct span verb, struct span url);
/* Appends `from` with its percent-encoding undone; a '%' that no two digits follow is one. */
int found_decode(struct span from, struct buf *out);
