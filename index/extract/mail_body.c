/* SPDX-License-Identifier: MIT */
/* Of alternatives the plain text is read, or what there is; of attachments texts only, as other files have
 * formats of their own. A mail within a mail adds its subject and text. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h" /* before GLib, which replaces MIN and MAX */

#include <gmime/gmime.h>

#include "index/extract/decode.h"
#include "index/extract/formats.h"
#include "index/extract/mail.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"
#include "index/extract/span.h"

#define DEPTH_MAX 32
#define PARTS_MAX 1000

struct body {
	struct sink sink;
	unsigned depth, parts;
};

static int add_object(struct body *b, GMimeObject *part);

static int add_html(struct body *b, const GByteArray *bytes)
{
	_cleanup_(document_done) struct document page = { 0 };
	struct input in = { .name = "", .data = bytes->data, .len = bytes->len };
	int r = format_html(&in, &page);

	return r < 0 ? r : sink_raw(&b->sink, (char *)page.text.data, page.text.len);
}

static int add_plain(struct body *b, const GByteArray *bytes, const char *charset)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = decode_is_binary(bytes->data, bytes->len)
			? 0
			: decode_text(bytes->data, bytes->len, charset, RESULT_TEXT_MAX + 1, &text);
	struct span rest = { (char *)text.data, (char *)text.data + text.len };

	while (rest.at < rest.end && r >= 0 && !b->sink.full) {
		struct span line = span_line(&rest);

		r = sink_raw(&b->sink, line.at, span_len(line));
		if (r >= 0)
			r = sink_raw(&b->sink, "\n", 1);
	}
	return r;
}

static int add_text(struct body *b, GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *out = content ? g_mime_stream_mem_new() : NULL;
	const GByteArray *bytes;
	int r = 0;

	if (!out || g_mime_data_wrapper_write_to_stream(content, out) < 0)
		goto done;
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	sink_break(&b->sink, 2);
	r = sink_settle(&b->sink);
	if (r < 0 || bytes->len == 0)
		goto done;
	if (g_mime_content_type_is_type(type, "text", "html"))
		r = add_html(b, bytes);
	else
		r = add_plain(b, bytes, g_mime_content_type_get_parameter(type, "charset"));
done:
	if (out)
		g_object_unref(out);
	return r;
}

static bool is_type(GMimeObject *part, const char *type, const char *subtype)
{
	return part && g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

/* The last that is plain text, else the last that is text in any form, else the last. */
static int add_alternative(struct body *b, GMimeMultipart *all)
{
	GMimeObject *best = NULL;
	int n = g_mime_multipart_get_count(all), rank = -1;

	for (int i = 0; i < n && i < PARTS_MAX; i++) {
		GMimeObject *part = g_mime_multipart_get_part(all, i);
		int its = is_type(part, "text", "plain") ? 2 : is_type(part, "text", "*") ? 1 : 0;

		if (part && its >= rank) {
			best = part;
			rank = its;
		}
	}
	return best ? add_object(b, best) : 0;
}

static int add_multipart(struct body *b, GMimeMultipart *all)
{
	int n = g_mime_multipart_get_count(all), r = 0;

	if (is_type(GMIME_OBJECT(all), "multipart", "alternative"))
		return add_alternative(b, all);
	for (int i = 0; i < n && r >= 0 && b->parts < PARTS_MAX && !b->sink.full; i++) {
		GMimeObject *part = g_mime_multipart_get_part(all, i);

		r = part ? add_object(b, part) : 0;
	}
	return r;
}

static int add_message(struct body *b, GMimeMessage *m)
{
	GMimeObject *content = m ? g_mime_message_get_mime_part(m) : NULL;
	const char *subject = m && b->depth > 1 ? g_mime_message_get_subject(m) : NULL;
	int r = 0;

	if (subject) {
		sink_break(&b->sink, 2);
		r = sink_flow(&b->sink, subject, strlen(subject));
	}
	return content && r >= 0 ? add_object(b, content) : r;
}

static int add_object(struct body *b, GMimeObject *part)
{
	int r = 0;

	if (b->depth >= DEPTH_MAX || ++b->parts > PARTS_MAX) {
		document_say(b->sink.d, EXTRACT_PARTIAL, "parts");
		return 0;
	}
	b->depth++;
	if (GMIME_IS_MULTIPART(part))
		r = add_multipart(b, GMIME_MULTIPART(part));
	else if (GMIME_IS_MESSAGE_PART(part))
		r = add_message(b, g_mime_message_part_get_message(GMIME_MESSAGE_PART(part)));
	else if (GMIME_IS_PART(part) && is_type(part, "text", "*"))
		r = add_text(b, GMIME_PART(part));
	b->depth--;
	return r;
}

int mail_body(GMimeMessage *m, struct document *d)
{
	struct body b = { .sink = { .d = d } };

	return add_message(&b, m);
}
