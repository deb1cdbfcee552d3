/* SPDX-License-Identifier: MIT */
#include "index/extract/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct xml_reader {
	struct xml_handler handler;
	void *data;              /* borrowed, for the handler */
	xmlParserCtxtPtr parser; /* owned */
	int error;
};

struct attributes {
	const xmlChar **at;
	int n;
};

void xml_ignore_error(void *data, const char *format, ...)
{
}

static xmlParserInputPtr refuse_entity(const char *url, const char *id, xmlParserCtxtPtr parser)
{
	return NULL;
}

void xml_warm(void)
{
	xmlInitParser();
	xmlSetExternalEntityLoader(refuse_entity);
	xmlSetGenericErrorFunc(NULL, xml_ignore_error);
}

static void check(struct xml_reader *x, int error)
{
	if (error >= 0 || x->error < 0)
		return;
	x->error = error;
	xmlStopParser(x->parser);
}

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_spaces,
		     const xmlChar **spaces, int n, int n_default, const xmlChar **attributes)
{
	struct xml_reader *x = data;
	struct attributes a = { attributes, n };

	check(x, x->handler.start(x->data, (const char *)name, &a));
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_reader *x = data;

	check(x, x->handler.end(x->data, (const char *)name));
}

static void on_text(void *data, const xmlChar *text, int len)
{
	struct xml_reader *x = data;

	if (len > 0)
		check(x, x->handler.text(x->data, (const char *)text, (size_t)len));
}

static xmlEntityPtr on_entity(void *data, const xmlChar *name)
{
	return xmlGetPredefinedEntity(name);
}

int xml_new(const struct xml_handler *handler, void *data, struct xml_reader **ret_x)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.ignorableWhitespace = on_text,
		.getEntity = on_entity,
		.warning = xml_ignore_error,
		.error = xml_ignore_error,
		.fatalError = xml_ignore_error,
	};
	struct xml_reader *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->handler = *handler;
	x->data = data;
	x->parser = xmlCreatePushParserCtxt(&sax, x, NULL, 0, NULL);
	if (!x->parser) {
		free(x);
		return -ENOMEM;
	}
	(void) xmlCtxtUseOptions(x->parser, XML_PARSE_RECOVER | XML_PARSE_NONET | XML_PARSE_NOERROR |
						   XML_PARSE_NOWARNING);
	*ret_x = x;
	return 0;
}

struct xml_reader *xml_free(struct xml_reader *x)
{
	if (!x)
		return NULL;
	if (x->parser->myDoc)
		xmlFreeDoc(x->parser->myDoc);
	xmlFreeParserCtxt(x->parser);
	free(x);
	return NULL;
}

static int feed(struct xml_reader *x, const void *chunk, size_t len, int last)
{
	int code = xmlParseChunk(x->parser, chunk, (int)len, last);

	if (x->error < 0)
		return x->error;
	if (code == XML_ERR_NO_MEMORY)
		return -ENOMEM;
	return last && !x->parser->wellFormed ? -EBADMSG : 0;
}

int xml_feed(struct xml_reader *x, const void *chunk, size_t len)
{
	return feed(x, chunk, len, 0);
}

int xml_finish(struct xml_reader *x)
{
	return feed(x, NULL, 0, 1);
}

const char *xml_attribute(void *attributes, const char *name, char *ret, size_t size)
{
	const struct attributes *a = attributes;

	for (int i = 0; i < a->n; i++) {
		const xmlChar **five = a->at + 5 * i; /* local name, prefix, URI, value, its end */
		size_t len = MIN((size_t)(five[4] - five[3]), size - 1);

		if (strcmp((const char *)five[0], name) != 0)
			continue;
		memcpy(ret, five[3], len);
		ret[len] = '\0';
		return ret;
	}
	return NULL;
}
