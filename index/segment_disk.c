/* SPDX-License-Identifier: MIT */
#include "index/segment_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/codes.h"
#include "index/segment_format.h"
#include "index/words/stem.h"

/* A damaged length must not make us ask for all memory. */
#define SECTION_MAX (8ull << 30)

struct chunk {
	uint64_t at;       /* in the dictionary */
	uint32_t len;
	uint32_t term, term_len; /* its first term, in chunk_terms */
};

struct segment_disk {
	struct segment base;
	struct segment_file *file;      /* owned */
	struct segment_footer footer;
	struct chunk *chunks;           /* owned */
	struct buf chunk_terms;         /* owned */
};

static struct segment_disk *disk_of(struct segment *s)
{
	return (struct segment_disk *)s;
}

/* As much of a section as the caller has room for. */
static int read_into(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len, void *ret)
{
	if (at > d->footer.sections[which].len || len > d->footer.sections[which].len - at)
		return -EBADMSG;
	return segment_file_read(d->file, d->footer.sections[which].at + at, len, ret);
}

static int read_section(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len,
			struct buf *ret)
{
	void *place;
	int r;

	if (at > d->footer.sections[which].len || len > d->footer.sections[which].len - at || len > SECTION_MAX)
		return -EBADMSG;
	r = buf_extend(ret, len, &place);
	return r < 0 ? r : read_into(d, which, at, len, place);
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
static const struct chunk *chunk_of(const struct segment_disk *d, const void *term, size_t len)
{
	uint32_t low = 0, high = d->footer.n_chunks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct chunk *c = &d->chunks[middle];

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
	const struct chunk *c = chunk_of(d, term, len);
	struct entry e = { .len = 0 };
	struct reader in;
	int r;

	if (!c)
		return 0;
	r = read_section(d, SECTION_DICTIONARY, c->at, c->len, &bytes);
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
	int r = read_section(d, SECTION_POSTINGS, e->postings, e->postings_len, &bytes);

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
	return read_section(disk_of(s), SECTION_STORED, s->docs[doc].stored, s->docs[doc].stored_len, ret_record);
}

static int read_sketch(struct segment_disk *d, uint32_t number, struct fingerprint *ret_f)
{
	ret_f->has_sketch = true;
	return read_into(d, SECTION_SKETCHES, (uint64_t)number * SKETCH_SIZE, SKETCH_SIZE, ret_f->sketch);
}

static int disk_fingerprint(struct segment *s, uint32_t doc, struct fingerprint *ret_f)
{
	struct segment_disk *d = disk_of(s);
	struct fingerprint f = { 0 };
	uint8_t bytes[CONTENT_SIZE] = { 0 };
	uint32_t sketch;
	int r = 0;

	if (d->footer.version >= FOOTER_VERSION)
		r = read_into(d, SECTION_CONTENTS, (uint64_t)doc * CONTENT_SIZE, CONTENT_SIZE, bytes);
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
		const struct chunk *c = &w->d->chunks[w->chunk];

		if (w->chunk == w->d->footer.n_chunks)
			return 0;
		buf_reset(&w->bytes);
		r = read_section(w->d, SECTION_DICTIONARY, c->at, c->len, &w->bytes);
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

static int read_footer_of(struct segment_disk *d, uint64_t plain_len, uint32_t version, size_t sections)
{
	uint8_t bytes[FOOTER_SIZE], *at = bytes + 8;
	struct segment_footer *f = &d->footer;
	size_t size = FOOTER_SIZE_OF(sections);
	uint32_t *numbers[] = { &f->version, &f->n_docs, &f->n_vectors, &f->dimensions, &f->stride,
				&f->n_terms, &f->n_chunks, &f->n_mimes, &f->n_lists, &f->probes };
	int r = plain_len < size ? -EBADMSG : segment_file_read(d->file, plain_len - size, size, bytes);

	if (r < 0)
		return r;
	if (memcmp(bytes, FOOTER_MAGIC, 8) != 0 || load_le32(at) != version)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++, at += 4)
		*numbers[i] = load_le32(at);
	f->seed = load_le64(at);
	at += 8;
	for (size_t i = 0; i < sections; i++, at += 16) {
		f->sections[i].at = load_le64(at);
		f->sections[i].len = load_le64(at + 8);
		if (f->sections[i].at > plain_len || f->sections[i].len > plain_len - f->sections[i].at)
			return -EBADMSG;
	}
	memcpy(f->checksum, at, CHECKSUM_SIZE);
	return 0;
}

static int read_footer(struct segment_disk *d, uint64_t plain_len)
{
	int r = read_footer_of(d, plain_len, FOOTER_VERSION, SECTIONS);

	if (r == -EBADMSG)
		return read_footer_of(d, plain_len, 2, SECTIONS_OF_VERSION_2);
	if (r >= 0 && d->footer.sections[SECTION_CONTENTS].len != (uint64_t)d->footer.n_docs * CONTENT_SIZE)
		return -EBADMSG;
	return r;
}

static int check_model(const struct segment_disk *d, const struct segment_disk_config *config)
{
	char want[CHECKSUM_SIZE] = { 0 };

	memcpy(want, config->checksum, MIN(strlen(config->checksum), sizeof(want)));
	if (memcmp(want, d->footer.checksum, sizeof(want)) != 0 || d->footer.stride != config->stride)
		return -EMEDIUMTYPE;
	if (d->footer.sections[SECTION_VECTORS].len != (uint64_t)d->footer.n_vectors * d->footer.stride * 2 ||
	    d->footer.sections[SECTION_VECTORS].at % SEGMENT_BLOCK != 0)
		return -EBADMSG;
	return 0;
}

/* Documents have their vectors in order and without gaps: `first` is where the next one's are. */
static int decode_doc(struct segment_disk *d, const uint8_t *p, uint32_t *first, struct segment_doc *ret)
{
	*ret = (struct segment_doc){
		.ino = load_le64(p), .lsn = load_le64(p + 8), .parent = load_le64(p + 16),
		.stored = load_le64(p + 24), .stored_len = load_le32(p + 32), .words = load_le32(p + 36),
		.first_vector = load_le32(p + 40), .n_passages = load_le32(p + 44), .mime = load_le16(p + 48),
		.language = p[50], .state = p[51],
	};
	if (ret->n_passages >= UINT32_MAX - 1 || ret->first_vector != *first ||
	    segment_doc_vectors(ret) > d->footer.n_vectors - *first)
		return -EBADMSG;
	*first += segment_doc_vectors(ret);
	return 0;
}

static int read_docs(struct segment_disk *d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct segment *s = &d->base;
	uint64_t len = d->footer.sections[SECTION_DOCS].len;
	uint32_t vectors = 0;
	int r;

	if (len != (uint64_t)d->footer.n_docs * DOC_SIZE)
		return -EBADMSG;
	r = read_section(d, SECTION_DOCS, 0, len, &bytes);
	if (r < 0)
		return r;
	s->docs = calloc(d->footer.n_docs + 1, sizeof(*s->docs));
	s->flags = calloc(d->footer.n_docs + 1, sizeof(*s->flags));
	if (!s->docs || !s->flags)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->footer.n_docs; i++) {
		r = decode_doc(d, bytes.data + (size_t)i * DOC_SIZE, &vectors, &s->docs[i]);
		if (r < 0)
			return r;
	}
	s->n_docs = d->footer.n_docs;
	s->n_vectors = d->footer.n_vectors;
	return 0;
}

/* A list's documents have as many vectors as it says. */
static int check_lists(const struct segment *s)
{
	for (uint32_t l = 0; l < s->codes->n_lists; l++) {
		const struct code_list *list = &s->codes->lists[l];
		uint32_t end = list->first_doc + list->n_docs;
		uint32_t first = list->n_docs ? s->docs[list->first_doc].first_vector : list->first_vector;
		uint32_t last = list->n_docs ? s->docs[end - 1].first_vector + segment_doc_vectors(&s->docs[end - 1])
					     : first;

		if (first != list->first_vector || last - first != list->n_vectors)
			return -EBADMSG;
	}
	return 0;
}

static int read_codes(struct segment_disk *d)
{
	const struct segment_footer *f = &d->footer;
	struct codes_shape shape = { .stride = f->stride, .seed = f->seed, .n_docs = f->n_docs,
				     .n_vectors = f->n_vectors, .n_lists = f->n_lists, .probes = f->probes };
	_cleanup_buf_ struct buf lists = BUF_INIT;
	uint64_t len = f->sections[SECTION_CODES].len;
	uint8_t *groups = NULL;
	int r = read_section(d, SECTION_LISTS, 0, f->sections[SECTION_LISTS].len, &lists);

	if (r >= 0)
		r = len > SECTION_MAX ? -EBADMSG : (groups = malloc(len + 1)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = read_into(d, SECTION_CODES, 0, len, groups);
	if (r < 0) {
		free(groups);
		return r;
	}
	r = codes_load(&shape, &lists, groups, len, &d->base.codes);
	return r < 0 ? r : check_lists(&d->base);
}

static int read_mimes(struct segment_disk *d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct segment *s = &d->base;
	struct reader in;
	int r = read_section(d, SECTION_MIMES, 0, d->footer.sections[SECTION_MIMES].len, &bytes);

	if (r < 0)
		return r;
	if (d->footer.n_mimes > UINT16_MAX)
		return -EBADMSG;
	s->mimes = calloc(d->footer.n_mimes + 1, sizeof(*s->mimes));
	if (!s->mimes)
		return -ENOMEM;
	in = reader_over(bytes.data, bytes.len);
	for (; s->n_mimes < d->footer.n_mimes; s->n_mimes++) {
		size_t len;
		const char *mime = reader_bytes(&in, &len);

		if (!mime || len >= sizeof(s->mimes[0]))
			return -EBADMSG;
		memcpy(s->mimes[s->n_mimes], mime, len);
	}
	return 0;
}

static int read_chunks(struct segment_disk *d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	uint64_t at = 0;
	struct reader in;
	int r = read_section(d, SECTION_CHUNKS, 0, d->footer.sections[SECTION_CHUNKS].len, &bytes);

	if (r < 0)
		return r;
	if (d->footer.n_chunks > bytes.len)
		return -EBADMSG;
	d->chunks = calloc(d->footer.n_chunks + 1, sizeof(*d->chunks));
	if (!d->chunks)
		return -ENOMEM;
	in = reader_over(bytes.data, bytes.len);
	for (uint32_t i = 0; i < d->footer.n_chunks; i++) {
		size_t len;
		const void *term = reader_bytes(&in, &len);
		uint64_t chunk_len = reader_varint(&in);

		if (in.bad || len == 0 || chunk_len > UINT32_MAX ||
		    chunk_len > d->footer.sections[SECTION_DICTIONARY].len - at)
			return -EBADMSG;
		d->chunks[i] = (struct chunk){ at, (uint32_t)chunk_len, (uint32_t)d->chunk_terms.len, (uint32_t)len };
		at += chunk_len;
		r = buf_add(&d->chunk_terms, term, len);
		if (r < 0)
			return r;
	}
	return 0;
}

static int disk_load(struct segment_disk *d, const struct segment_disk_config *config, uint64_t plain_len)
{
	int r = read_footer(d, plain_len);

	if (r >= 0)
		r = check_model(d, config);
	if (r >= 0)
		r = read_docs(d);
	if (r >= 0)
		r = read_codes(d);
	if (r >= 0)
		r = read_mimes(d);
	if (r >= 0)
		r = read_chunks(d);
	return r;
}

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
		r = disk_load(d, config, record->plain_len);
	if (r < 0) {
		disk_free(&d->base);
		return r;
	}
	d->base.memory = d->base.n_docs * (sizeof(struct segment_doc) + 1) + d->chunk_terms.cap +
			 d->footer.n_chunks * sizeof(struct chunk);
	*ret_s = &d->base;
	return 0;
}
