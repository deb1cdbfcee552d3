/* SPDX-License-Identifier: MIT */
/* How well the present dictionary does: what small files took in the first packs that used it, and take in the last ones.
 *
 *   'V' u8 7    u8 version 1, le64 dictionary, varint plain and stored bytes of the first, the same of the last
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include "catalog/catalog.h"

struct dictionary_figures {
	uint64_t id; /* 0: none */
	uint64_t first_plain, first_stored;
	uint64_t recent_plain, recent_stored;
};

/* All zero when there is none, or none that can be read, or it is of another dictionary than `id`; but for the id. */
int dictionary_figures_load(struct catalog *c, uint64_t id, struct dictionary_figures *ret_f);
int dictionary_figures_save(struct catalog *c, const struct dictionary_figures *f);
/* Packs took `stored` bytes for `plain` of small files. Pure. */
void dictionary_figures_add(struct dictionary_figures *f, uint64_t plain, uint64_t stored);

/* Forgets dictionaries that no pack has and new ones will not. While no pack is made. *ret_n: how many. */
int dictionaries_drop_unused(struct catalog *c, uint64_t *ret_n);
