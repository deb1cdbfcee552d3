/* SPDX-License-Identifier: MIT */
/* Where metadata lies: in segments before the picture of a JPEG (ITU T.81, annex B), chunks of a PNG (W3C
 * PNG, sections 5 and 11), and the first directory of a TIFF. A cut file tells what its beginning does. */
#include "index/extract/image.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/extract/formats.h"
#include "index/extract/sink.h"

#define CHUNKS_MAX 10000

static const char exif_mark[] = "Exif\0", xmp_mark[] = "http://ns.adobe.com/xap/1.0/",
		  photoshop_mark[] = "Photoshop 3.0";

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

/* Image resources of Photoshop, of which one is IPTC's: "8BIM", number, name, length, bytes. */
static int read_photoshop(struct image *i, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	int r = 0;

	while (end - at >= 12 && memcmp(at, "8BIM", 4) == 0 && r >= 0) {
		size_t name = (at[6] + 2u) & ~1u, size;
		uint16_t number = be16(at + 4);

		if ((size_t)(end - at) < 10 + name)
			break;
		size = be32(at + 6 + name);
		at += 10 + name;
		if (size > (size_t)(end - at))
			break;
		if (number == 0x404)
			r = image_iptc(i, at, size);
		at += MIN(size + (size & 1), (size_t)(end - at));
	}
	return r;
}

static bool has_mark(const uint8_t *at, size_t len, const char *mark, size_t mark_len)
{
	return len > mark_len && memcmp(at, mark, mark_len) == 0;
}

static int read_segment(struct image *i, uint8_t marker, const uint8_t *at, size_t len)
{
	if (marker == 0xe1 && has_mark(at, len, exif_mark, sizeof(exif_mark)))
		return image_exif(i, at + sizeof(exif_mark), len - sizeof(exif_mark));
	if (marker == 0xe1 && has_mark(at, len, xmp_mark, sizeof(xmp_mark)))
		return image_xmp(i, at + sizeof(xmp_mark), len - sizeof(xmp_mark));
	if (marker == 0xed && has_mark(at, len, photoshop_mark, sizeof(photoshop_mark)))
		return read_photoshop(i, at + sizeof(photoshop_mark), len - sizeof(photoshop_mark));
	return 0;
}

static int read_jpeg(struct image *i, const uint8_t *at, const uint8_t *end)
{
	int r = 0;

	for (at += 2; end - at >= 4 && at[0] == 0xff && r >= 0;) {
		uint8_t marker = at[1];
		size_t len = be16(at + 2);

		if (marker == 0xff) { /* may be repeated */
			at++;
			continue;
		}
		if (marker == 0xda || marker == 0xd9 || len < 2 || len > (size_t)(end - at - 2))
			break;
		r = read_segment(i, marker, at + 4, len - 2);
		at += 2 + len;
	}
	return r;
}

/* A text of a PNG under one of the keywords that its standard names. */
static int add_text(struct image *i, const char *keyword, struct span text)
{
	static const char *const fields[][2] = { { "Author", "author" },
						 { "Description", "description" },
						 { "Creation Time", "date" } };

	if (strcmp(keyword, "XML:com.adobe.xmp") == 0)
		return image_xmp(i, text.at, span_len(text));
	if (strcmp(keyword, "Keywords") == 0)
		return found_tags(&i->found, text, ",;");
	if (strcmp(keyword, "Title") == 0 && !i->d->title[0])
		document_set(i->d->title, sizeof(i->d->title), text.at, span_len(text));
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++)
		if (strcmp(keyword, fields[n][0]) == 0)
			return image_field(i, fields[n][1], text);
	return 0;
}

/* "keyword", NUL, and with iTXt: compressed?, how, "language", NUL, "translated keyword", NUL; then the text.
 */
static int read_text(struct image *i, const char *at, size_t len, bool international)
{
	struct span text = { at, at + len };
	unsigned strings = international ? 2 : 0;

	text.at = span_find(text, '\0');
	if (text.at == text.end || (international && (text.end - text.at < 4 || text.at[1] != 0)))
		return 0;
	for (text.at += international ? 3 : 1; strings > 0; strings--) {
		text.at = span_find(text, '\0');
		if (text.at == text.end)
			return 0;
		text.at++;
	}
	return add_text(i, at, text);
}

static int read_png(struct image *i, const uint8_t *at, const uint8_t *end)
{
	int r = 0;

	at += 8;
	for (unsigned n = 0; n < CHUNKS_MAX && end - at >= 12 && r >= 0; n++) {
		uint32_t len = be32(at);
		const char *type = (const char *)at + 4, *data = type + 4;

		if (len > (size_t)(end - at) - 12)
			break;
		if (memcmp(type, "eXIf", 4) == 0)
			r = image_exif(i, (const uint8_t *)data, len);
		else if (memcmp(type, "tEXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0)
			r = read_text(i, data, len, *type == 'i');
		at += 12 + len;
	}
	return r;
}

int format_image(const struct input *in, struct document *d)
{
	struct image i = { .d = d, .found = { .d = d } };
	const uint8_t *end = in->data + in->len;
	int r = 0;

	if (in->len >= 4 && memcmp(in->data, "\xff\xd8\xff", 3) == 0)
		r = read_jpeg(&i, in->data, end);
	else if (in->len >= 8 && memcmp(in->data, "\x89PNG\r\n\x1a\n", 8) == 0)
		r = read_png(&i, in->data, end);
	else if (in->len >= 8 && (memcmp(in->data, "II*\0", 4) == 0 || memcmp(in->data, "MM\0*", 4) == 0))
		r = image_exif(&i, in->data, in->len);
	found_done(&i.found);
	document_say(d, EXTRACT_SKIPPED, "unsupported");
	return r;
}
