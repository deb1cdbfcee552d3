/* SPDX-License-Identifier: MIT */
/* Word documents: a ZIP archive, of which a few parts are read as streams of XML. The main text comes
 * first in ours, whatever the order in the archive; then notes, comments, headers and footers.
 *
 * Sizes in the archive are lies until proven: what counts is what comes out, against fixed limits. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/extract/formats.h"
#include "index/extract/found.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"
#include "index/extract/xml.h"

#define ENTRIES_MAX  20000
#define UNPACKED_MAX (256ull << 20) /* of all parts that are read */

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
	char field[24];   /* of the properties: the one we are in */
	struct buf value; /* owned */
	uint64_t unpacked;
	bool damaged, main_seen;
};

static enum part part_of(const char *path)
{
	const char *name = strrchr(path, '/');

	if (strcmp(path, "docProps/core.xml") == 0)
		return PART_PROPERTIES;
	if (strncmp(path, "word/_rels/", 11) == 0)
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

static int property_start(void *data, const char *name, void *attributes)
{
	static const char *const known[][2] = {
		{ "title", "title" },       { "creator", "author" },          { "keywords", "keywords" },
		{ "subject", "subject" },   { "description", "description" }, { "created", "created" },
		{ "modified", "modified" }, { "language", "language" },       { "category", "category" }
	};
	struct word *w = data;

	w->field[0] = '\0';
	buf_reset(&w->value);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i][0]) == 0)
			strcpy(w->field, known[i][1]);
	return 0;
}

static int property_text(void *data, const char *text, size_t len)
{
	struct word *w = data;

	return w->field[0] && w->value.len < 4096 ? buf_add(&w->value, text, len) : 0;
}

static int property_end(void *data, const char *name)
{
	struct word *w = data;
	const char *value = (const char *)w->value.data;
	int r = 0;

	if (strcmp(w->field, "keywords") == 0)
		r = found_tags(&w->found, (struct span){ value, value + w->value.len }, ",;");
	if (r < 0)
		return r;
	if (strcmp(w->field, "title") == 0)
		document_set(w->d->title, sizeof(w->d->title), value, w->value.len);
	else if (w->field[0])
		r = document_field(w->d, w->field, value, w->value.len);
	w->field[0] = '\0';
	return r;
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

/* -EBADMSG: damaged, -EFBIG: over a limit; what came before is kept. */
static int read_entry(struct archive *a, struct word *w, struct xml_reader *x)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int r = ARCHIVE_OK, e = 0;

	while (e >= 0 && (r = archive_read_data_block(a, &block, &len, &offset)) == ARCHIVE_OK) {
		w->unpacked += len;
		if (w->unpacked > UNPACKED_MAX)
			return -EFBIG;
		for (size_t at = 0; at < len && e >= 0; at += 1u << 20)
			e = xml_feed(x, (const char *)block + at, MIN(len - at, (size_t)1 << 20));
	}
	if (e < 0)
		return e;
	return r == ARCHIVE_EOF ? xml_finish(x) : -EBADMSG;
}

static int read_part(struct archive *a, struct word *w, enum part part)
{
	static const struct xml_handler word_handler = { word_start, word_end, word_text };
	static const struct xml_handler property_handler = { property_start, property_end, property_text };
	static const struct xml_handler relation_handler = { relation_start, relation_end, relation_text };
	const struct xml_handler *handler = part == PART_PROPERTIES  ? &property_handler
					    : part == PART_RELATIONS ? &relation_handler
								     : &word_handler;
	struct xml_reader *x;
	int r;

	w->skipping = 0;
	w->in_text = w->heading = false;
	w->paragraph = 0;
	if (part < TEXT_PARTS) {
		w->sink = (struct sink){ .d = &w->parts[part] };
		sink_break(&w->sink, 2);
	}
	r = xml_new(handler, w, &x);
	if (r < 0)
		return r;
	r = read_entry(a, w, x);
	(void) xml_free(x);
	if (r == -EFBIG)
		document_say(w->d, EXTRACT_PARTIAL, "size");
	w->damaged |= r == -EBADMSG;
	return r == -EBADMSG ? 0 : r;
}

static int read_entries(struct archive *a, struct word *w)
{
	struct archive_entry *entry;
	int r = ARCHIVE_OK, e = 0;

	for (unsigned n = 0; n < ENTRIES_MAX && e >= 0; n++) {
		const char *path;
		enum part part;

		r = archive_read_next_header(a, &entry);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			break;
		path = archive_entry_pathname(entry);
		part = path ? part_of(path) : PART_OTHER;
		w->main_seen |= part == PART_MAIN;
		if (part != PART_OTHER)
			e = read_part(a, w, part);
	}
	w->damaged |= r != ARCHIVE_EOF && e >= 0;
	return e == -EFBIG ? 0 : e;
}

/* `streaming`: by the headers before each entry, for archives whose table at the end is missing. */
static int read_archive(const struct input *in, struct word *w, bool streaming)
{
	struct archive *a = archive_read_new();
	int r = 0;

	if (!a)
		return -ENOMEM;
	if (streaming)
		(void) archive_read_support_format_zip_streamable(a);
	else
		(void) archive_read_support_format_zip_seekable(a);
	if (archive_read_open_memory(a, in->data, in->len) == ARCHIVE_OK)
		r = read_entries(a, w);
	else
		w->damaged = true;
	(void) archive_read_free(a);
	return r;
}

static int join_part(struct document *d, const struct document *part)
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

static int join_parts(struct word *w)
{
	int r = 0;

	for (unsigned i = 0; i < TEXT_PARTS && r >= 0; i++)
		r = join_part(w->d, &w->parts[i]);
	if (!w->main_seen)
		document_say(w->d, EXTRACT_FAILED, "damaged");
	else if (w->damaged)
		document_say(w->d, w->d->text.len ? EXTRACT_PARTIAL : EXTRACT_FAILED, "damaged");
	return r;
}

int format_docx(const struct input *in, struct document *d)
{
	struct word w = { .d = d, .found = { .d = d } };
	int r = read_archive(in, &w, false);

	if (r >= 0 && w.damaged && !w.main_seen) {
		w.damaged = false;
		r = read_archive(in, &w, true);
	}
	if (r >= 0)
		r = join_parts(&w);
	for (unsigned i = 0; i < TEXT_PARTS; i++)
		document_done(&w.parts[i]);
	buf_done(&w.value);
	found_done(&w.found);
	return r;
}
