/* SPDX-License-Identifier: MIT */
/* Texts, sheets and slides of OpenDocument (ISO 26300): a ZIP archive whose content.xml has all that is
 * shown. A path in it that begins with "../" leads out of the archive, to the folder of the document. */
#include <errno.h>

#include "base/cleanup.h"
#include "index/extract/found.h"
#include "index/extract/properties.h"
#include "index/extract/sink.h"
#include "index/extract/zip.h"

struct content {
	struct found *found; /* borrowed */
	struct properties properties;
	struct sink sink;
	unsigned skipping;   /* depth within what is not shown */
	unsigned paragraphs; /* depth: notes have their own */
	unsigned cells;      /* depth */
	bool cell_begun;     /* the next paragraph stays in its row's line */
	bool heading;        /* the paragraph we are in is one */
	uint32_t number;     /* of the paragraph */
	bool seen;
};

static bool is_hidden(const char *name)
{
	static const char *const list[] = { "tracked-changes", "forms", "scripts",         "creator", "date",
					    "date-string",     "desc",  "automatic-styles" };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static int add_reference(struct content *c, const char *verb, const char *href, bool outside_only)
{
	bool outside = strncmp(href, "../", 3) == 0;

	if (!outside && (outside_only || strncmp(href, "./", 2) == 0))
		return 0;
	return found_url(c->found, span_of(verb), span_of(href + (outside ? 3 : 0)));
}

static void start_paragraph(struct content *c, bool heading)
{
	if (c->cell_begun)
		sink_space(&c->sink);
	else
		sink_break(&c->sink, 1);
	c->cell_begun = false;
	c->paragraphs++;
	c->number++;
	c->heading = heading;
}

static int content_start(void *data, const char *name, void *attributes)
{
	char href[3 * LINK_TARGET_MAX + 8];
	struct content *c = data;

	if (c->skipping || is_hidden(name)) {
		c->skipping++;
		return 0;
	}
	if (strcmp(name, "p") == 0 || strcmp(name, "h") == 0)
		start_paragraph(c, *name == 'h');
	else if (strcmp(name, "s") == 0 || strcmp(name, "tab") == 0)
		sink_space(&c->sink);
	else if (strcmp(name, "line-break") == 0 || strcmp(name, "table-row") == 0 ||
		 strcmp(name, "page") == 0)
		sink_break(&c->sink, 1);
	else if (strcmp(name, "table-cell") == 0)
		c->cell_begun = ++c->cells > 0;
	else if (strcmp(name, "a") == 0 && xml_attribute(attributes, "href", href, sizeof(href)))
		return add_reference(c, "links", href, false);
	else if (strcmp(name, "image") == 0 && xml_attribute(attributes, "href", href, sizeof(href)))
		return add_reference(c, "embeds", href, true);
	return 0;
}

static int content_end(void *data, const char *name)
{
	struct content *c = data;

	if (c->skipping) {
		c->skipping--;
		return 0;
	}
	if (strcmp(name, "p") == 0 || strcmp(name, "h") == 0) {
		c->paragraphs -= c->paragraphs > 0;
		if (!c->cells)
			sink_break(&c->sink, 1);
	} else if (strcmp(name, "table-cell") == 0) {
		c->cells -= c->cells > 0;
		c->cell_begun = false;
	}
	return 0;
}

static int content_text(void *data, const char *text, size_t len)
{
	struct content *c = data;
	int r = 0;

	if (c->skipping || !c->paragraphs)
		return 0;
	if (c->heading) {
		r = sink_settle(&c->sink);
		if (r >= 0)
			r = document_mark(c->sink.d, 'h', c->number);
		c->heading = false;
	}
	if (r >= 0)
		r = sink_flow(&c->sink, text, len);
	return r < 0 ? r : c->sink.full ? -EFBIG : 0;
}

static int read_part(struct zip *z, const char *path, void *data)
{
	static const struct xml_handler handler = { content_start, content_end, content_text };
	struct content *c = data;

	if (strcmp(path, "meta.xml") == 0)
		return zip_xml(z, &properties_handler, &c->properties);
	if (strcmp(path, "content.xml") != 0 || c->seen)
		return 0;
	c->seen = true;
	return zip_xml(z, &handler, c);
}

int format_odf(const struct input *in, struct document *d)
{
	struct found found = { .d = d };
	struct content c = { .found = &found, .properties.found = &found, .sink = { .d = d } };
	struct zip z = { .d = d };
	int r = zip_foreach(&z, in, false, read_part, &c);

	if (r >= 0 && !c.seen) {
		z.damaged = false;
		r = zip_foreach(&z, in, true, read_part, &c);
	}
	if (!c.seen)
		document_say(d, EXTRACT_FAILED, "damaged");
	else if (z.damaged)
		document_say(d, d->text.len ? EXTRACT_PARTIAL : EXTRACT_FAILED, "damaged");
	properties_done(&c.properties);
	found_done(&found);
	return r == -EFBIG ? 0 : r;
}
