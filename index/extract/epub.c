/* SPDX-License-Identifier: MIT */
/* Books (EPUB 3.3): a ZIP archive with a package document, whose manifest names the chapters and whose spine
 * puts them in order. It is read first, then each chapter as HTML. Links between chapters are no links to
 * files. */
#include <errno.h>

#include "base/cleanup.h"
#include "index/extract/found.h"
#include "index/extract/properties.h"
#include "index/extract/sink.h"
#include "index/extract/zip.h"

#define ITEMS_MAX 5000 /* of manifest and spine */

struct item {
	char *id;   /* owned */
	char *path; /* owned: within the archive */
};

struct book {
	struct properties properties;
	char folder[256]; /* of the package document, with '/' at its end */
	bool packaged;    /* it was read */
	struct item items[ITEMS_MAX];
	size_t n_items;
	struct chapter {
		const char *path; /* borrowed of an item */
		struct document text;
	} chapters[ITEMS_MAX]; /* in the order of the spine */
	size_t n_chapters;
};

static struct book *book_free(struct book *b)
{
	for (size_t i = 0; i < b->n_items; i++) {
		free(b->items[i].id);
		free(b->items[i].path);
	}
	for (size_t i = 0; i < b->n_chapters; i++)
		document_done(&b->chapters[i].text);
	properties_done(&b->properties);
	free(b);
	return NULL;
}

static int add_item(struct book *b, const char *id, const char *href)
{
	struct item *item = &b->items[b->n_items];
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = buf_add_str(&path, b->folder);

	if (r >= 0)
		r = found_decode(span_of(href), &path);
	if (r < 0)
		return r;
	item->id = strdup(id);
	item->path = strdup(buf_cstr(&path));
	b->n_items++;
	return item->id && item->path ? 0 : -ENOMEM;
}

static void add_chapter(struct book *b, const char *id)
{
	for (size_t i = 0; i < b->n_items && b->n_chapters < ITEMS_MAX; i++) {
		if (strcmp(b->items[i].id, id) != 0)
			continue;
		b->chapters[b->n_chapters++].path = b->items[i].path;
		return;
	}
}

static int package_start(void *data, const char *name, void *attributes)
{
	char id[256], href[1024];
	struct book *b = data;

	if (strcmp(name, "item") == 0 && b->n_items < ITEMS_MAX &&
	    xml_attribute(attributes, "id", id, sizeof(id)) &&
	    xml_attribute(attributes, "href", href, sizeof(href)))
		return add_item(b, id, href);
	if (strcmp(name, "itemref") == 0 && xml_attribute(attributes, "idref", id, sizeof(id)))
		add_chapter(b, id);
	return properties_handler.start(&b->properties, name, attributes);
}

static int package_end(void *data, const char *name)
{
	struct book *b = data;

	return properties_handler.end(&b->properties, name);
}

static int package_text(void *data, const char *text, size_t len)
{
	struct book *b = data;

	return properties_handler.text(&b->properties, text, len);
}

static int read_package(struct zip *z, const char *path, void *data)
{
	static const struct xml_handler handler = { package_start, package_end, package_text };
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
	struct book *b = data;

	if (b->packaged || !dot || strcmp(dot, ".opf") != 0 || folder >= sizeof(b->folder))
		return 0;
	b->packaged = true;
	memcpy(b->folder, path, folder);
	return zip_xml(z, &handler, b);
}

static int read_chapter(struct zip *z, const char *path, void *data)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct input in = { .name = "" };
	struct book *b = data;
	size_t i = 0;
	int r;

	while (i < b->n_chapters && (strcmp(b->chapters[i].path, path) != 0 || b->chapters[i].text.text.len))
		i++;
	if (i == b->n_chapters)
		return 0;
	r = zip_bytes(z, &bytes);
	if (r < 0 || bytes.len == 0)
		return r;
	in.data = bytes.data;
	in.len = bytes.len;
	return format_html(&in, &b->chapters[i].text);
}

static int join_chapters(struct book *b, struct document *d)
{
	struct document_mark mark = { .kind = 'h' };
	int r = 0;

	for (size_t i = 0; i < b->n_chapters && r >= 0; i++) {
		struct document *text = &b->chapters[i].text, whole = *text;

		mark.number = (uint32_t)i + 1;
		whole.marks = &mark; /* instead of lines of its source, which nobody sees */
		whole.n_marks = 1;
		r = document_join(d, &whole);
		document_done(text);
	}
	return r;
}

static int read_book(const struct input *in, struct book *b, struct document *d)
{
	struct zip z = { .d = d };
	int r = zip_foreach(&z, in, false, read_package, b);
	bool cut = !b->packaged;

	if (r >= 0 && cut)
		r = zip_foreach(&z, in, true, read_package, b);
	if (r >= 0 && b->packaged)
		r = zip_foreach(&z, in, cut, read_chapter, b);
	if (r >= 0 || r == -EFBIG)
		r = join_chapters(b, d);
	if (!b->packaged || z.damaged)
		document_say(d, d->text.len ? EXTRACT_PARTIAL : EXTRACT_FAILED, "damaged");
	return r;
}

int format_epub(const struct input *in, struct document *d)
{
	struct found found = { .d = d };
	struct book *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->properties.found = &found;
	b->properties.subjects = true;
	r = read_book(in, b, d);
	(void) book_free(b);
	found_done(&found);
	return r;
}
