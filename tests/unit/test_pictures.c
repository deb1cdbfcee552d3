/* SPDX-License-Identifier: MIT */
/* What pictures say of themselves, through brainy-extract and back. The program is named by $BRAINY_EXTRACT.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/found_text.h"

static struct extractor *extractor;

static const char xmp[] =
	"<?xpacket begin='' id='x'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF "
	"xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
	"<r:Description><dc:subject><r:Bag><r:li>x one</r:li><r:li>two</r:li></r:Bag></dc:subject>"
	"<dc:title><r:Alt><r:li>A "
	"view</r:li></r:Alt></dc:title><dc:creator><r:Seq><r:li>Me</r:li></r:Seq></dc:creator>"
	"</r:Description></r:RDF></x:xmpmeta>\n<?xpacket end='w'?>";

static const char iptc[] =
	"\x1c\1\x5a\0\3\x1b%G\x1c\2\x19\0\5three\x1c\2\x19\0\4K\xf6ln\x1c\2\x50\0\2Me\x1c\2\x19\xff\xff";

/* A TIFF with one directory: two texts within, and keywords in UTF-16 as Windows writes them. */
static void add_tiff(struct buf *b)
{
	static const char keywords[] = "f\0o\0u\0r\0;\0s\0i\0x\0\0\0";
	static const char date[20] = "2024:03:18 09:15:00";

	CHECK_EQ(buf_add(b, "II*\0\x08\0\0\0", 8), 0);
	CHECK_EQ(buf_add_le16(b, 3), 0);
	CHECK_EQ(buf_add(b, "\x0f\1\2\0\4\0\0\0Cam\0", 12), 0);		 /* make */
	CHECK_EQ(buf_add(b, "\x32\1\2\0\x14\0\0\0\x32\0\0\0", 12), 0);	 /* date, at 50 */
	CHECK_EQ(buf_add(b, "\x9e\x9c\1\0\x12\0\0\0\x46\0\0\0", 12), 0); /* keywords, at 70 */
	CHECK_EQ(buf_add_le32(b, 0), 0);
	CHECK_EQ(buf_add(b, date, sizeof(date)), 0);
	CHECK_EQ(buf_add(b, keywords, 18), 0);
}

static void add_segment(struct buf *b, uint8_t marker, const void *mark, size_t mark_len, const void *data,
			size_t len)
{
	uint8_t head[] = { 0xff, marker, (uint8_t)((mark_len + len + 2) >> 8),
			   (uint8_t)(mark_len + len + 2) };

	CHECK_EQ(buf_add(b, head, sizeof(head)), 0);
	CHECK_EQ(buf_add(b, mark, mark_len), 0);
	CHECK_EQ(buf_add(b, data, len), 0);
}

static void make_jpeg(struct buf *b)
{
	_cleanup_buf_ struct buf tiff = BUF_INIT, resource = BUF_INIT;

	add_tiff(&tiff);
	CHECK_EQ(buf_add(b, "\xff\xd8", 2), 0);
	add_segment(b, 0xe0, "JFIF\0", 5, "\1\1\0\0\1\0\1\0\0", 9);
	add_segment(b, 0xe1, "Exif\0", 6, tiff.data, tiff.len);
	add_segment(b, 0xe1, "http://ns.adobe.com/xap/1.0/", 29, xmp, sizeof(xmp) - 1);
	CHECK_EQ(buf_add(&resource, "8BIM\4\5\3abc\0\0\0\3xyz\0", 18), 0);
	CHECK_EQ(buf_add(&resource, "8BIM\4\4\0\0\0\0\0", 11), 0);
	CHECK_EQ(buf_add_u8(&resource, sizeof(iptc) - 1), 0);
	CHECK_EQ(buf_add(&resource, iptc, sizeof(iptc) - 1), 0);
	add_segment(b, 0xed, "Photoshop 3.0", 14, resource.data, resource.len);
	CHECK_EQ(buf_add(b, "\xff\xda\0\2picture\xff\xd9", 13), 0);
}

static void add_chunk(struct buf *b, const char *type, const void *data, size_t len)
{
	CHECK_EQ(buf_add(b, (uint8_t[]){ 0, 0, (uint8_t)(len >> 8), (uint8_t)len }, 4), 0);
	CHECK_EQ(buf_add(b, type, 4), 0);
	CHECK_EQ(buf_add(b, data, len), 0);
	CHECK_EQ(buf_add(b, "\0\0\0\0", 4), 0);
}

static void make_png(struct buf *b)
{
	_cleanup_buf_ struct buf tiff = BUF_INIT, packet = BUF_INIT;

	add_tiff(&tiff);
	CHECK_EQ(buf_add(&packet, "XML:com.adobe.xmp\0\0\0\0\0", 22), 0);
	CHECK_EQ(buf_add(&packet, xmp, sizeof(xmp) - 1), 0);
	CHECK_EQ(buf_add(b, "\x89PNG\r\n\x1a\n", 8), 0);
	add_chunk(b, "IHDR", "\0\0\0\1\0\0\0\1\x08\0\0\0\0", 13);
	add_chunk(b, "tEXt", "Keywords\0a, b c", 15);
	add_chunk(b, "tEXt", "Author\0Somebody", 15);
	add_chunk(b, "iTXt", "Title\0\0\0en\0Titel\0The t\xc3\xaftle", 28);
	add_chunk(b, "iTXt", "Keywords\0\1\0\0\0packed", 19);
	add_chunk(b, "iTXt", packet.data, packet.len);
	add_chunk(b, "eXIf", tiff.data, tiff.len);
	add_chunk(b, "IEND", "", 0);
}

static void check_picture(int line, const struct buf *b, const char *mime, const char *want,
			  struct document *ret_d)
{
	extract(extractor, "x.dat", b->data, b->len, ret_d);
	CHECK_EQ(ret_d->status, EXTRACT_SKIPPED);
	CHECK(strcmp(ret_d->why, "unsupported") == 0 && strcmp(ret_d->mime, mime) == 0);
	CHECK_EQ(ret_d->text.len, 0);
	check_document(line, ret_d, mime, strlen(mime), want);
}

static void test_jpeg(void)
{
	_cleanup_buf_ struct buf jpeg = BUF_INIT;
	_cleanup_(document_done) struct document d, kind, cut;

	make_jpeg(&jpeg);
	check_picture(__LINE__, &jpeg, "image/jpeg", "#four; #six; #x one; #two; #three; #K\xc3\xb6ln", &d);
	CHECK(has_field(&d, "make", "Cam") && has_field(&d, "date", "2024-03-18T09:15:00"));
	CHECK(has_field(&d, "author", "Me") && strcmp(d.title, "A view") == 0);
	memset(&kind, 0, sizeof(kind));
	CHECK_EQ(extractor_kind(extractor, "x.jpg", jpeg.data, jpeg.len, &kind), 0);
	check_document(__LINE__, &kind, "kind", 4, "#four; #six; #x one; #two; #three; #K\xc3\xb6ln");
	jpeg.len = 400; /* within XMP */
	check_picture(__LINE__, &jpeg, "image/jpeg", "#four; #six", &cut);
}

static void test_png(void)
{
	_cleanup_buf_ struct buf png = BUF_INIT;
	_cleanup_(document_done) struct document d;

	make_png(&png);
	check_picture(__LINE__, &png, "image/png", "#a; #b c; #x one; #two; #four; #six", &d);
	CHECK(has_field(&d, "make", "Cam") && has_field(&d, "author", "Somebody"));
	CHECK(strcmp(d.title, "The t\xc3\xaftle") == 0);
}

static void test_tiff(void)
{
	_cleanup_buf_ struct buf tiff = BUF_INIT;
	_cleanup_(document_done) struct document d;

	add_tiff(&tiff);
	check_picture(__LINE__, &tiff, "image/tiff", "#four; #six", &d);
	CHECK(has_field(&d, "make", "Cam"));
}

/* Cut anywhere it is no worse than skipped. */
static void test_cut(void)
{
	_cleanup_buf_ struct buf jpeg = BUF_INIT, png = BUF_INIT;
	struct document d;

	make_jpeg(&jpeg);
	make_png(&png);
	for (size_t i = 12; i < jpeg.len; i += 7) {
		extract(extractor, "x.dat", jpeg.data, i, &d);
		CHECK_EQ(d.status, EXTRACT_SKIPPED);
		document_done(&d);
	}
	for (size_t i = 33; i < png.len; i += 7) {
		extract(extractor, "x.dat", png.data, i, &d);
		CHECK_EQ(d.status, EXTRACT_SKIPPED);
		document_done(&d);
	}
}

int main(void)
{
	const char *program = getenv("BRAINY_EXTRACT");

	if (!program || extractor_start(program, &extractor) < 0)
		return 1;
	test_jpeg();
	test_png();
	test_tiff();
	test_cut();
	extractor = extractor_stop(extractor);
	return check_result();
}
