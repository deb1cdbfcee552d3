/* SPDX-License-Identifier: MIT */
/* PDF by pdftotext, which runs beside us in a sandbox of its own and writes into a pipe (see zygote.c). With
 * -htmlmeta its output has a head of "<title>" and "<meta name= content=>" lines, escaped, then the text
 * between "<pre>" and "</pre>", not escaped, a form feed after each page. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "index/extract/entities.h"
#include "index/extract/formats.h"
#include "index/extract/found.h"
#include "index/extract/pdf_links.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"

#define MESSAGES_MAX 65536
#define HEAD_MAX     65536

static const char head_end[] = "\n<pre>\n";
static const char tail[] = "</pre>\n</body>\n</html>\n";

/* Appends what there is; 1 at the end of the file. Beyond `max` it is read and dropped. */
static int read_some(int fd, size_t max, struct buf *out)
{
	uint8_t chunk[65536];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	size_t room = out->len < max ? max - out->len : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return 1;
	return buf_add(out, chunk, MIN((size_t)n, room));
}

/* Both pipes to their ends, or until the text is too long. */
static int read_pipes(const struct input *in, struct buf *text, struct buf *messages)
{
	struct pollfd p[2] = { { .fd = in->pdf_text, .events = POLLIN },
			       { .fd = in->pdf_errors, .events = POLLIN } };
	int r;

	while ((p[0].fd >= 0 || p[1].fd >= 0) && text->len < RESULT_TEXT_MAX + HEAD_MAX) {
		if (poll(p, 2, -1) < 0)
			continue;
		for (unsigned i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			r = i == 0 ? read_some(p[i].fd, RESULT_TEXT_MAX + HEAD_MAX, text)
				   : read_some(p[i].fd, MESSAGES_MAX, messages);
			if (r == -ENOMEM)
				return r;
			if (r != 0)
				p[i].fd = -1;
		}
	}
	return 0;
}

/* "&lt;a &amp; b" to "<a & b", in place. */
static size_t unescape(char *text, size_t len)
{
	char plain[ENTITY_BYTES];
	size_t to = 0;

	for (size_t at = 0; at < len;) {
		const char *end = text[at] == '&' ? memchr(text + at, ';', MIN(len - at, 12ul)) : NULL;
		size_t n = end ? (size_t)(end + 1 - (text + at)) : 0,
		       decoded = n ? entity_decode(text + at, n, plain) : 0;

		if (decoded && decoded <= n) {
			memcpy(text + to, plain, decoded);
			to += decoded;
			at += n;
		} else {
			text[to++] = text[at++];
		}
	}
	return to;
}

/* The text between `before` and `after` in [at, end), unescaped in place; NULL when it is not there. */
static char *between(char *at, char *end, const char *before, const char *after, size_t *ret_len)
{
	char *from = memmem(at, (size_t)(end - at), before, strlen(before)), *to;

	if (!from)
		return NULL;
	from += strlen(before);
	to = memmem(from, (size_t)(end - from), after, strlen(after));
	if (!to)
		return NULL;
	*ret_len = unescape(from, (size_t)(to - from));
	return from;
}

static int add_tags(struct document *d, struct span keywords)
{
	struct found f = { .d = d };
	int r = found_tags(&f, keywords, ",;");

	found_done(&f);
	return r;
}

static int read_head(char *at, char *end, struct document *d)
{
	static const char *const fields[][2] = {
		{ "<meta name=\"Author\" content=\"", "author" },
		{ "<meta name=\"Keywords\" content=\"", "keywords" },
		{ "<meta name=\"Subject\" content=\"", "description" },
		{ "<meta name=\"CreationDate\" content=\"", "created" },
		{ "<meta name=\"ModDate\" content=\"", "modified" },
	};
	size_t len;
	char *value = between(at, end, "<title>", "</title>", &len);
	int r = 0;

	if (value)
		document_set(d->title, sizeof(d->title), value, len);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++) {
		value = between(at, end, fields[i][0], "\"/>", &len);
		if (value)
			r = document_field(d, fields[i][1], value, len);
		if (value && r >= 0 && strcmp(fields[i][1], "keywords") == 0)
			r = add_tags(d, (struct span){ value, value + len });
	}
	return r;
}

static int add_pages(struct document *d, const char *at, const char *end)
{
	struct sink s = { .d = d };
	uint32_t page = 1;
	int r = 0;

	while (at < end && r >= 0 && !s.full) {
		const char *stop = memchr(at, '\f', (size_t)(end - at));

		if (!stop)
			stop = end;
		r = document_mark(d, 'p', page++);
		if (r >= 0)
			r = sink_raw(&s, at, (size_t)(stop - at));
		if (r >= 0 && stop < end)
			r = sink_raw(&s, "\n", 1);
		at = stop + 1;
	}
	return r;
}

/* A form feed ends each page. */
static int count_pages(struct document *d, const char *at, const char *end)
{
	unsigned pages = 0;
	char text[16];

	while (at < end && (at = memchr(at, '\f', (size_t)(end - at)))) {
		pages++;
		at++;
	}
	return document_field(d, "pages", text, (size_t)snprintf(text, sizeof(text), "%u", pages));
}

static bool has_words(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] > ' ')
			return true;
	return false;
}

static bool says(const struct buf *messages, const char *what)
{
	return messages->len && memmem(messages->data, messages->len, what, strlen(what));
}

static int read_output(struct buf *text, const struct buf *messages, struct document *d)
{
	char *at = (char *)text->data, *end = at + text->len, *body;
	int r;

	body = at ? memmem(at, MIN(text->len, (size_t)HEAD_MAX), head_end, sizeof(head_end) - 1) : NULL;
	if (!body) {
		if (says(messages, "Incorrect password"))
			document_say(d, EXTRACT_SKIPPED, "encrypted");
		else
			document_say(d, EXTRACT_FAILED, "damaged");
		return 0;
	}
	r = read_head(at, body, d);
	body += sizeof(head_end) - 1;
	if ((size_t)(end - body) >= sizeof(tail) - 1 &&
	    memcmp(end - sizeof(tail) + 1, tail, sizeof(tail) - 1) == 0) {
		end -= sizeof(tail) - 1;
		if (r >= 0)
			r = count_pages(d, body, end);
	}
	if (r >= 0)
		r = add_pages(d, body, end);
	if (r >= 0 && !has_words(&d->text))
		document_say(d, EXTRACT_PARTIAL, "no-text");
	return r;
}

int format_pdf(const struct input *in, struct document *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT, messages = BUF_INIT;
	int r;

	if (in->pdf_text < 0) { /* the header is too far from the beginning for any reader of PDF */
		document_say(d, EXTRACT_FAILED, "damaged");
		return 0;
	}
	r = read_pipes(in, &text, &messages);
	if (r >= 0)
		r = read_output(&text, &messages, d);
	return r < 0 || d->status > EXTRACT_PARTIAL ? r : pdf_links(in, d);
}
