/* SPDX-License-Identifier: MIT */
#include "index/extract/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/extract/result.h"

void document_say(struct document *d, enum extract_status status, const char *why)
{
	size_t n = MIN(strlen(why), sizeof(d->why) - 1);

	if (status < d->status || (status == d->status && d->why[0]))
		return;
	d->status = status;
	memcpy(d->why, why, n);
	d->why[n] = '\0';
}

void document_is_binary(struct document *d)
{
	strcpy(d->mime, "application/octet-stream");
	document_say(d, EXTRACT_SKIPPED, "binary");
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

void document_set(char *to, size_t size, const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text, *end = len ? at + len : at;
	size_t used = 0;

	while (at < end) {
		const uint8_t *from = at;
		uint32_t c = utf8_next(&at, end);
		size_t n = (size_t)(at - from);

		if (is_space(c) || c == 0xa0) {
			if (used && to[used - 1] != ' ' && used + 1 < size)
				to[used++] = ' ';
			continue;
		}
		if (is_control(c) || (c == UTF8_REPLACEMENT && n == 1))
			continue;
		if (used + n >= size)
			break;
		memcpy(to + used, from, n);
		used += n;
	}
	used -= used && to[used - 1] == ' ';
	to[used] = '\0';
}

int document_field(struct document *d, const char *name, const char *value, size_t len)
{
	char clean[1024];
	int r;

	document_set(clean, sizeof(clean), value, len);
	if (!clean[0] || d->fields.len + strlen(name) + strlen(clean) + 2 > RESULT_FIELDS_MAX)
		return 0;
	r = buf_reserve(&d->fields, strlen(name) + strlen(clean) + 2);
	if (r < 0)
		return r;
	(void) buf_add(&d->fields, name, strlen(name) + 1);
	return buf_add(&d->fields, clean, strlen(clean) + 1);
}

int document_mark(struct document *d, uint8_t kind, uint32_t number)
{
	struct document_mark *grown;

	if (d->n_marks == RESULT_MARKS_MAX)
		return 0;
	if ((d->n_marks & (d->n_marks - 1)) == 0) { /* doubles at powers of two */
		grown = reallocarray(d->marks, MAX(16ul, d->n_marks * 2), sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->marks = grown;
	}
	d->marks[d->n_marks++] =
		(struct document_mark){ .offset = (uint32_t)d->text.len, .number = number, .kind = kind };
	return 0;
}

/* Bytes of `len` that there is room for; fewer makes the document partial. */
static size_t room(struct sink *s, size_t len)
{
	size_t left = RESULT_TEXT_MAX - s->d->text.len;

	if (len <= left)
		return len;
	s->full = true;
	document_say(s->d, EXTRACT_PARTIAL, "size");
	return 0;
}

static int put(struct sink *s, const void *data, size_t len)
{
	return buf_add(&s->d->text, data, room(s, len));
}

/* The longest beginning of plain printable ASCII. */
static size_t ascii_run(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *from = at;

	while (at < end && *at >= 0x20 && *at < 0x7f)
		at++;
	return (size_t)(at - from);
}

int sink_raw(struct sink *s, const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + len;
	int r = 0;

	while (at < end && r >= 0 && !s->full) {
		size_t n = ascii_run(at, end);
		const uint8_t *from = at + n;
		uint32_t c;

		r = put(s, at, n);
		at = from;
		if (at == end || r < 0)
			break;
		c = utf8_next(&at, end);
		if (c == '\n' || c == '\t' || c == '\f' ||
		    (!is_control(c) && !(c == UTF8_REPLACEMENT && at == from + 1)))
			r = put(s, from, (size_t)(at - from));
		else if (c == UTF8_REPLACEMENT)
			r = put(s, "\xef\xbf\xbd", 3);
	}
	return r;
}

void sink_break(struct sink *s, unsigned lines)
{
	if (s->d->text.len && lines > s->break_due)
		s->break_due = lines;
}

void sink_space(struct sink *s)
{
	s->space_due = true;
}

/* Line ends that the text has at its end already, up to two. */
static unsigned ended_lines(const struct buf *text)
{
	unsigned n = 0;

	while (n < 2 && n < text->len && text->data[text->len - 1 - n] == '\n')
		n++;
	return n;
}

int sink_settle(struct sink *s)
{
	unsigned ended = ended_lines(&s->d->text);
	bool blank = s->space_due && s->d->text.len && !ended;
	int r = 0;

	if (s->break_due > ended)
		r = put(s, "\n\n", MIN(s->break_due, 2u) - ended);
	else if (blank && !s->break_due)
		r = put(s, " ", 1);
	s->break_due = 0;
	s->space_due = false;
	return r;
}

int sink_flow(struct sink *s, const char *text, size_t len)
{
	const char *end = text + len;
	int r = 0;

	while (text < end && r >= 0 && !s->full) {
		const char *from = text;

		while (text < end && !is_space((uint8_t)*text))
			text++;
		if (text > from) {
			r = sink_settle(s);
			if (r >= 0)
				r = sink_raw(s, from, (size_t)(text - from));
		}
		for (; text < end && is_space((uint8_t)*text); text++)
			s->space_due = true;
	}
	return r;
}

int document_join(struct document *d, const struct document *part)
{
	struct sink s = { .d = d };
	size_t base;
	int r;

	document_say(d, part->status, part->why);
	if (part->text.len == 0)
		return 0;
	sink_break(&s, 2);
	r = sink_settle(&s);
	base = d->text.len;
	if (r >= 0)
		r = sink_raw(&s, (const char *)part->text.data, part->text.len);
	for (size_t i = 0; i < part->n_marks && r >= 0 && !s.full; i++) {
		r = document_mark(d, part->marks[i].kind, part->marks[i].number);
		if (r >= 0)
			d->marks[d->n_marks - 1].offset = (uint32_t)(base + part->marks[i].offset);
	}
	return r;
}
