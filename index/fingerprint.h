/* SPDX-License-Identifier: MIT */
/* What tells, without a look at either, whether two files are the same and whether their texts are nearly so. Made once
 * for each document, and kept with it in the sealed segments.
 *
 * The content is a hash of all bytes under a key of the volume (crypto/digest.h). The sketch estimates how many of the
 * runs of SHINGLE words that occur in either text occur in both (resemblance: Broder, On the resemblance and containment
 * of documents, 1997): the least hash in each of SKETCH_SIZE bins by one permutation (Li, Owen and Zhang 2012), empty
 * bins filled from others (Shrivastava, Optimal densification, 2017), and one byte kept of each (Li and Koenig, b-bit
 * minwise hashing, 2010). The standard error of an estimate r is sqrt(r (1 - r) / SKETCH_SIZE), 0.035 at 0.8.
 *
 * Sketches have no key: who may write files can make two look alike. Thread-safety: makers belong to their users. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define SKETCH_SIZE 128u
#define SHINGLE 5u
/* Fewer say nothing, and make no sketch. */
#define SHINGLES_MIN 8u

struct fingerprint {
	struct id128 content;         /* zeros: the file is empty, or was not read whole */
	bool has_sketch;
	uint8_t sketch[SKETCH_SIZE];
};

struct keyring;

/* Pieces of this size are hashed one after the other: of all calls but the last, `len` is a multiple of it. */
#define CONTENT_PIECE (1u << 20)
struct content_hash {
	const struct keyring *keys; /* borrowed */
	struct id128 state;
};
void content_hash_begin(struct content_hash *h, const struct keyring *keys);
void content_hash_add(struct content_hash *h, const void *data, size_t len);
/* Never zeros, unless there was no byte. */
struct id128 content_hash_end(const struct content_hash *h);

struct sketch_maker {
	uint64_t words[SHINGLE];       /* hashes of the last ones; the next goes to n % SHINGLE */
	uint64_t n;
	uint64_t least[SKETCH_SIZE];   /* of each bin; all bits set: empty */
};
void sketch_begin(struct sketch_maker *m);
/* The next word, folded (words/words.h). */
void sketch_word(struct sketch_maker *m, const char *word, size_t len);
/* Sets sketch and has_sketch. */
void sketch_end(struct sketch_maker *m, struct fingerprint *ret_f);

/* 0 to 1. */
double sketch_resemblance(const uint8_t a[SKETCH_SIZE], const uint8_t b[SKETCH_SIZE]);
