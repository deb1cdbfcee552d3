/* SPDX-License-Identifier: MIT */
/* Verbs of links whose meaning is known: of each, what the same link is called when it is told from its other end. "A
 * cites B" and "B citedBy A" say the same, and so do "A contradicts B" and "B contradicts A".
 *
 * Links are stored as they are said (links.h), so that an xattr reads as it was written; who asks for a verb is answered
 * from both ends (index/query/inverses.h). Any other verb is taken, too; of those nothing is known. Names are
 * compared byte by byte. Thread-safe. */
#pragma once

#include <stddef.h>

struct known_verb {
	const char *name, *inverse; /* the same: it has no direction */
};
extern const struct known_verb known_verbs[];
extern const size_t known_verbs_n;

/* What a verb is called from the other end; NULL: it is not known. */
const char *verb_inverse(const char *name, size_t len);
