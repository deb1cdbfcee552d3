/* SPDX-License-Identifier: MIT */
/* An encoded document: u8 status, then each with its length: why, mime, title, lang, fields, links;
 * varint number of marks, for each varint distance from the one before, varint number, u8 kind; the text with
 * its length. */
#include "index/extract/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/utf8.h"

static int encode_marks(const struct document *d, struct buf *out)
{
	uint32_t before = 0;
	int r = buf_add_varint(out, d->n_marks);

	for (size_t i = 0; r >= 0 && i < d->n_marks; i++) {
		r = buf_add_varint(out, d->marks[i].offset - before);
		if (r >= 0)
			r = buf_add_varint(out, d->marks[i].number);
		if (r >= 0)
			r = buf_add_u8(out, d->marks[i].kind);
		before = d->marks[i].offset;
	}
	return r;
}

int result_encode(const struct document *d, struct buf *out)
{
	const char *strings[] = { d->why, d->mime, d->title, d->lang };
	size_t start = out->len;
	int r = buf_add_le32(out, 0);

	if (r >= 0)
		r = buf_add_u8(out, (uint8_t)d->status);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(strings); i++)
		r = buf_add_bytes(out, strings[i], strlen(strings[i]));
	if (r >= 0)
		r = buf_add_bytes(out, d->fields.data, d->fields.len);
	if (r >= 0)
		r = buf_add_bytes(out, d->links.data, d->links.len);
	if (r >= 0)
		r = encode_marks(d, out);
	if (r >= 0)
		r = buf_add_bytes(out, d->text.data, d->text.len);
	if (r >= 0)
		store_le32(out->data + start, (uint32_t)(out->len - start - 4));
	return r;
}

/* One line of text that fits `size` bytes with its NUL, cut between characters. */
static void take_string(struct reader *r, char *ret, size_t size)
{
	size_t len, used = 0;
	const uint8_t *at = reader_bytes(r, &len), *end;

	ret[0] = '\0';
	if (!at)
		return;
	for (end = at + len; at < end;) {
		const uint8_t *from = at;
		uint32_t c = utf8_next(&at, end);
		bool replaced = c == UTF8_REPLACEMENT;
		size_t n = replaced ? 3 : (size_t)(at - from);

		if (used + n >= size)
			break;
		if (c < 0x20 || c == 0x7f)
			ret[used++] = ' ';
		else
			memcpy(ret + used, replaced ? (const uint8_t *)"\xef\xbf\xbd" : from, n), used += n;
	}
	ret[used] = '\0';
}

/* Words of lower case, digits and "-./+ " only: `why` and `mime` end in names that programs read. */
static void take_word(struct reader *r, char *ret, size_t size)
{
	take_string(r, ret, size);
	for (char *c = ret; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_./+ ",
			    *c | (*c >= 'A' && *c <= 'Z' ? 0x20 : 0)))
			*c = '_';
}

static int take_fields(struct reader *r, struct buf *ret)
{
	size_t len, names = 0;
	const char *data = reader_bytes(r, &len);

	if (!data || len == 0)
		return data ? 0 : -EBADMSG;
	for (size_t i = 0; i < len; i++)
		names += data[i] == '\0';
	if (len > RESULT_FIELDS_MAX || data[len - 1] != '\0' || names % 2)
		return -EBADMSG;
	return buf_add(ret, data, len);
}

static bool is_verb(const char *verb, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	return len > 0 && len <= LINK_VERB_MAX && strspn(verb, allowed) == len;
}

static bool is_target(const char *target, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)target[i] < 0x20 || target[i] == 0x7f)
			return false;
	return len > 0 && len <= LINK_TARGET_MAX && utf8_valid(target, len);
}

bool result_is_link(char form, const char *verb, const char *target)
{
	return (form == LINK_WIKI || form == LINK_PATH || form == LINK_MESSAGE) &&
	       is_verb(verb, strlen(verb)) && is_target(target, strlen(target));
}

/* Verb and target end within the links, because these end with NUL and no empty target passes. */
static int take_links(struct reader *r, struct buf *ret)
{
	size_t len;
	const char *data = reader_bytes(r, &len), *at = data, *end = data + (data ? len : 0);

	if (!data || len > RESULT_LINKS_MAX || (len && end[-1] != '\0'))
		return -EBADMSG;
	while (at < end) {
		const char *verb = at + 1, *target;

		if (end - at < 5)
			return -EBADMSG;
		target = verb + strlen(verb) + 1;
		if (target >= end || !result_is_link(*at, verb, target))
			return -EBADMSG;
		at = target + strlen(target) + 1;
	}
	return buf_add(ret, data, len);
}

static int take_marks(struct reader *r, struct document *d)
{
	uint64_t n = reader_varint(r), offset = 0;

	if (n > RESULT_MARKS_MAX || n > reader_left(r))
		return -EBADMSG;
	d->marks = n ? calloc(n, sizeof(*d->marks)) : NULL;
	if (n && !d->marks)
		return -ENOMEM;
	for (d->n_marks = 0; d->n_marks < n; d->n_marks++) {
		struct document_mark *m = &d->marks[d->n_marks];
		uint64_t distance = reader_varint(r);

		offset += distance;
		m->number = (uint32_t)reader_varint(r);
		m->kind = reader_u8(r);
		if (distance > RESULT_TEXT_MAX || offset > RESULT_TEXT_MAX || !m->kind ||
		    !strchr("plhsr", m->kind))
			return -EBADMSG;
		m->offset = (uint32_t)offset;
	}
	return 0;
}

static int take_text(struct reader *r, struct document *d)
{
	size_t len;
	const uint8_t *text = reader_bytes(r, &len);

	if (!text || len > RESULT_TEXT_MAX || memchr(text, '\0', len) || !utf8_valid(text, len))
		return -EBADMSG;
	if (d->n_marks && d->marks[d->n_marks - 1].offset > len)
		return -EBADMSG;
	return buf_add(&d->text, text, len);
}

static int decode(struct reader *r, struct document *d)
{
	int e;

	d->status = reader_u8(r);
	take_word(r, d->why, sizeof(d->why));
	take_word(r, d->mime, sizeof(d->mime));
	take_string(r, d->title, sizeof(d->title));
	take_string(r, d->lang, sizeof(d->lang));
	e = take_fields(r, &d->fields);
	if (e >= 0)
		e = take_links(r, &d->links);
	if (e >= 0)
		e = take_marks(r, d);
	if (e >= 0)
		e = take_text(r, d);
	if (e < 0)
		return e;
	return r->bad || reader_left(r) || d->status > EXTRACT_SLOW ? -EBADMSG : 0;
}

int result_decode(const void *data, size_t len, struct document *ret_d)
{
	struct reader r = reader_over(data, len);
	struct document d = { 0 };
	int e = decode(&r, &d);

	if (e < 0) {
		document_done(&d);
		return e;
	}
	*ret_d = d;
	return 0;
}

void document_done(struct document *d)
{
	buf_done(&d->text);
	buf_done(&d->fields);
	buf_done(&d->links);
	free(d->marks);
	*d = (struct document){ 0 };
}
