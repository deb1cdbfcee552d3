/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/codes.h"
#include "index/segment_disk_impl.h"
#include "index/words/stem.h"

static struct segment_disk *disk_of(struct segment *s)
{
	return (struct segment_disk *)s;
}

/* ---- dictionary */

/* One entry of a chunk, as one reads on. */
struct entry {
	uint8_t term[TERM_MAX];
	size_t len;
	uint64_t n, postings, postings_len;
};

static int entry_next(struct reader *in, struct entry *e)
{
	uint64_t shared = reader_varint(in);
	size_t more;
	const void *bytes = reader_bytes(in, &more);

	e->postings += e->postings_len;
	e->n = reader_varint(in);
	e->postings_len = reader_varint(in);
	if (in->bad || shared > e->len || more > sizeof(e->term) - shared || shared + more == 0)
		return -EBADMSG;
	memcpy(e->term + shared, bytes, more);
	e->len = shared + more;
	return 0;
}

static int compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int c = memcmp(a, b, MIN(a_len, b_len));

	return c ? c : (a_len > b_len) - (a_len < b_len);
}

/* The chunk in which the term must be, or NULL. */
static const struct segment_chunk *chunk_of(const struct segment_disk *d, const void *term, size_t len)
{
	uint32_t low = 0, high = d->footer.n_chunks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct segment_chunk *c = &d->chunks[middle];

		if (compare(d->chunk_terms.data + c->term, c->term_len, term, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &d->chunks[low - 1] : NULL;
}

/* 1: found. 0: no such term. */
static int find_term(struct segment_disk *d, const void *term, size_t len, struct entry *ret_e)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const struct segment_chunk *c = chunk_of(d, term, len);
	struct entry e = { .len = 0 };
	struct reader in;
	int r;

	if (!c)
		return 0;
	r = segment_disk_read(d, SECTION_DICTIONARY, c->at, c->len, &bytes);
	if (r < 0)
		return r;
	in = reader_over(bytes.data, bytes.len);
	e.postings = reader_varint(&in);
	while (reader_left(&in) > 0) {
		int order;

		r = entry_next(&in, &e);
		if (r < 0)
			return r;
		order = compare(e.term, e.len, term, len);
		if (order == 0)
			*ret_e = e;
		if (order >= 0)
			return order == 0;
	}
	return 0;
}

static int read_postings(struct segment_disk *d, const struct entry *e, struct postings *p)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	size_t before = p->n;
	int r = segment_disk_read(d, SECTION_POSTINGS, e->postings, e->postings_len, &bytes);

	if (r >= 0)
		r = postings_decode(bytes.data, bytes.len, d->base.n_docs, p);
	if (r >= 0 && p->n - before != e->n)
		r = -EBADMSG;
	return r;
}

static int disk_postings(struct segment *s, const void *term, size_t len, struct postings *p)
{
	struct entry e;
	int r = find_term(disk_of(s), term, len, &e);

	return r <= 0 ? r : read_postings(disk_of(s), &e, p);
}

static int disk_frequency(struct segment *s, const void *term, size_t len, uint32_t *ret_n)
{
	struct entry e;
	int r = find_term(disk_of(s), term, len, &e);

	if (r < 0)
		return r;
	*ret_n = r ? (uint32_t)e.n : 0;
	return 0;
}

/* ---- documents */

static int disk_vectors(struct segment *s, uint32_t first, struct vector_run *ret_run)
{
	struct segment_disk *d = disk_of(s);
	size_t bytes = s->stride * sizeof(int16_t);
	uint64_t at = d->footer.sections[SECTION_VECTORS].at + first * bytes;
	struct block *b;
	int r;

	if (first >= s->n_vectors)
		return -EBADMSG;
	r = segment_file_block(d->file, at / SEGMENT_BLOCK, &b);
	if (r < 0)
		return r;
	ret_run->at = (const int16_t *)(const void *)(b->data + at % SEGMENT_BLOCK);
	ret_run->n = (uint32_t)MIN((b->len - at % SEGMENT_BLOCK) / bytes, (size_t)(s->n_vectors - first));
	ret_run->held = b;
	if (ret_run->n == 0) {
		vector_run_done(ret_run);
		return -EBADMSG;
	}
	return 0;
}

static int disk_stored(struct segment *s, uint32_t doc, struct buf *ret_record)
{
	return segment_disk_read(disk_of(s), SECTION_STORED, s->docs[doc].stored, s->docs[doc].stored_len, ret_record);
}

static int read_sketch(struct segment_disk *d, uint32_t number, struct fingerprint *ret_f)
{
	ret_f->has_sketch = true;
	return segment_disk_read_into(d, SECTION_SKETCHES, (uint64_t)number * SKETCH_SIZE, SKETCH_SIZE, ret_f->sketch);
}

static int disk_fingerprint(struct segment *s, uint32_t doc, struct fingerprint *ret_f)
{
	struct segment_disk *d = disk_of(s);
	struct fingerprint f = { 0 };
	uint8_t bytes[CONTENT_SIZE] = { 0 };
	uint32_t sketch;
	int r = 0;

	if (d->footer.version >= FOOTER_VERSION)
		r = segment_disk_read_into(d, SECTION_CONTENTS, (uint64_t)doc * CONTENT_SIZE, CONTENT_SIZE, bytes);
	memcpy(&f.content, bytes, sizeof(f.content));
	sketch = load_le32(bytes + sizeof(f.content));
	if (r >= 0 && sketch)
		r = read_sketch(d, sketch - 1, &f);
	if (r >= 0)
		*ret_f = f;
	return r;
}

/* ---- walking */

struct term_walk {
	struct segment_disk *d; /* borrowed */
	uint32_t chunk;         /* the next one */
	struct buf bytes;       /* of the present one; owned */
	struct reader in;
	struct entry e;
};

static int disk_walk(struct segment *s, struct term_walk **ret_w)
{
	struct term_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->d = disk_of(s);
	*ret_w = w;
	return 0;
}

static int disk_walk_next(struct term_walk *w, const void **ret_term, size_t *ret_len, struct postings *p)
{
	int r;

	if (reader_left(&w->in) == 0) {
		const struct segment_chunk *c = &w->d->chunks[w->chunk];

		if (w->chunk == w->d->footer.n_chunks)
			return 0;
		buf_reset(&w->bytes);
		r = segment_disk_read(w->d, SECTION_DICTIONARY, c->at, c->len, &w->bytes);
		if (r < 0)
			return r;
		w->chunk++;
		w->in = reader_over(w->bytes.data, w->bytes.len);
		w->e = (struct entry){ .postings = reader_varint(&w->in) };
	}
	r = entry_next(&w->in, &w->e);
	if (r >= 0)
		r = read_postings(w->d, &w->e, p);
	if (r < 0)
		return r;
	*ret_term = w->e.term;
	*ret_len = w->e.len;
	return 1;
}

static struct term_walk *disk_walk_free(struct term_walk *w)
{
	if (w)
		buf_done(&w->bytes);
	free(w);
	return NULL;
}

static void disk_free(struct segment *s)
{
	struct segment_disk *d = disk_of(s);

	segment_file_close(d->file);
	free(d->chunks);
	buf_done(&d->chunk_terms);
	free(s->docs);
	free(s->flags);
	free(s->mimes);
	codes_free(s->codes);
	free(d);
}

static const struct segment_ops disk_ops = {
	.postings = disk_postings,
	.frequency = disk_frequency,
	.vectors = disk_vectors,
	.stored = disk_stored,
	.fingerprint = disk_fingerprint,
	.walk = disk_walk,
	.walk_next = disk_walk_next,
	.walk_free = disk_walk_free,
	.free = disk_free,
};

/* ---- opening */

int segment_disk_open(const struct segment_disk_config *config, uint64_t number,
		      const struct segment_record *record, struct segment **ret_s)
{
	struct segment_disk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->base.ops = &disk_ops;
	d->base.number = number;
	d->base.stride = config->stride;
	r = segment_file_open(config->keys, config->dirfd, number, record, config->cache, &d->file);
	if (r >= 0)
		r = segment_disk_load(d, config, record->plain_len);
	if (r < 0) {
		disk_free(&d->base);
		return r;
	}
	d->base.memory = d->base.n_docs * (sizeof(struct segment_doc) + 1) + d->chunk_terms.cap +
			 d->footer.n_chunks * sizeof(struct segment_chunk);
	*ret_s = &d->base;
	return 0;
}
