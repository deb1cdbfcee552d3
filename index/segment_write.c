/* SPDX-License-Identifier: MIT */
#include "index/segment_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/code_writer.h"
#include "index/codes.h"
#include "index/segment_format.h"

struct writer {
	struct segment_sink *sink;       /* borrowed */
	const struct segment_write *how; /* borrowed */
	struct segment_part *parts;      /* borrowed */
	unsigned n_parts;
	struct arrangement order;        /* owned: which document is where */
	struct vector_reader *readers;   /* owned; one for each part */
	struct code_writer *codes;       /* owned */
	struct segment_footer footer;
	uint64_t section_at;    /* where the section being written begins */
	struct buf docs, mimes; /* as they are stored */
	struct buf lists, contents;
	struct buf dictionary, chunks;
	struct buf last;        /* the term before */
	size_t chunk_at;        /* where its chunk begins in the dictionary */
	struct buf scratch;
};

static void writer_done(struct writer *w)
{
	for (unsigned p = 0; w->readers && p < w->n_parts; p++)
		vector_reader_done(&w->readers[p]);
	free(w->readers);
	code_writer_free(w->codes);
	arrangement_done(&w->order);
	buf_done(&w->lists);
	buf_done(&w->contents);
	buf_done(&w->docs);
	buf_done(&w->mimes);
	buf_done(&w->dictionary);
	buf_done(&w->chunks);
	buf_done(&w->last);
	buf_done(&w->scratch);
}

void segment_part_done(struct segment_part *p)
{
	free(p->remap);
	p->remap = NULL;
}

static bool stopped(const struct writer *w)
{
	return w->how->stop && __atomic_load_n(w->how->stop, __ATOMIC_RELAXED);
}

static void section_begin(struct writer *w)
{
	w->section_at = segment_sink_at(w->sink);
}

static void section_end(struct writer *w, enum segment_section which)
{
	w->footer.sections[which].at = w->section_at;
	w->footer.sections[which].len = segment_sink_at(w->sink) - w->section_at;
}

static int mime_number(struct writer *w, const char *mime, uint16_t *ret_number)
{
	struct reader known = reader_over(w->mimes.data, w->mimes.len);
	uint16_t i = 0;

	for (; i < w->footer.n_mimes; i++) {
		size_t len;
		const char *m = reader_bytes(&known, &len);

		if (m && len == strlen(mime) && memcmp(m, mime, len) == 0)
			break;
	}
	*ret_number = i;
	if (i < w->footer.n_mimes || i == UINT16_MAX)
		return 0;
	w->footer.n_mimes++;
	return buf_add_bytes(&w->mimes, mime, strlen(mime));
}

static int add_doc(struct writer *w, const struct segment *s, uint32_t doc, uint64_t stored)
{
	const struct segment_doc *d = &s->docs[doc];
	uint8_t *place;
	uint16_t mime;
	int r = mime_number(w, segment_mime(s, doc), &mime);

	if (r >= 0)
		r = buf_extend(&w->docs, DOC_SIZE, &place);
	if (r < 0)
		return r;
	store_le64(place, d->ino);
	store_le64(place + 8, d->lsn);
	store_le64(place + 16, atomic_load(&d->parent));
	store_le64(place + 24, stored);
	store_le32(place + 32, d->stored_len);
	store_le32(place + 36, d->words);
	store_le32(place + 40, w->footer.n_vectors);
	store_le32(place + 44, d->n_passages);
	store_le16(place + 48, mime);
	place[50] = d->language;
	place[51] = d->state;
	w->footer.n_vectors += segment_doc_vectors(d);
	return 0;
}

static int write_stored(struct writer *w)
{
	section_begin(w);
	for (uint32_t i = 0; i < w->order.n_docs; i++) {
		struct segment *s = w->parts[w->order.docs[i].part].segment;
		uint32_t d = w->order.docs[i].doc;
		int r;

		if (stopped(w))
			return -ECANCELED;
		r = add_doc(w, s, d, segment_sink_at(w->sink) - w->section_at);
		buf_reset(&w->scratch);
		if (r >= 0)
			r = s->ops->stored(s, d, &w->scratch);
		if (r >= 0)
			r = segment_sink_write(w->sink, w->scratch.data, w->scratch.len);
		if (r < 0)
			return r;
	}
	section_end(w, SECTION_STORED);
	return 0;
}

static int write_fingerprint(struct writer *w, struct arranged at, uint32_t *sketches)
{
	struct segment *s = w->parts[at.part].segment;
	struct fingerprint f;
	int r = s->ops->fingerprint(s, at.doc, &f);

	if (r >= 0)
		r = buf_add(&w->contents, &f.content, sizeof(f.content));
	if (r >= 0)
		r = buf_add_le32(&w->contents, f.has_sketch ? ++*sketches : 0);
	return r < 0 || !f.has_sketch ? r : segment_sink_write(w->sink, f.sketch, sizeof(f.sketch));
}

static int write_fingerprints(struct writer *w)
{
	uint32_t sketches = 0;
	int r = 0;

	section_begin(w);
	for (uint32_t i = 0; r >= 0 && i < w->order.n_docs; i++)
		r = stopped(w) ? -ECANCELED : write_fingerprint(w, w->order.docs[i], &sketches);
	section_end(w, SECTION_SKETCHES);
	return r;
}

/* ---- vectors: each is read twice, see code_writer.h */

typedef int take_vector(struct writer *w, uint32_t list, const int16_t *v);

static int take_first(struct writer *w, uint32_t list, const int16_t *v)
{
	code_writer_first(w->codes, list, v);
	return segment_sink_write(w->sink, v, w->footer.stride * sizeof(*v));
}

static int take_second(struct writer *w, uint32_t list, const int16_t *v)
{
	return code_writer_second(w->codes, list, v);
}

static int each_vector(struct writer *w, struct arranged at, uint32_t list, take_vector *take)
{
	struct segment *s = w->parts[at.part].segment;
	const struct segment_doc *d = &s->docs[at.doc];
	int r = stopped(w) ? -ECANCELED : 0;

	for (uint32_t i = 0; r >= 0 && i < segment_doc_vectors(d); i++) {
		const int16_t *v;

		r = segment_vector(s, &w->readers[at.part], d->first_vector + i, &v);
		if (r >= 0)
			r = take(w, list, v);
	}
	return r;
}

static int write_vectors(struct writer *w)
{
	int r = segment_sink_align(w->sink);
	uint32_t i = 0;

	section_begin(w);
	for (uint32_t list = 0; list < w->order.n_lists; list++)
		for (uint32_t k = 0; r >= 0 && k < w->order.list_docs[list]; k++)
			r = each_vector(w, w->order.docs[i++], list, take_first);
	section_end(w, SECTION_VECTORS);
	return r;
}

static int write_codes(struct writer *w)
{
	uint32_t i = 0;
	int r = 0;

	section_begin(w);
	for (uint32_t list = 0; list < w->order.n_lists; list++)
		for (uint32_t k = 0; r >= 0 && k < w->order.list_docs[list]; k++) {
			r = each_vector(w, w->order.docs[i++], list, take_second);
			code_writer_document(w->codes, list);
		}
	if (r >= 0)
		r = code_writer_finish(w->codes, &w->lists, &w->footer.probes);
	section_end(w, SECTION_CODES);
	return r;
}

/* ---- dictionary and postings: all parts are walked together, smallest term first */

struct walk {
	struct segment *segment;   /* borrowed */
	const uint32_t *remap;     /* borrowed */
	struct term_walk *terms;   /* owned */
	const void *term;          /* borrowed from it; NULL at the end */
	size_t len;
	struct postings postings;  /* owned */
};

static int walk_step(struct walk *k)
{
	int r;

	k->postings.n = 0;
	k->term = NULL;
	r = k->segment->ops->walk_next(k->terms, &k->term, &k->len, &k->postings);
	if (r == 0)
		k->term = NULL;
	return r;
}

static int compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int c = memcmp(a, b, MIN(a_len, b_len));

	return c ? c : (a_len > b_len) - (a_len < b_len);
}

static const struct walk *smallest(const struct walk *walks, unsigned n)
{
	const struct walk *best = NULL;

	for (unsigned i = 0; i < n; i++)
		if (walks[i].term && (!best || compare(walks[i].term, walks[i].len, best->term, best->len) < 0))
			best = &walks[i];
	return best;
}

static int compare_postings(const void *a, const void *b)
{
	const struct posting *x = a, *y = b;

	return (x->doc > y->doc) - (x->doc < y->doc);
}

/* Postings of the term from every part that has it, with their new numbers. Where there are no lists, parts
 * are in order and numbers ascend by themselves. */
static int gather(const struct writer *w, struct walk *walks, const struct buf *term, struct postings *ret_p)
{
	for (unsigned i = 0; i < w->n_parts; i++) {
		struct walk *k = &walks[i];
		int r = 0;

		if (!k->term || compare(k->term, k->len, term->data, term->len) != 0)
			continue;
		for (size_t j = 0; r >= 0 && j < k->postings.n; j++) {
			uint32_t doc = k->remap[k->postings.items[j].doc];

			if (doc != DOC_DROPPED)
				r = postings_add(ret_p, doc, k->postings.items[j].count);
		}
		if (r >= 0)
			r = walk_step(k);
		if (r < 0)
			return r;
	}
	if (w->order.n_lists > 1 && ret_p->n > 1)
		qsort(ret_p->items, ret_p->n, sizeof(*ret_p->items), compare_postings);
	return 0;
}

static int encode_postings(const struct postings *p, struct buf *ret_bytes)
{
	uint32_t last = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n; i++) {
		r = postings_encode(ret_bytes, p->items[i].doc - last, p->items[i].count);
		last = p->items[i].doc;
	}
	return r;
}

static size_t shared_prefix(const struct buf *a, const struct buf *b)
{
	size_t n = 0;

	while (n < a->len && n < b->len && a->data[n] == b->data[n])
		n++;
	return n;
}

static int chunk_end(struct writer *w)
{
	if (w->footer.n_chunks == 0)
		return 0;
	return buf_add_varint(&w->chunks, w->dictionary.len - w->chunk_at);
}

static int chunk_begin(struct writer *w, const struct buf *term)
{
	int r = chunk_end(w);

	if (r >= 0)
		r = buf_add_bytes(&w->chunks, term->data, term->len);
	if (r < 0)
		return r;
	w->footer.n_chunks++;
	w->chunk_at = w->dictionary.len;
	buf_reset(&w->last);
	return buf_add_varint(&w->dictionary, segment_sink_at(w->sink) - w->section_at);
}

static int add_term(struct writer *w, const struct buf *term, uint32_t n, const struct buf *postings)
{
	int r = w->footer.n_terms++ % TERMS_PER_CHUNK == 0 ? chunk_begin(w, term) : 0;
	size_t shared = shared_prefix(&w->last, term);

	if (r >= 0)
		r = buf_add_varint(&w->dictionary, shared);
	if (r >= 0)
		r = buf_add_bytes(&w->dictionary, term->data + shared, term->len - shared);
	if (r >= 0)
		r = buf_add_varint(&w->dictionary, n);
	if (r >= 0)
		r = buf_add_varint(&w->dictionary, postings->len);
	buf_reset(&w->last);
	if (r >= 0)
		r = buf_add(&w->last, term->data, term->len);
	if (r >= 0)
		r = segment_sink_write(w->sink, postings->data, postings->len);
	return r;
}

/* The next term of all; `postings` and the buffers are scratch. */
static int write_term(struct writer *w, struct walk *walks, const struct walk *next, struct buf *term,
		      struct postings *postings)
{
	int r;

	buf_reset(term);
	buf_reset(&w->scratch);
	postings->n = 0;
	r = buf_add(term, next->term, next->len);
	if (r >= 0)
		r = gather(w, walks, term, postings);
	if (r >= 0)
		r = encode_postings(postings, &w->scratch);
	return r >= 0 && postings->n > 0 ? add_term(w, term, (uint32_t)postings->n, &w->scratch) : r;
}

static int write_terms(struct writer *w, struct walk *walks)
{
	_cleanup_buf_ struct buf term = BUF_INIT;
	struct postings postings = { 0 };
	const struct walk *next;
	int r = 0;

	while (r >= 0 && (next = smallest(walks, w->n_parts)))
		r = stopped(w) ? -ECANCELED : write_term(w, walks, next, &term, &postings);
	postings_done(&postings);
	return r < 0 ? r : chunk_end(w);
}

static int write_postings(struct writer *w)
{
	struct walk *walks = calloc(w->n_parts, sizeof(*walks));
	int r = walks ? 0 : -ENOMEM;

	section_begin(w);
	for (unsigned i = 0; r >= 0 && i < w->n_parts; i++) {
		walks[i].segment = w->parts[i].segment;
		walks[i].remap = w->parts[i].remap;
		r = walks[i].segment->ops->walk(walks[i].segment, &walks[i].terms);
		if (r >= 0)
			r = walk_step(&walks[i]);
	}
	if (r >= 0)
		r = write_terms(w, walks);
	section_end(w, SECTION_POSTINGS);
	for (unsigned i = 0; walks && i < w->n_parts; i++) {
		postings_done(&walks[i].postings);
		if (walks[i].segment)
			walks[i].segment->ops->walk_free(walks[i].terms);
	}
	free(walks);
	return r;
}

static int write_section(struct writer *w, enum segment_section which, const struct buf *bytes)
{
	int r;

	section_begin(w);
	r = segment_sink_write(w->sink, bytes->data, bytes->len);
	section_end(w, which);
	return r;
}

static int write_footer(struct writer *w)
{
	const struct segment_footer *f = &w->footer;
	uint8_t bytes[FOOTER_SIZE] = FOOTER_MAGIC, *at = bytes + 8;
	const uint32_t numbers[] = { FOOTER_VERSION, f->n_docs, f->n_vectors, f->dimensions, f->stride,
				     f->n_terms, f->n_chunks, f->n_mimes, f->n_lists, f->probes };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++, at += 4)
		store_le32(at, numbers[i]);
	store_le64(at, CODES_SEED);
	at += 8;
	for (size_t i = 0; i < SECTIONS; i++, at += 16) {
		store_le64(at, f->sections[i].at);
		store_le64(at + 8, f->sections[i].len);
	}
	memcpy(at, w->how->checksum, MIN(strlen(w->how->checksum), (size_t)CHECKSUM_SIZE));
	return segment_sink_write(w->sink, bytes, sizeof(bytes));
}

static int write_all(struct writer *w)
{
	int r = write_stored(w);

	if (r >= 0)
		r = write_vectors(w);
	if (r >= 0)
		r = write_codes(w);
	if (r >= 0)
		r = write_section(w, SECTION_LISTS, &w->lists);
	if (r >= 0)
		r = write_postings(w);
	if (r >= 0)
		r = write_section(w, SECTION_DICTIONARY, &w->dictionary);
	if (r >= 0)
		r = write_section(w, SECTION_CHUNKS, &w->chunks);
	if (r >= 0)
		r = write_section(w, SECTION_DOCS, &w->docs);
	if (r >= 0)
		r = write_section(w, SECTION_MIMES, &w->mimes);
	if (r >= 0)
		r = write_fingerprints(w);
	if (r >= 0)
		r = write_section(w, SECTION_CONTENTS, &w->contents);
	return r < 0 ? r : write_footer(w);
}

static int writer_begin(struct writer *w)
{
	size_t stride = w->parts[0].segment->stride;
	int r = arrange(w->parts, w->n_parts, w->how->flat, w->how->stop, &w->order);

	if (r < 0)
		return r;
	w->footer.n_docs = w->order.n_docs;
	w->footer.n_lists = w->order.n_lists;
	w->footer.dimensions = w->how->dimensions;
	w->footer.stride = (uint32_t)stride;
	w->readers = calloc(w->n_parts, sizeof(*w->readers));
	return w->readers ? code_writer_new(w->sink, stride, &w->order, &w->codes) : -ENOMEM;
}

int64_t segment_write(struct segment_sink *sink, const struct segment_write *how, struct segment_part *parts,
		      unsigned n_parts)
{
	struct writer w = { .sink = sink, .how = how, .parts = parts, .n_parts = n_parts };
	int r = writer_begin(&w);

	if (r >= 0 && w.footer.n_docs > 0)
		r = write_all(&w);
	writer_done(&w);
	return r < 0 ? r : (int64_t)w.footer.n_docs;
}
