/* SPDX-License-Identifier: MIT */
/* Files that are the same, and files whose texts are nearly so, among those that a query finds, by their fingerprints
 * (index/fingerprint.h): no file is read. Groups by content are exact. Those by text are made around leaders: each
 * content, in the order in which its first file was made, joins the leader that it is most like, or becomes one; so all
 * of a group are like its first file, as far as sketches tell.
 *
 * Not compared are empty files, those that were not read whole (excluded, larger than max_file, unreadable, in the
 * bucket when they were indexed), and those that a version without fingerprints indexed; and as texts those of fewer
 * than SHINGLES_MIN + SHINGLE - 1 words.
 *
 * Memory: 40 bytes a file, and for texts 480 a content, of which DUPLICATES_TEXTS_MAX are compared at most. Used as
 * search.h. */
#pragma once

#include "index/query/search.h"

#define DUPLICATES_TEXTS_MAX 200000u
#define DUPLICATES_THRESHOLD 0.8

struct duplicate {
	struct hit hit;      /* score: resemblance with the group's first file, or with what is named */
	bool same;           /* as that, byte for byte */
	uint64_t size;
};

struct duplicate_group {
	size_t first, n;     /* in the files */
	bool same;           /* all of them are */
	uint32_t named;      /* with `to`: which of its paths */
	uint64_t saves;      /* bytes of all but one */
};

struct duplicates {
	struct search *s;      /* borrowed */
	bool content, text;    /* which count */
	double threshold;
	struct buf copies;     /* struct copy (duplicates.c) */
	struct buf files;      /* struct duplicate */
	struct buf groups;     /* struct duplicate_group, those that save most first */
	uint32_t named;        /* with `to`: that are compared */
	uint64_t n_uncompared; /* files that are not, and not empty */
};

/* Before the viewer is given back: fingerprints of what is named, into s->chosen; takes it out of the candidates. */
int search_named(struct search *s);

int duplicates_find(struct search *s, struct duplicates *ret_d);
void duplicates_done(struct duplicates *d);
/* duplicates_answer.c: in the place of search_rank() and search_format() */
int search_duplicates(struct search *s, uint64_t *ret_total, struct buf *ret_bytes);
