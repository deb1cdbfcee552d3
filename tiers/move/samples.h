/* SPDX-License-Identifier: MIT */
/* The dictionary that packs of small files are compressed with: the volume's, or one that is trained with the files that
 * are about to move, when it has none, or when that does worse for them than it did for the files that it was made of
 * (tiers/pack/pack_dictionary.c says when one pays). A fresh one becomes the volume's with the first pack that uses it;
 * the ones before stay as long as packs have them. */
#pragma once

#include <stddef.h>

#include "tiers/pack/pack_dictionary.h"

struct files;
struct gathered;
struct packing_stats;

struct move_dictionary {
	const struct pack_dictionary *d;     /* NULL: none, there is too little to learn from, or it does not pay */
	struct pack_dictionary *trained;     /* owned; NULL: it is the volume's, and counted as in use */
};

/* -ENOMEM, and errors of the catalog; files that cannot be read teach nothing. */
int move_dictionary_get(struct files *f, const struct gathered *items, size_t n, struct move_dictionary *ret);
/* What was packed with it, so that it is known how well it does. A hint. */
void move_dictionary_note(struct files *f, const struct move_dictionary *md, const struct packing_stats *stats);
void move_dictionary_put(struct files *f, struct move_dictionary *md);
