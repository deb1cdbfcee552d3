/* SPDX-License-Identifier: MIT */
/* XML read as a stream of elements and text. No document type, no entity but the five predefined, no
 * file and no network: what such a document asks for does not exist here. Depth is limited to 256. */
#pragma once

#include <stddef.h>

struct xml_handler {
	/* Local names, without prefix. `attributes`: see xml_attribute(). -errno from any ends the reading.
	 */
	int (*start)(void *data, const char *name, void *attributes);
	int (*end)(void *data, const char *name);
	int (*text)(void *data, const char *text, size_t len);
};

struct xml_reader;

void xml_warm(void);
int xml_new(const struct xml_handler *handler, void *data, struct xml_reader **ret_x);
struct xml_reader *xml_free(struct xml_reader *x);
/* What is not well-formed is passed over as well as it can be. -ENOMEM, or what a callback returned. */
int xml_feed(struct xml_reader *x, const void *chunk, size_t len);
/* The same; -EBADMSG: it was not well-formed. */
int xml_finish(struct xml_reader *x);

/* Copies the value of the attribute with this local name; returns ret, or NULL when there is none. */
const char *xml_attribute(void *attributes, const char *name, char *ret, size_t size);

void xml_ignore_error(void *data, const char *format, ...) __attribute__((format(printf, 2, 3)));
