/* SPDX-License-Identifier: MIT */
/* Kinds of documents, and what a name alone says about them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
	KIND_UNKNOWN, /* the name says nothing */
	KIND_TEXT,
	KIND_MARKDOWN,
	KIND_ORG,
	KIND_HTML,
	KIND_PDF,
	KIND_DOCX,
	KIND_ODF,
	KIND_EPUB,
	KIND_MAIL,
	KIND_IMAGE, /* told by its bytes only */
	KIND_FOREIGN, /* known, and not read */
};

/* The kind that `name` promises, by its ending or whole, and its MIME type. */
enum kind kind_of_name(const char *name, const char **ret_mime);

/* Does the name leave open what kind this is, or promise one that is not read? */
bool kind_is_open(const char *name);
/* May this be given to the shared worker for texts: plain text, Markdown or Org by its name, and no sign of
 * anything else in its first bytes? */
bool kind_is_plain(const char *name, const void *data, size_t len);
