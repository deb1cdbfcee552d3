/* SPDX-License-Identifier: MIT */
/* A document of any kind, but the text of PDFs, through our own code and the libraries below it; what comes
 * out must be what the daemon accepts. Input: 1 byte that picks a name, then the document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/extract/formats.h"
#include "index/extract/mail.h"
#include "index/extract/pdf_links.h"
#include "index/extract/result.h"
#include "index/extract/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int (*const formats[])(const struct input *, struct document *) = {
	format_text,  format_markdown, format_html, format_docx, format_plain, format_mail,
	format_image, format_odf,      format_epub, pdf_links,   format_org,
};

static void check_round_trip(const struct document *d)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct document back;

	if (result_encode(d, &out) < 0)
		return;
	if (result_decode(out.data + 4, out.len - 4, &back) < 0 || back.text.len != d->text.len ||
	    back.n_marks != d->n_marks || back.fields.len != d->fields.len || back.links.len != d->links.len)
		abort();
	document_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool warm;
	struct input in = { .name = "a.md", .pdf_text = -1, .pdf_errors = -1 };
	struct document d = { 0 };

	if (len == 0)
		return 0;
	if (!warm) {
		xml_warm();
		mail_warm();
	}
	warm = true;
	in.data = data + 1;
	in.len = len - 1;
	if (formats[data[0] % ARRAY_SIZE(formats)](&in, &d) >= 0)
		check_round_trip(&d);
	document_done(&d);
	return 0;
}
