/* SPDX-License-Identifier: MIT */
#include "index/stored.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "index/extract/extract.h"

/* No text of a document is longer (extract.h). */
#define TEXT_MAX (64ull << 20)
#define LEVEL 3

static int add_marks(struct buf *out, const struct document_mark *marks, size_t n)
{
	uint32_t before = 0;
	int r = buf_add_varint(out, n);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		uint32_t at = marks[i].offset < before ? before : marks[i].offset;

		r = buf_reserve(out, 21);
		if (r < 0)
			return r;
		(void) buf_add_varint(out, at - before);
		(void) buf_add_varint(out, marks[i].number);
		(void) buf_add_u8(out, marks[i].kind);
		before = at;
	}
	return r;
}

static int add_offsets(struct buf *out, const uint32_t *offsets, size_t n)
{
	int r = buf_add_varint(out, n);

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = buf_add_varint(out, offsets[i] - (i ? offsets[i - 1] : 0));
	return r;
}

static int add_text(struct buf *out, const void *text, size_t len)
{
	size_t bound = ZSTD_compressBound(len), got;
	int r = buf_add_varint(out, len);

	if (r < 0 || len == 0)
		return r;
	r = buf_reserve(out, bound);
	if (r < 0)
		return r;
	got = ZSTD_compress(out->data + out->len, bound, text, len, LEVEL);
	if (ZSTD_isError(got))
		return -ENOMEM;
	out->len += got;
	return 0;
}

int stored_encode(const struct stored_input *in, struct buf *ret_record)
{
	int r = buf_add_bytes(ret_record, in->mime, strlen(in->mime));

	if (r >= 0)
		r = buf_add_bytes(ret_record, in->why, strlen(in->why));
	if (r >= 0)
		r = buf_add_bytes(ret_record, in->title, strlen(in->title));
	if (r >= 0)
		r = buf_add_bytes(ret_record, in->names, in->names_len);
	if (r >= 0)
		r = buf_add_varint(ret_record, in->seconds);
	if (r >= 0)
		r = add_marks(ret_record, in->marks, in->n_marks);
	if (r >= 0)
		r = add_offsets(ret_record, in->passages, in->n_passages);
	if (r >= 0)
		r = add_text(ret_record, in->text, in->text_len);
	return r;
}

static bool next_mark(struct reader *in, uint64_t *offset, uint32_t *ret_number, char *ret_kind)
{
	*offset += reader_varint(in);
	*ret_number = (uint32_t)reader_varint(in);
	*ret_kind = (char)reader_u8(in);
	return !in->bad;
}

int stored_decode(const void *record, size_t len, struct stored *ret_s)
{
	struct reader in = reader_over(record, len);
	struct stored s = { 0 };
	uint64_t offset = 0;
	uint32_t number;
	char kind;

	s.mime = reader_bytes(&in, &s.mime_len);
	s.why = reader_bytes(&in, &s.why_len);
	s.title = reader_bytes(&in, &s.title_len);
	s.names = reader_bytes(&in, &s.names_len);
	s.seconds = reader_varint(&in);
	s.n_marks = reader_varint(&in);
	s.marks = in;
	for (uint64_t i = 0; i < s.n_marks && next_mark(&in, &offset, &number, &kind); i++)
		;
	s.n_passages = reader_varint(&in);
	s.passages = in;
	for (uint64_t i = 0; i < s.n_passages && !in.bad; i++)
		(void) reader_varint(&in);
	s.text_len = reader_varint(&in);
	s.text = in;
	if (in.bad || s.text_len > TEXT_MAX)
		return -EBADMSG;
	*ret_s = s;
	return 0;
}

int stored_text(const struct stored *s, struct buf *ret_text)
{
	size_t got;
	int r;

	if (s->text_len == 0)
		return 0;
	r = buf_reserve(ret_text, s->text_len);
	if (r < 0)
		return r;
	got = ZSTD_decompress(ret_text->data + ret_text->len, s->text_len, s->text.at, reader_left(&s->text));
	if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
		return -ENOMEM;
	if (ZSTD_isError(got) || got != s->text_len)
		return -EBADMSG;
	ret_text->len += got;
	return 0;
}

uint64_t stored_passage(const struct stored *s, uint32_t i)
{
	struct reader in = s->passages;
	uint64_t offset = 0;

	if (i >= s->n_passages)
		return 0;
	for (uint32_t k = 0; k <= i; k++)
		offset += reader_varint(&in);
	return offset < s->text_len ? offset : 0;
}

int stored_foreach_mark(const struct stored *s, int (*mark)(void *context, const struct document_mark *m),
			void *context)
{
	struct reader in = s->marks;
	uint64_t at = 0;
	uint32_t number;
	char kind;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < s->n_marks && next_mark(&in, &at, &number, &kind); i++) {
		struct document_mark m = { .offset = (uint32_t)at, .number = number, .kind = (uint8_t)kind };

		r = mark(context, &m);
	}
	return r;
}

struct last_mark {
	uint64_t offset;
	struct document_mark mark;
	bool found;
};

static int note_mark(void *context, const struct document_mark *m)
{
	struct last_mark *l = context;

	if (m->offset > l->offset)
		return 1;
	l->mark = *m;
	l->found = true;
	return 0;
}

int stored_mark(const struct stored *s, uint64_t offset, char *ret_kind, uint32_t *ret_number)
{
	struct last_mark last = { .offset = offset };

	(void) stored_foreach_mark(s, note_mark, &last);
	if (!last.found)
		return 0;
	*ret_kind = (char)last.mark.kind;
	*ret_number = last.mark.number;
	return 1;
}
