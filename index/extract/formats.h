/* SPDX-License-Identifier: MIT */
/* One function a kind of document. Each fills `ret_d` and returns 0, or -ENOMEM; what is wrong with
 * the document is in its status. They run in the sandbox and may crash or loop on hostile input only as
 * far as the libraries below them do. */
#pragma once

#include "index/extract/extract.h"

struct input {
	const char *name;    /* last component, "" when unknown */
	const uint8_t *data; /* borrowed */
	size_t len;
	int pdf_text; /* pdftotext's output and messages, -1 without one; only format_pdf() reads them */
	int pdf_errors;
};

/* Recognises the document and calls one of the others. */
int format_any(const struct input *in, struct document *ret_d);
/* Loads what recognition needs. */
int format_warm(void);

/* For shared workers. What kind it is, by its beginning, without reading the text: see EXTRACT_TELL_KIND. */
int format_kind(const struct input *in, struct document *ret_d);
/* By name alone: plain text, Markdown or Org. */
int format_plain(const struct input *in, struct document *ret_d);

int format_text(const struct input *in, struct document *ret_d);
int format_markdown(const struct input *in, struct document *ret_d);
int format_org(const struct input *in, struct document *ret_d);
int format_html(const struct input *in, struct document *ret_d);
int format_pdf(const struct input *in, struct document *ret_d);
int format_docx(const struct input *in, struct document *ret_d);
int format_odf(const struct input *in, struct document *ret_d);
int format_epub(const struct input *in, struct document *ret_d);
int format_mail(const struct input *in, struct document *ret_d);
/* Fields and tags only: it is SKIPPED all the same. */
int format_image(const struct input *in, struct document *ret_d);
