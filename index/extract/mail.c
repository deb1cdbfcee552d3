/* SPDX-License-Identifier: MIT */
#include "index/extract/mail.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h" /* before GLib, which replaces MIN and MAX */

#include <gmime/gmime.h>

#include "index/extract/formats.h"
#include "index/extract/found.h"
#include "index/extract/sink.h"

void mail_warm(void)
{
	g_mime_init();
}

static int add_text(struct document *d, const char *name, const char *value)
{
	return value ? document_field(d, name, value, strlen(value)) : 0;
}

static int add_people(struct document *d, const char *name, InternetAddressList *list)
{
	int r = 0;

	for (int i = 0; list && i < internet_address_list_length(list) && r >= 0; i++) {
		char *one =
			internet_address_to_string(internet_address_list_get_address(list, i), NULL, FALSE);

		r = add_text(d, name, one);
		g_free(one);
	}
	return r;
}

static int add_date(struct document *d, GMimeMessage *m)
{
	GDateTime *date = g_mime_message_get_date(m);
	char *text = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z") : NULL;
	int r = add_text(d, "date", text);

	g_free(text);
	return r;
}

/* What programs call labels, too. */
static int add_labels(struct found *f, GMimeHeaderList *headers)
{
	static const char *const names[] = { "Keywords", "X-Keywords", "X-Label", "X-Gmail-Labels" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		GMimeHeader *h = g_mime_header_list_get_header(headers, names[i]);
		const char *value = h ? g_mime_header_get_value(h) : NULL;

		if (value)
			r = found_tags(f, span_of(value), ",;");
	}
	return r;
}

static int add_references(struct found *f, GMimeHeaderList *headers, const char *name, const char *verb)
{
	GMimeHeader *h = g_mime_header_list_get_header(headers, name);
	const char *value = h ? g_mime_header_get_value(h) : NULL;
	GMimeReferences *ids = value ? g_mime_references_parse(NULL, value) : NULL;
	int r = 0;

	for (int i = 0; ids && i < g_mime_references_length(ids) && r >= 0; i++)
		r = found_link(f, LINK_MESSAGE, span_of(verb),
			       span_of(g_mime_references_get_message_id(ids, i)));
	if (ids)
		g_mime_references_free(ids);
	return r;
}

static int add_links(GMimeMessage *m, struct document *d)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(m));
	struct found f = { .d = d };
	int r = add_labels(&f, headers);

	if (r >= 0)
		r = add_references(&f, headers, "In-Reply-To", "replies");
	if (r >= 0)
		r = add_references(&f, headers, "References", "references");
	found_done(&f);
	return r;
}

int mail_headers(GMimeMessage *m, struct document *d)
{
	const char *subject = g_mime_message_get_subject(m);
	int r = add_text(d, "subject", subject);

	if (subject)
		document_set(d->title, sizeof(d->title), subject, strlen(subject));
	if (r >= 0)
		r = add_people(d, "from", g_mime_message_get_from(m));
	if (r >= 0)
		r = add_people(d, "to", g_mime_message_get_to(m));
	if (r >= 0)
		r = add_people(d, "cc", g_mime_message_get_cc(m));
	if (r >= 0)
		r = add_date(d, m);
	if (r >= 0)
		r = add_text(d, "message-id", g_mime_message_get_message_id(m));
	return r < 0 ? r : add_links(m, d);
}

int format_mail(const struct input *in, struct document *d)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)in->data, in->len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
	int r = 0;

	if (m) {
		r = mail_headers(m, d);
		if (r >= 0)
			r = mail_body(m, d);
		g_object_unref(m);
	} else {
		document_say(d, EXTRACT_FAILED, "damaged");
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return r;
}
