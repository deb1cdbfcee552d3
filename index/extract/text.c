/* SPDX-License-Identifier: MIT */
/* Plain text: decoded, line ends made "\n", line numbers noted. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/extract/decode.h"
#include "index/extract/formats.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"

#define MARK_EVERY 200 /* bytes: a passage has a mark near its beginning */

/* Adds [at, end), one line without its end, then a line end. */
static int add_line(struct sink *s, const char *at, const char *end, bool ended)
{
	int r = sink_raw(s, at, (size_t)(end - at));

	return r >= 0 && ended ? sink_raw(s, "\n", 1) : r;
}

static const char *line_end(const char *at, const char *end)
{
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

static int add_lines(struct sink *s, const char *at, const char *end)
{
	uint32_t line = 1, marked = 0;
	int r = 0;

	while (at < end && r >= 0 && !s->full) {
		const char *stop = line_end(at, end);

		if (line == 1 || s->d->text.len - marked >= MARK_EVERY) {
			r = document_mark(s->d, 'l', line);
			marked = (uint32_t)s->d->text.len;
		}
		if (r >= 0)
			r = add_line(s, at, stop, stop < end);
		line++;
		at = stop + 1 + (end - stop > 1 && stop[0] == '\r' && stop[1] == '\n');
	}
	return r;
}

int format_text(const struct input *in, struct document *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct sink s = { .d = d };
	int r;

	if (decode_is_binary(in->data, in->len)) {
		document_is_binary(d);
		return 0;
	}
	r = decode_text(in->data, in->len, NULL, RESULT_TEXT_MAX + 1, &text);
	return r < 0 || text.len == 0 ? r : add_lines(&s, (char *)text.data, (char *)text.data + text.len);
}
