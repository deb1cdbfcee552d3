/* SPDX-License-Identifier: MIT */
/* A segment: some documents with their words, vectors and text. Two kinds answer alike: the one in
 * memory that grows (segment_memory.h) and the immutable, sealed one on disk (segment_disk.h). Results
 * never depend on how documents are spread over segments.
 *
 * What is resident of a document is struct segment_doc and one byte of flags; the rest is read through
 * the block cache.
 *
 * Thread-safety: reading is safe while nobody adds to a memory segment (index.c holds a lock for that);
 * flags and places are atomic and may be set at any time. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/fingerprint.h"

/* What became of a file; numbers are on disk. */
enum document_state {
	STATE_INDEXED = 1,
	STATE_PARTIAL = 2,
	STATE_SKIPPED = 3,
	STATE_FAILED = 4,
	STATE_DEFERRED = 5,
};

struct segment_doc {
	uint64_t ino, lsn;        /* inode, and the content it was made from */
	_Atomic uint64_t parent;  /* folder of its first name, as last seen */
	uint64_t stored;          /* place and length of its stored record */
	uint32_t stored_len;
	uint32_t words;           /* that are no stop words, its names' included */
	uint32_t first_vector;
	uint32_t n_passages;      /* vectors: none for 0, one for 1, else the document's and the passages' */
	uint16_t mime;            /* into the segment's table */
	uint8_t language;
	uint8_t state;
	_Atomic uint32_t access;  /* whom its file's inode lets read: a class of viewers.h; not on the disk */
};

/* The file has changed, or is gone, or a newer document has taken its place. */
#define DOC_DEAD 1u
/* `parent` is out of date, or the file has several names: ask the catalog. */
#define DOC_MOVED 2u

static inline uint32_t segment_doc_vectors(const struct segment_doc *d)
{
	return d->n_passages > 1 ? d->n_passages + 1 : d->n_passages;
}

struct posting {
	uint32_t doc, count;
};

/* Grows and is used again from term to term. */
struct postings {
	struct posting *items; /* owned */
	size_t n, cap;
};
void postings_done(struct postings *p);
int postings_add(struct postings *p, uint32_t doc, uint32_t count);
/* Postings as they are stored: varint of (distance << 1 | once), and the count unless it is one. */
int postings_encode(struct buf *out, uint32_t distance, uint32_t count);
/* Appends to *p; document numbers below `n_docs`, ascending. -EBADMSG. */
int postings_decode(const void *data, size_t len, uint32_t n_docs, struct postings *p);

struct block; /* block_cache.h */
struct vector_run {
	const int16_t *at;  /* vectors, one after the other */
	uint32_t n;
	struct block *held; /* keeps them in memory */
};
void vector_run_done(struct vector_run *run);

struct segment;
/* Reads vectors of one segment one by one, holding on to the run they lie in. */
struct vector_reader {
	struct vector_run run;
	uint32_t first; /* number of the run's first vector */
};
/* *ret_v is valid until the next call. -EBADMSG. */
int segment_vector(struct segment *s, struct vector_reader *r, uint32_t number, const int16_t **ret_v);
void vector_reader_done(struct vector_reader *r);

struct codes; /* codes.h */
struct census; /* query/census.h */
struct term_walk;

struct segment_ops {
	/* Appends the postings of a term to *p, dead documents included. -EBADMSG. */
	int (*postings)(struct segment *s, const void *term, size_t len, struct postings *p);
	/* In how many documents it is, dead ones included. */
	int (*frequency)(struct segment *s, const void *term, size_t len, uint32_t *ret_n);
	/* The vectors from number `first` on, as many as lie together, at least one. */
	int (*vectors)(struct segment *s, uint32_t first, struct vector_run *ret_run);
	/* Appends a document's stored record (stored.h). */
	int (*stored)(struct segment *s, uint32_t doc, struct buf *ret_record);
	/* Of documents that an earlier version made nothing is known. -EBADMSG. */
	int (*fingerprint)(struct segment *s, uint32_t doc, struct fingerprint *ret_f);
	/* All terms in memcmp order, for merges. walk_next: 1, 0 at the end, or -errno; the term is
	 * borrowed until the next call, its postings are appended to *p. */
	int (*walk)(struct segment *s, struct term_walk **ret_w);
	int (*walk_next)(struct term_walk *w, const void **ret_term, size_t *ret_len, struct postings *p);
	struct term_walk *(*walk_free)(struct term_walk *w);
	void (*free)(struct segment *s);
};

struct segment {
	const struct segment_ops *ops;
	uint64_t number;           /* 0: in memory */
	unsigned slot;             /* index.c: its place in the list of segments */
	struct segment_doc *docs;  /* owned */
	_Atomic uint8_t *flags;    /* owned; DOC_*, one for each document */
	uint32_t n_docs;
	uint32_t n_vectors;
	size_t stride;             /* elements of a vector */
	_Atomic uint32_t n_dead;
	char (*mimes)[96];         /* owned */
	uint16_t n_mimes;
	size_t memory;             /* bytes it keeps resident, about; without its codes */
	struct codes *codes;       /* owned */
	struct census *census;     /* owned; query/census.c's, and NULL as long as no query has asked */
};

struct segment *segment_release(struct segment *s);
static inline bool segment_is_dead(const struct segment *s, uint32_t doc)
{
	return atomic_load_explicit(&s->flags[doc], memory_order_acquire) & DOC_DEAD;
}
/* Counts it once. */
void segment_kill(struct segment *s, uint32_t doc);
void segment_mark_moved(struct segment *s, uint32_t doc);
const char *segment_mime(const struct segment *s, uint32_t doc);
