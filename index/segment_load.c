/* SPDX-License-Identifier: MIT */
/* Opening a segment: what is read of it at once, and checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/codes.h"
#include "index/segment_disk_impl.h"

/* A damaged length must not make us ask for all memory. */
#define SECTION_MAX (8ull << 30)

int segment_disk_read_into(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len, void *ret)
{
	if (at > d->footer.sections[which].len || len > d->footer.sections[which].len - at)
		return -EBADMSG;
	return segment_file_read(d->file, d->footer.sections[which].at + at, len, ret);
}

int segment_disk_read(struct segment_disk *d, enum segment_section which, uint64_t at, uint64_t len, struct buf *ret)
{
	void *place;
	int r;

	if (at > d->footer.sections[which].len || len > d->footer.sections[which].len - at || len > SECTION_MAX)
		return -EBADMSG;
	r = buf_extend(ret, len, &place);
	return r < 0 ? r : segment_disk_read_into(d, which, at, len, place);
}

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
	r = segment_disk_read(d, SECTION_DOCS, 0, len, &bytes);
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
	int r = segment_disk_read(d, SECTION_LISTS, 0, f->sections[SECTION_LISTS].len, &lists);

	if (r >= 0)
		r = len > SECTION_MAX ? -EBADMSG : (groups = malloc(len + 1)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = segment_disk_read_into(d, SECTION_CODES, 0, len, groups);
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
	int r = segment_disk_read(d, SECTION_MIMES, 0, d->footer.sections[SECTION_MIMES].len, &bytes);

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
	int r = segment_disk_read(d, SECTION_CHUNKS, 0, d->footer.sections[SECTION_CHUNKS].len, &bytes);

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
		d->chunks[i] = (struct segment_chunk){ at, (uint32_t)chunk_len, (uint32_t)d->chunk_terms.len, (uint32_t)len };
		at += chunk_len;
		r = buf_add(&d->chunk_terms, term, len);
		if (r < 0)
			return r;
	}
	return 0;
}

int segment_disk_load(struct segment_disk *d, const struct segment_disk_config *config, uint64_t plain_len)
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
