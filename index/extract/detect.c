/* SPDX-License-Identifier: MIT */
/* What kind a document is: libmagic's opinion of the bytes first, then the name, which knows better among
 * the kinds of text: no bytes tell reStructuredText from prose. */
#include <errno.h>
#include <magic.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "index/extract/decode.h"
#include "index/extract/formats.h"
#include "index/extract/kinds.h"
#include "index/extract/mail.h"
#include "index/extract/protocol.h"
#include "index/extract/sink.h"

#define DOCX_MIME "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

static magic_t magic;

int format_warm(void)
{

	magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
	if (!magic)
		return -ENOMEM;
	if (magic_load(magic, NULL) < 0)
		return -ENOENT;
	(void) magic_buffer(magic, "warm", 4);
	decode_warm();
	mail_warm();
	return 0;
}

static bool is_one_of(const char *mime, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(mime, *list) == 0)
			return true;
	return false;
}

/* Text in form, but with a structure of its own that is not read yet. */
static bool is_foreign_text(const char *mime)
{
	static const char *const list[] = { "application/mbox",       "text/rtf",
					    "application/rtf",        "text/troff",
					    "text/x-troff",           "image/svg+xml",
					    "application/postscript", NULL };

	return is_one_of(mime, list);
}

static bool is_text(const char *mime)
{
	static const char *const list[] = { "application/json",          "application/x-ndjson",
					    "application/javascript",    "application/xml",
					    "application/sql",           "application/x-wine-extension-ini",
					    "application/x-setupscript", "application/x-yaml",
					    "application/toml",          "application/x-bytecode.python-text",
					    "application/csv",           "message/x-gnu-rmail",
					    "application/x-subrip",      "application/pgp-keys",
					    "application/pgp-signature", NULL };

	return strncmp(mime, "text/", 5) == 0 || is_one_of(mime, list);
}

/* A mail without a signature that libmagic knows: its first line is "From " or a header, and one of the
 * headers that every mail has is among the first. */
static bool is_mail(const struct input *in)
{
	static const char *const headers[] = { "\nReceived:", "\nMessage-ID:", "\nReturn-Path:",
					       "\nDelivered-To:" };
	size_t n = MIN(in->len, 2048ul), name = 0;
	char head[2050];

	head[0] = '\n';
	memcpy(head + 1, in->data, n);
	head[n + 1] = '\0';
	while (name < n &&
	       (head[1 + name] == '-' || ((head[1 + name] | 0x20) >= 'a' && (head[1 + name] | 0x20) <= 'z')))
		name++;
	if (strncmp(head + 1, "From ", 5) != 0 && (name == 0 || head[1 + name] != ':'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (strcasestr(head, headers[i]))
			return true;
	return false;
}

/* libmagic calls a text a mail for a word at its beginning. */
static bool is_mail_type(const char *mime)
{
	static const char *const list[] = { "message/rfc822", "message/news", "text/x-mail", NULL };

	return is_one_of(mime, list);
}

/* Text by its bytes; which kind is the name's to say. */
static enum kind choose_text(const struct input *in, const char *mime, enum kind named)
{
	if (named == KIND_FOREIGN)
		return KIND_FOREIGN;
	if (strcmp(mime, "text/html") == 0 && !kind_is_plain(in->name, in->data, in->len))
		return KIND_HTML;
	if (named == KIND_TEXT || named == KIND_MARKDOWN || named == KIND_ORG || named == KIND_HTML ||
	    named == KIND_MAIL)
		return named;
	if (!is_mail(in))
		return KIND_TEXT;
	return memcmp(in->data, "From ", 5) == 0 ? KIND_FOREIGN : KIND_MAIL; /* a mailbox has more than one */
}

static bool is_zip(const struct input *in)
{
	return in->len >= 4 && memcmp(in->data, "PK\003\004", 4) == 0;
}

static bool is_image(const char *mime)
{
	static const char *const list[] = { "image/jpeg", "image/png", "image/tiff", NULL };

	return is_one_of(mime, list);
}

static bool is_odf(const char *mime)
{
	static const char *const list[] = { "application/vnd.oasis.opendocument.text",
					    "application/vnd.oasis.opendocument.text-template",
					    "application/vnd.oasis.opendocument.spreadsheet",
					    "application/vnd.oasis.opendocument.spreadsheet-template",
					    "application/vnd.oasis.opendocument.presentation",
					    "application/vnd.oasis.opendocument.presentation-template",
					    NULL };

	return is_one_of(mime, list);
}

static enum kind choose(const struct input *in, const char *mime, enum kind named)
{
	if (is_image(mime))
		return KIND_IMAGE;
	if (strcmp(mime, "application/pdf") == 0)
		return KIND_PDF;
	if (strcmp(mime, DOCX_MIME) == 0 || (named == KIND_DOCX && is_zip(in)))
		return KIND_DOCX;
	if (strcmp(mime, "application/epub+zip") == 0 || (named == KIND_EPUB && is_zip(in)))
		return KIND_EPUB;
	if (is_odf(mime) || (named == KIND_ODF && is_zip(in)))
		return KIND_ODF;
	if (is_mail_type(mime))
		return kind_is_plain(in->name, in->data, in->len) ? named : KIND_MAIL;
	if (is_foreign_text(mime))
		return kind_is_plain(in->name, in->data, in->len) ? named : KIND_FOREIGN;
	if (is_text(mime))
		return choose_text(in, mime, named);
	if (strcmp(mime, "application/octet-stream") == 0 && !decode_is_binary(in->data, in->len))
		return choose_text(in, mime, named);
	return KIND_FOREIGN;
}

/* Where name and first bytes agree there is nothing to ask libmagic, which takes longer than most texts. */
static enum kind kind_by_sight(const struct input *in, enum kind named)
{
	static const char *const html[] = { "<!doctype html", "<html" };

	if (named == KIND_PDF && in->len > 5 && memcmp(in->data, "%PDF-", 5) == 0)
		return KIND_PDF;
	for (size_t i = 0; named == KIND_HTML && i < ARRAY_SIZE(html); i++)
		if (in->len > strlen(html[i]) &&
		    strncasecmp((const char *)in->data, html[i], strlen(html[i])) == 0)
			return KIND_HTML;
	return KIND_UNKNOWN;
}

static void say_foreign(struct document *d)
{
	const char *why = "unsupported";

	if (strcmp(d->mime, "application/encrypted") == 0)
		why = "encrypted";
	if (strcmp(d->mime, "application/octet-stream") == 0)
		why = "binary";
	document_say(d, EXTRACT_SKIPPED, why);
}

static int call(enum kind kind, const struct input *in, struct document *d)
{
	switch (kind) {
	case KIND_TEXT:
		return format_text(in, d);
	case KIND_MARKDOWN:
		return format_markdown(in, d);
	case KIND_ORG:
		return format_org(in, d);
	case KIND_HTML:
		return format_html(in, d);
	case KIND_PDF:
		return format_pdf(in, d);
	case KIND_DOCX:
		return format_docx(in, d);
	case KIND_ODF:
		return format_odf(in, d);
	case KIND_EPUB:
		return format_epub(in, d);
	case KIND_MAIL:
		return format_mail(in, d);
	case KIND_IMAGE:
		return format_image(in, d);
	default:
		say_foreign(d);
		return 0;
	}
}

static void set_mime(struct document *d, const char *mime)
{
	document_set(d->mime, sizeof(d->mime), mime, strlen(mime));
}

/* Sets the MIME type, too. */
static enum kind recognise(const struct input *in, struct document *d)
{
	const char *mime = "application/octet-stream", *named_mime = NULL, *found;
	enum kind named = kind_of_name(in->name, &named_mime), kind;

	kind = kind_by_sight(in, named);
	if (kind == KIND_UNKNOWN) {
		found = magic_buffer(magic, in->data, MIN(in->len, (size_t)EXTRACT_KIND_BYTES));
		mime = found ? found : mime;
		kind = choose(in, mime, named);
	}
	if (kind == KIND_MAIL)
		mime = "message/rfc822";
	set_mime(d, kind == KIND_DOCX ? DOCX_MIME : named_mime && kind == named ? named_mime : mime);
	return kind;
}

int format_any(const struct input *in, struct document *d)
{
	if (in->len > 0)
		return call(recognise(in, d), in, d);
	set_mime(d, EXTRACT_EMPTY_MIME);
	return 0;
}

int format_kind(const struct input *in, struct document *d)
{
	switch (recognise(in, d)) {
	case KIND_TEXT:
		document_set(d->why, sizeof(d->why), EXTRACT_IS_PLAIN, strlen(EXTRACT_IS_PLAIN));
		break;
	case KIND_UNKNOWN:
	case KIND_FOREIGN:
		say_foreign(d);
		break;
	case KIND_IMAGE: /* what it says of itself stands at its beginning */
		return format_image(in, d);
	default:
		break;
	}
	return 0;
}

int format_plain(const struct input *in, struct document *d)
{
	const char *mime = "text/plain";
	enum kind kind = kind_of_name(in->name, &mime);

	set_mime(d, in->len ? mime : EXTRACT_EMPTY_MIME);
	if (kind == KIND_ORG)
		return format_org(in, d);
	return kind == KIND_MARKDOWN ? format_markdown(in, d) : format_text(in, d);
}
