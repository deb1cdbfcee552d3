/* SPDX-License-Identifier: MIT */
#include "index/extract/html_links.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <strings.h>

#include "base/cleanup.h"
#include "index/extract/xml.h"

void html_links_done(struct html_links *h)
{
	buf_done(&h->base);
}

const char *html_attribute(const char *const *attributes, const char *name)
{
	for (; attributes && attributes[0]; attributes += 2)
		if (strcasecmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

bool html_is_dropped(const char *name)
{
	static const char *const list[] = { "script", "style",  "template", "svg",
					    "math",   "object", "canvas",   "select" };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcasecmp(name, list[i]) == 0)
			return true;
	return false;
}

static struct span leading(struct span url)
{
	url = span_trim(url);
	url.end = span_find(url, '#');
	url.end = span_find(url, '?');
	return url;
}

/* What has a scheme or host takes all relative links out of here. */
static int set_base(struct html_links *h, const char *href)
{
	struct span url = leading(span_of(href));
	const char *colon = span_find(url, ':'), *slash = span_find(url, '/');

	if (h->based)
		return 0;
	h->based = true;
	h->outside = colon < slash || (span_len(url) >= 2 && memcmp(url.at, "//", 2) == 0);
	while (url.end > url.at && url.end[-1] != '/')
		url.end--;
	return h->outside ? 0 : buf_add(&h->base, url.at, span_len(url));
}

static int add(struct html_links *h, struct span verb, const char *href)
{
	_cleanup_buf_ struct buf joined = BUF_INIT;
	struct span url = span_trim(span_of(href));
	const char *colon = span_find(leading(url), ':');
	int r;

	if (h->outside || span_len(leading(url)) == 0)
		return 0;
	if (h->base.len == 0 || *url.at == '/' || colon < leading(url).end)
		return found_url(h->found, verb, url);
	if (h->base.len + span_len(url) > 4 * LINK_TARGET_MAX)
		return 0;
	r = buf_add(&joined, h->base.data, h->base.len);
	if (r >= 0)
		r = buf_add(&joined, url.at, span_len(url));
	if (r < 0)
		return r;
	return found_url(h->found, verb,
			 (struct span){ (char *)joined.data, (char *)joined.data + joined.len });
}

/* The first word of rel=.. that says how two documents belong together; styles and icons do not. */
static int add_related(struct html_links *h, const char *rel, const char *href)
{
	static const char *const kept[] = { "next", "prev",  "up",    "canonical", "first",
					    "last", "index", "start", "contents" };
	struct span rest = span_trim(span_of(rel)), word;
	bool style = strcasestr(rel, "stylesheet");

	while (!style && rest.at < rest.end) {
		word = rest;
		for (word.end = word.at; word.end < rest.end && !span_is_space(*word.end); word.end++)
			;
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			if (strlen(kept[i]) == span_len(word) &&
			    strncasecmp(word.at, kept[i], span_len(word)) == 0)
				return add(h, span_of(kept[i]), href);
		rest.at = word.end;
		rest = span_trim(rest);
	}
	return 0;
}

int html_links_element(struct html_links *h, const char *name, const char *const *attributes)
{
	static const struct {
		const char *element, *attribute, *verb;
	} known[] = {
		{ "a", "href", "links" },        { "area", "href", "links" },
		{ "img", "src", "embeds" },      { "video", "src", "embeds" },
		{ "video", "poster", "embeds" }, { "audio", "src", "embeds" },
		{ "source", "src", "embeds" },   { "track", "src", "embeds" },
		{ "embed", "src", "embeds" },    { "iframe", "src", "embeds" },
		{ "frame", "src", "embeds" },    { "object", "data", "embeds" },
	};
	const char *href = html_attribute(attributes, "href"), *rel = html_attribute(attributes, "rel");
	int r = 0;

	if (strcasecmp(name, "base") == 0)
		return href ? set_base(h, href) : 0;
	if (strcasecmp(name, "link") == 0)
		return href && rel ? add_related(h, rel, href) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(known) && r >= 0; i++) {
		const char *value = strcasecmp(name, known[i].element) == 0
					    ? html_attribute(attributes, known[i].attribute)
					    : NULL;

		if (value)
			r = add(h, span_of(known[i].verb), value);
	}
	return r;
}

/* For pieces that no page is read from. */
struct piece {
	struct html_links links;
	unsigned skipping; /* depth of dropped elements */
	int error;
};

static void start_element(void *data, const xmlChar *name, const xmlChar **attributes)
{
	struct piece *p = data;
	int r = 0;

	if (!p->skipping)
		r = html_links_element(&p->links, (const char *)name, (const char *const *)attributes);
	p->skipping += html_is_dropped((const char *)name);
	p->error = r < 0 ? r : p->error;
}

static void end_element(void *data, const xmlChar *name)
{
	struct piece *p = data;

	if (p->skipping)
		p->skipping -= html_is_dropped((const char *)name);
}

int html_links_read(const char *html, size_t len, struct found *f)
{
	htmlSAXHandler handler = { .startElement = start_element,
				   .endElement = end_element,
				   .error = xml_ignore_error,
				   .warning = xml_ignore_error };
	struct piece p = { .links.found = f };
	htmlParserCtxtPtr parser =
		htmlCreatePushParserCtxt(&handler, &p, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (!parser)
		return -ENOMEM;
	(void) htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
						 HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	for (size_t at = 0; at < len && p.error >= 0; at += 65536)
		(void) htmlParseChunk(parser, html + at, (int)MIN(65536ul, len - at), 0);
	(void) htmlParseChunk(parser, NULL, 0, 1);
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	htmlFreeParserCtxt(parser);
	html_links_done(&p.links);
	return p.error;
}
