/* SPDX-License-Identifier: MIT */
/* Word documents: a ZIP archive, of which a few parts are read as streams of XML. The main text comes
 * first in ours, whatever the order in the archive; then notes, comments, headers and footers. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/extract/formats.h"
#include "index/extract/found.h"
#include "index/extract/properties.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"
#include "index/extract/xml.h"
#include "index/extract/zip.h"

enum part {
	PART_MAIN,
	PART_NOTES,
	PART_COMMENTS,
	PART_EDGES,
	PART_PROPERTIES,
	PART_RELATIONS, /* where links of another part lead */
	PART_OTHER
};
#define TEXT_PARTS 4

struct word {
	struct document *d; /* borrowed */
	struct found found;
	struct document parts[TEXT_PARTS]; /* owned: text and marks of each */
	struct sink sink;                  /* into one of parts */
	unsigned skipping;                 /* depth within what is not shown */
	bool in_text;
	bool heading; /* the paragraph we are in is one */
	uint32_t paragraph;
	struct properties properties;
	bool main_seen;
};

static enum part part_of(const char *path)
{
	const char *name = strrchr(path, '/');

	if (strcmp(path, "docProps/core.xml") == 0)
		return PART_PROPERTIES;
	if (strncmp(path, "word/_rels/", 11) == 0 && strstr(path + 11, ".rels"))
		return PART_RELATIONS;
	if (strncmp(path, "word/", 5) != 0 || !name || name != path + 4 || !strstr(name, ".xml"))
		return PART_OTHER;
	name++;
	if (strncmp(name, "document", 8) == 0)
		return PART_MAIN;
	if (strcmp(name, "footnotes.xml") == 0 || strcmp(name, "endnotes.xml") == 0)
		return PART_NOTES;
	if (strcmp(name, "comments.xml") == 0)
		return PART_COMMENTS;
	return strncmp(name, "header", 6) == 0 || strncmp(name, "footer", 6) == 0 ? PART_EDGES : PART_OTHER;
}

/* Deleted text, field instructions, and the second form of what Word writes twice. */
static bool is_hidden(const char *name)
{
	return strcmp(name, "del") == 0 || strcmp(name, "Fallback") == 0 || strcmp(name, "instrText") == 0 ||
	       strcmp(name, "delText") == 0 || strcmp(name, "moveFrom") == 0;
}

static int start_paragraph(struct word *w)
{
	sink_break(&w->sink, 1);
	w->paragraph++;
	w->heading = false;
	return 0;
}

static int word_start(void *data, const char *name, void *attributes)
{
	struct word *w = data;
	char style[64];

	if (w->skipping || is_hidden(name)) {
		w->skipping++;
		return 0;
	}
	if (strcmp(name, "t") == 0)
		w->in_text = true;
	else if (strcmp(name, "p") == 0)
		return start_paragraph(w);
	else if (strcmp(name, "pStyle") == 0)
		w->heading = xml_attribute(attributes, "val", style, sizeof(style)) &&
			     strncmp(style, "Heading", 7) == 0;
	else if (strcmp(name, "tab") == 0 || strcmp(name, "tc") == 0)
		sink_space(&w->sink);
	else if (strcmp(name, "br") == 0 || strcmp(name, "cr") == 0)
		sink_break(&w->sink, 1);
	else if (strcmp(name, "noBreakHyphen") == 0)
		return sink_flow(&w->sink, "-", 1);
	return 0;
}

static int word_end(void *data, const char *name)
{
	struct word *w = data;

	if (w->skipping) {
		w->skipping--;
		return 0;
	}
	if (strcmp(name, "t") == 0)
		w->in_text = false;
	else if (strcmp(name, "p") == 0 || strcmp(name, "tbl") == 0)
		sink_break(&w->sink, 1);
	return 0;
}

static int word_text(void *data, const char *text, size_t len)
{
	struct word *w = data;
	int r;

	if (w->skipping || !w->in_text)
		return 0;
	if (w->heading) {
		r = sink_settle(&w->sink);
		if (r >= 0)
			r = document_mark(w->sink.d, 'h', w->paragraph);
		if (r < 0)
			return r;
		w->heading = false;
	}
	r = sink_flow(&w->sink, text, len);
	return r < 0 ? r : w->sink.full ? -EFBIG : 0;
}

/* Links and linked pictures. Their targets are URL references from the document's own folder. */
static int relation_start(void *data, const char *name, void *attributes)
{
	char mode[16], type[128], target[3 * LINK_TARGET_MAX + 2];
	struct word *w = data;
	const char *kind;

	if (strcmp(name, "Relationship") != 0 ||
	    !xml_attribute(attributes, "TargetMode", mode, sizeof(mode)) || strcmp(mode, "External") != 0 ||
	    !xml_attribute(attributes, "Type", type, sizeof(type)) ||
	    !xml_attribute(attributes, "Target", target, sizeof(target)))
		return 0;
	kind = strrchr(type, '/');
	if (kind && strcmp(kind, "/hyperlink") == 0)
		return found_url(&w->found, span_of("links"), span_of(target));
	if (kind && strcmp(kind, "/image") == 0)
		return found_url(&w->found, span_of("embeds"), span_of(target));
	return 0;
}

static int relation_end(void *data, const char *name)
{
	return 0;
}

static int relation_text(void *data, const char *text, size_t len)
{
	return 0;
}

static int read_part(struct zip *z, const char *path, void *data)
{
	static const struct xml_handler word_handler = { word_start, word_end, word_text };
	static const struct xml_handler relation_handler = { relation_start, relation_end, relation_text };
	struct word *w = data;
	enum part part = part_of(path);

	if (part == PART_OTHER)
		return 0;
	if (part == PART_PROPERTIES)
		return zip_xml(z, &properties_handler, &w->properties);
	if (part == PART_RELATIONS)
		return zip_xml(z, &relation_handler, w);
	w->main_seen |= part == PART_MAIN;
	w->skipping = 0;
	w->in_text = w->heading = false;
	w->paragraph = 0;
	w->sink = (struct sink){ .d = &w->parts[part] };
	sink_break(&w->sink, 2);
	return zip_xml(z, &word_handler, w);
}

/* Over a limit, what came before stays. */
static int read_archive(struct zip *z, const struct input *in, struct word *w, bool streaming)
{
	int r = zip_foreach(z, in, streaming, read_part, w);

	return r == -EFBIG ? 0 : r;
}

static int join_parts(struct word *w, bool damaged)
{
	int r = 0;

	for (unsigned i = 0; i < TEXT_PARTS && r >= 0; i++)
		r = document_join(w->d, &w->parts[i]);
	if (!w->main_seen)
		document_say(w->d, EXTRACT_FAILED, "damaged");
	else if (damaged)
		document_say(w->d, w->d->text.len ? EXTRACT_PARTIAL : EXTRACT_FAILED, "damaged");
	return r;
}

int format_docx(const struct input *in, struct document *d)
{
	struct word w = { .d = d, .found = { .d = d } };
	struct zip z = { .d = d };
	int r;

	w.properties.found = &w.found;
	r = read_archive(&z, in, &w, false);
	if (r >= 0 && z.damaged && !w.main_seen) {
		z.damaged = false;
		r = read_archive(&z, in, &w, true);
	}
	if (r >= 0)
		r = join_parts(&w, z.damaged);
	for (unsigned i = 0; i < TEXT_PARTS; i++)
		document_done(&w.parts[i]);
	properties_done(&w.properties);
	found_done(&w.found);
	return r;
}
