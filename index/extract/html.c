/* SPDX-License-Identifier: MIT */
/* HTML to its words, by the callbacks of libxml2's parser: no tree is built. Block elements end lines,
 * script and style are dropped. The encoding is settled before, so that the parser sees UTF-8 only. */
#include <ctype.h>
#include <errno.h>
#include <libxml/HTMLparser.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "index/extract/decode.h"
#include "index/extract/formats.h"
#include "index/extract/html_links.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"
#include "index/extract/xml.h"

#define CHARSET_WITHIN 4096 /* bytes in which a document must name its encoding */

struct page {
	struct sink sink;
	struct found found;
	struct html_links links;
	xmlParserCtxtPtr parser; /* borrowed */
	unsigned skipping;       /* depth of dropped elements */
	bool in_title;
	bool heading_due;
	unsigned pre;     /* depth of elements that keep white space */
	struct buf title; /* owned */
	int error;
};

static bool is_in(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(name, *list) == 0)
			return true;
	return false;
}

/* Empty lines around it: 2, a line of its own: 1, within a line: 0. */
static unsigned lines_around(const char *name)
{
	static const char *const apart[] = { "p",          "h1",      "h2",      "h3",     "h4",     "h5",
					     "h6",         "table",   "ul",      "ol",     "dl",     "pre",
					     "blockquote", "section", "article", "header", "footer", "nav",
					     "aside",      "figure",  "hr",      "main",   NULL };
	static const char *const own[] = { "div",    "li",       "tr",      "dt",         "dd",     "br",
					   "form",   "fieldset", "caption", "figcaption", "thead",  "tbody",
					   "tfoot",  "address",  "details", "summary",    "option", "body",
					   "center", "legend",   NULL };

	return is_in(name, apart) ? 2 : is_in(name, own) ? 1 : 0;
}

static void check(struct page *p, int error)
{
	if (error < 0)
		p->error = error;
	if (p->error < 0 || p->sink.full)
		xmlStopParser(p->parser);
}

static void read_meta(struct page *p, const char *const *attributes)
{
	static const char *const kept[] = { "author", "keywords", "description", "date", "generator", NULL };
	const char *name = html_attribute(attributes, "name"),
		   *content = html_attribute(attributes, "content"),
		   *property = html_attribute(attributes, "property");
	char lower[16];
	size_t n = 0;

	if (content && property && strcasecmp(property, "article:tag") == 0)
		check(p, found_tag(&p->found, span_of(content)));
	if (!name || !content || !is_in(name, kept))
		return;
	for (; name[n]; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	check(p, document_field(p->sink.d, lower, content, strlen(content)));
	if (strcmp(lower, "keywords") == 0)
		check(p, found_tags(&p->found, span_of(content), ",;"));
}

static void read_attributes(struct page *p, const char *name, const char *const *attributes)
{
	const char *value;

	if (strcasecmp(name, "html") == 0) {
		value = html_attribute(attributes, "lang");
		if (value)
			document_set(p->sink.d->lang, sizeof(p->sink.d->lang), value, strlen(value));
	} else if (strcasecmp(name, "meta") == 0) {
		read_meta(p, attributes);
	} else if (strcasecmp(name, "img") == 0) {
		value = html_attribute(attributes, "alt");
		if (value)
			check(p, sink_flow(&p->sink, value, strlen(value)));
	}
}

static bool is_heading(const char *name)
{
	return (name[0] | 0x20) == 'h' && name[1] >= '1' && name[1] <= '6' && name[2] == '\0';
}

static void start_element(void *data, const xmlChar *tag, const xmlChar **attributes)
{
	struct page *p = data;
	const char *name = (const char *)tag, *const *pairs = (const char *const *)attributes;

	if (!p->skipping)
		check(p, html_links_element(&p->links, name, pairs));
	if (p->skipping || html_is_dropped(name)) {
		p->skipping += html_is_dropped(name);
		return;
	}
	read_attributes(p, name, pairs);
	sink_break(&p->sink, lines_around(name));
	if (strcasecmp(name, "td") == 0 || strcasecmp(name, "th") == 0)
		sink_space(&p->sink);
	p->in_title |= strcasecmp(name, "title") == 0;
	p->pre += strcasecmp(name, "pre") == 0;
	p->heading_due |= is_heading(name);
}

static void end_element(void *data, const xmlChar *tag)
{
	struct page *p = data;
	const char *name = (const char *)tag;

	if (p->skipping) {
		p->skipping -= html_is_dropped(name);
		return;
	}
	sink_break(&p->sink, lines_around(name));
	if (strcasecmp(name, "title") == 0)
		p->in_title = false;
	if (strcasecmp(name, "pre") == 0 && p->pre)
		p->pre--;
}

static int add_text(struct page *p, const char *text, size_t len)
{
	int r;

	if (p->in_title)
		return p->title.len < 4096 ? buf_add(&p->title, text, len) : 0;
	if (p->heading_due) {
		r = sink_settle(&p->sink);
		if (r >= 0)
			r = document_mark(p->sink.d, 'l', (uint32_t)MAX(1, xmlSAX2GetLineNumber(p->parser)));
		if (r < 0)
			return r;
		p->heading_due = false;
	}
	if (!p->pre)
		return sink_flow(&p->sink, text, len);
	r = sink_settle(&p->sink);
	return r < 0 ? r : sink_raw(&p->sink, text, len);
}

static void characters(void *data, const xmlChar *text, int len)
{
	struct page *p = data;

	if (!p->skipping && len > 0)
		check(p, add_text(p, (const char *)text, (size_t)len));
}

/* The encoding that a meta element names, in `ret`; NULL when there is none. */
static const char *named_charset(const uint8_t *data, size_t len, char *ret, size_t size)
{
	const char *at = (const char *)data, *end = at + MIN(len, (size_t)CHARSET_WITHIN);
	size_t n = 0;

	for (; end - at > 8; at++)
		if (strncasecmp(at, "charset=", 8) == 0)
			break;
	if (end - at <= 8)
		return NULL;
	for (at += 8; at < end && (*at == '"' || *at == '\'' || *at == ' '); at++)
		;
	while (at < end && n + 1 < size && (isalnum((unsigned char)*at) || strchr("-_:.", *at)) && *at)
		ret[n++] = *at++;
	ret[n] = '\0';
	return n ? ret : NULL;
}

static int parse(struct page *p, const struct buf *text)
{
	htmlSAXHandler handler = {
		.startElement = start_element,
		.endElement = end_element,
		.characters = characters,
		.cdataBlock = characters,
		.ignorableWhitespace = characters,
		.error = xml_ignore_error,
		.warning = xml_ignore_error,
	};
	htmlParserCtxtPtr parser =
		htmlCreatePushParserCtxt(&handler, p, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (!parser)
		return -ENOMEM;
	p->parser = parser;
	(void) htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
						 HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	for (size_t at = 0; at < text->len && p->error >= 0 && !p->sink.full; at += 65536)
		(void) htmlParseChunk(parser, (const char *)text->data + at, (int)MIN(65536ul, text->len - at),
				     0);
	(void) htmlParseChunk(parser, NULL, 0, 1);
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	htmlFreeParserCtxt(parser);
	return p->error;
}

int format_html(const struct input *in, struct document *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct page p = { .sink = { .d = d }, .found = { .d = d } };
	char charset[40];
	int r;

	if (decode_is_binary(in->data, in->len)) {
		document_is_binary(d);
		return 0;
	}
	p.links.found = &p.found;
	r = decode_text(in->data, in->len, named_charset(in->data, in->len, charset, sizeof(charset)),
			4 * RESULT_TEXT_MAX, &text);
	if (r >= 0)
		r = parse(&p, &text);
	document_set(d->title, sizeof(d->title), (char *)p.title.data, p.title.len);
	buf_done(&p.title);
	html_links_done(&p.links);
	found_done(&p.found);
	return r;
}
