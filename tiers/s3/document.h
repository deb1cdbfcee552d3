/* SPDX-License-Identifier: MIT */
/* XML documents by libxml2, for answer.c alone: no network, no document types, no entities but XML's own. Elements are
 * found by their local names: some servers have AWS's namespace, some none. Thread-safe. */
#pragma once

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define DOCUMENT_MAX (8u << 20)

DEFINE_CLEANUP(xmlDocPtr, xmlFreeDoc)

/* Parses `text`; the root is a part of the document. -ENOENT: the root is not a `name`. -EBADMSG: no XML, or one that is
 * refused. -ENOMEM. */
int document_parse(const void *text, size_t len, const char *name, xmlDocPtr *ret_doc, xmlNode **ret_root);
/* Whether a node is the element `name`. */
bool document_is(const xmlNode *n, const char *name);
/* The text that stands directly in the first child `name`, owned by the caller; "" when there is none. NULL: no memory,
 * or more than 4096 bytes. */
char *document_text(const xmlNode *parent, const char *name);
