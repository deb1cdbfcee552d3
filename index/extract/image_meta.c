/* SPDX-License-Identifier: MIT */
/* Exif by libexif, XMP (ISO 16684-1) by libxml2, and the records of IPTC's Information Interchange Model,
 * which are too simple for a library: byte 0x1c, record, data set, length (two bytes, big-endian), value. */
#include "base/cleanup.h" /* before libexif, which replaces MIN and MAX */

#include <errno.h>
#include <libexif/exif-data.h>

#include "base/utf8.h"
#include "index/extract/decode.h"
#include "index/extract/image.h"
#include "index/extract/sink.h"
#include "index/extract/xml.h"

#define EXIF_MAX  65000 /* what libexif takes at once */
#define XMP_MAX   (4u << 20)
#define VALUE_MAX 4096

int image_field(struct image *i, const char *name, struct span value)
{
	const struct buf *fields = &i->d->fields;

	for (size_t at = 0; at < fields->len;) {
		const char *n = (const char *)fields->data + at;

		if (strcmp(n, name) == 0)
			return 0;
		at += strlen(n) + 1;
		at += strlen((const char *)fields->data + at) + 1;
	}
	return document_field(i->d, name, value.at, span_len(value));
}

/* "2024:03:18 09:15:00" as other documents have it. */
static void write_date(char *text)
{
	if (strlen(text) < 19 || text[4] != ':' || text[7] != ':' || text[10] != ' ')
		return;
	text[4] = text[7] = '-';
	text[10] = 'T';
}

static int add_exif(struct image *i, ExifEntry *entry, const char *name)
{
	char text[VALUE_MAX];

	if (!entry || !exif_entry_get_value(entry, text, sizeof(text)))
		return 0;
	if (strcmp(name, "tags") == 0)
		return found_tags(&i->found, span_of(text), ",;");
	if (strcmp(name, "title") == 0 && !i->d->title[0])
		document_set(i->d->title, sizeof(i->d->title), text, strlen(text));
	if (strcmp(name, "title") == 0)
		return 0;
	if (strcmp(name, "date") == 0)
		write_date(text);
	return image_field(i, name, span_of(text));
}

static int add_entries(struct image *i, ExifData *exif)
{
	static const struct {
		ExifIfd ifd;
		ExifTag tag;
		const char *name;
	} kept[] = {
		{ EXIF_IFD_0, EXIF_TAG_MAKE, "make" },
		{ EXIF_IFD_0, EXIF_TAG_MODEL, "model" },
		{ EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, "date" },
		{ EXIF_IFD_0, EXIF_TAG_DATE_TIME, "date" },
		{ EXIF_IFD_0, EXIF_TAG_ARTIST, "author" },
		{ EXIF_IFD_0, EXIF_TAG_IMAGE_DESCRIPTION, "description" },
		{ EXIF_IFD_0, EXIF_TAG_XP_TITLE, "title" },
		{ EXIF_IFD_0, EXIF_TAG_XP_KEYWORDS, "tags" },
	};
	int r = 0;

	for (size_t n = 0; n < ARRAY_SIZE(kept) && r >= 0; n++)
		r = add_exif(i, exif_content_get_entry(exif->ifd[kept[n].ifd], kept[n].tag), kept[n].name);
	return r;
}

/* The other two notations lie within the first when the file is a TIFF. */
static int add_packets(struct image *i, ExifData *exif)
{
	ExifEntry *xmp = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_XML_PACKET),
		  *iptc = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_IPTC_NAA);
	int r = xmp ? image_xmp(i, xmp->data, xmp->size) : 0;

	return iptc && r >= 0 ? image_iptc(i, iptc->data, iptc->size) : r;
}

int image_exif(struct image *i, const uint8_t *tiff, size_t len)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	ExifData *exif;
	int r = buf_add(&blob, "Exif\0\0", 6);

	if (r >= 0)
		r = buf_add(&blob, tiff, MIN(len, (size_t)EXIF_MAX));
	if (r < 0)
		return r;
	exif = exif_data_new();
	if (!exif)
		return -ENOMEM;
	exif_data_unset_option(exif, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
	exif_data_load_data(exif, blob.data, (unsigned)blob.len);
	r = add_entries(i, exif);
	if (r >= 0)
		r = add_packets(i, exif);
	exif_data_unref(exif);
	return r;
}

struct xmp {
	struct image *image;  /* borrowed */
	const char *property; /* the one we are in, of those that are kept */
	unsigned depth;       /* within it */
	struct buf value;     /* owned */
};

static int xmp_start(void *data, const char *name, void *attributes)
{
	static const char *const kept[] = { "subject", "title", "description", "creator" };
	struct xmp *x = data;

	buf_reset(&x->value);
	if (x->property) {
		x->depth++;
		return 0;
	}
	for (size_t n = 0; n < ARRAY_SIZE(kept); n++)
		if (strcmp(name, kept[n]) == 0)
			x->property = kept[n];
	return 0;
}

static int xmp_text(void *data, const char *text, size_t len)
{
	struct xmp *x = data;

	return x->property && x->value.len < VALUE_MAX ? buf_add(&x->value, text, len) : 0;
}

static int add_xmp(struct xmp *x)
{
	struct document *d = x->image->d;
	struct span value = { (char *)x->value.data, (char *)x->value.data + x->value.len };

	value = span_trim(value);
	if (span_len(value) == 0)
		return 0;
	if (strcmp(x->property, "subject") == 0)
		return found_tag(&x->image->found, value);
	if (strcmp(x->property, "creator") == 0)
		return image_field(x->image, "author", value);
	if (strcmp(x->property, "description") == 0)
		return image_field(x->image, "description", value);
	if (!d->title[0])
		document_set(d->title, sizeof(d->title), value.at, span_len(value));
	return 0;
}

static int xmp_end(void *data, const char *name)
{
	struct xmp *x = data;
	int r = x->property ? add_xmp(x) : 0;

	buf_reset(&x->value);
	if (x->depth > 0)
		x->depth--;
	else
		x->property = NULL;
	return r;
}

int image_xmp(struct image *i, const void *packet, size_t len)
{
	static const struct xml_handler handler = { xmp_start, xmp_end, xmp_text };
	struct xmp x = { .image = i };
	struct xml_reader *reader;
	int r;

	if (len > XMP_MAX)
		return 0;
	r = xml_new(&handler, &x, &reader);
	if (r < 0)
		return r;
	r = xml_feed(reader, packet, len);
	if (r >= 0)
		r = xml_finish(reader);
	(void) xml_free(reader);
	buf_done(&x.value);
	return r == -EBADMSG ? 0 : r;
}

static int add_keyword(struct image *i, const uint8_t *at, size_t len)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = utf8_valid(at, len) ? buf_add(&text, at, len)
				    : decode_text(at, len, "WINDOWS-1252", VALUE_MAX, &text);

	return r < 0 ? r
		     : found_tag(&i->found, (struct span){ (char *)text.data, (char *)text.data + text.len });
}

int image_iptc(struct image *i, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	int r = 0;

	while (end - at >= 5 && at[0] == 0x1c && r >= 0) {
		size_t size = (size_t)at[3] << 8 | at[4];

		if (size > (size_t)(end - at) - 5) /* also when the length itself is longer: no keyword is */
			break;
		if (at[1] == 2 && at[2] == 25)
			r = add_keyword(i, at + 5, size);
		at += 5 + size;
	}
	return r;
}
