/* SPDX-License-Identifier: MIT */
/* Trained zstd dictionaries. An abstract of 1.5 KiB alone shrinks to 0.50 of its size, with a dictionary made
 * from a thousand others to 0.36.
 *
 * A dictionary travels in each pack that uses it, and its owner keeps it beside (pack_dictionary_bytes()) so
 * that reading a frame needs no second read. Immutable; may be used by several threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack_dictionary;

/* What training makes unless it is told otherwise, and the most that is loaded. 112 KiB instead of 64 gain
 * less than 0.5 %, and cost a fifth of the speed. */
#define PACK_DICTIONARY_SIZE (64u << 10)
#define PACK_DICTIONARY_MAX  (112u << 10)
/* Training on more samples costs time (a second for 5 MiB) and gains less than 1 %. */
#define PACK_SAMPLES_TARGET (2u << 20)

/* Files to learn from: their bytes one after the other, and the length of each. */
struct pack_samples {
	const void *bytes;   /* borrowed */
	const size_t *lens;  /* borrowed */
	size_t n;
};

/* Trains one with a new random id; samples of 16 KiB and more count with their first 16 KiB only if the caller
 * cuts them. `size`: bytes at most, 0 for PACK_DICTIONARY_SIZE. -ENODATA: too few samples, or too alike, to
 * learn from. -ENOMEM. */
int pack_dictionary_train(const struct pack_samples *s, size_t size, struct pack_dictionary **ret_d);
/* From what pack_dictionary_bytes() gave; copied. `id` is not 0. -EBADMSG: not a dictionary. -ENOMEM. */
int pack_dictionary_load(uint64_t id, const void *bytes, size_t len, struct pack_dictionary **ret_d);
struct pack_dictionary *pack_dictionary_free(struct pack_dictionary *d);

uint64_t pack_dictionary_id(const struct pack_dictionary *d);
/* Borrowed. */
const void *pack_dictionary_bytes(const struct pack_dictionary *d, size_t *ret_len);
/* Bytes of memory that one takes. */
size_t pack_dictionary_memory(const struct pack_dictionary *d);

/* What the samples would take as frames of their own in a pack, seals included; `d` may be NULL: without.
 * -ENOMEM. */
int pack_dictionary_measure(const struct pack_dictionary *d, const struct pack_samples *s, int level,
			    uint64_t *ret_stored);

/* What is known of a dictionary in use. Zero where unknown. */
struct pack_dictionary_record {
	uint64_t first_plain, first_stored;   /* small files in the first packs that used it */
	uint64_t recent_plain, recent_stored; /* and in the last ones */
	/* The same samples of recent files, measured three ways (pack_dictionary_measure()), not those that the
	 * fresh one was trained on. */
	uint64_t sample_plain, sample_without, sample_with, sample_fresh;
	uint64_t dictionary_stored; /* bytes that one takes in a pack (struct pack_summary) */
};

enum pack_dictionary_advice {
	PACK_DICTIONARY_KEEP,  /* go on with it */
	PACK_DICTIONARY_TRY,   /* train a fresh one, measure samples, ask again */
	PACK_DICTIONARY_CHANGE, /* use the fresh one from now on */
	PACK_DICTIONARY_DROP,  /* go on without any */
};

/* Pure. `small_bytes`: plain bytes of files under PACK_DICTIONARY_BELOW that a pack has on average, which
 * share the cost of the dictionary in it. */
enum pack_dictionary_advice pack_dictionary_advise(const struct pack_dictionary_record *r,
						   uint64_t small_bytes);
/* Does one that takes `stored` bytes in the pack pay in a pack with so many bytes in small files? */
bool pack_dictionary_pays(uint64_t stored, uint64_t small_bytes);
