/* SPDX-License-Identifier: MIT */
#include "tiers/s3/document.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"

#define OPTIONS                                                                                              \
	(XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_COMPACT)
#define TEXT_MAX 4096u

static void init_library(void)
{
	xmlInitParser();
}

/* Nothing that S3 says has a document type; what has one wants to define entities. */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
			   const xmlChar *system_id)
{
	xmlParserCtxtPtr parser = context;

	parser->wellFormed = 0;
	xmlStopParser(parser);
}

/* libxml2 goes on without some memory: what it makes then lacks a part of the answer, and looks whole. */
#if LIBXML_VERSION >= 21200
static void note_error(void *context, const xmlError *e)
#else
static void note_error(void *context, xmlError *e)
#endif
{
	if (e && e->code == XML_ERR_NO_MEMORY)
		*(bool *)context = true;
}

static xmlDocPtr read_document(const void *text, size_t len)
{
	xmlParserCtxtPtr parser = xmlNewParserCtxt();
	xmlDocPtr doc;

	if (!parser)
		return NULL;
	parser->sax->internalSubset = refuse_doctype;
	doc = xmlCtxtReadMemory(parser, text, (int)len, "answer.xml", NULL, OPTIONS);
	if (doc && !parser->wellFormed) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(parser);
	return doc;
}

bool document_is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

/* -ENOENT: a document with another root than `name`; -EBADMSG: none. The functions for errors, which libxml2 has one
 * of a thread, are somebody else's before and after. */
int document_parse(const void *text, size_t len, const char *name, xmlDocPtr *ret_doc, xmlNode **ret_root)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	xmlStructuredErrorFunc others;
	bool no_memory = false;
	xmlNode *root;
	void *context;

	(void) pthread_once(&once, init_library);
	if (len == 0 || len > DOCUMENT_MAX)
		return -EBADMSG;
	others = xmlStructuredError;
	context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(&no_memory, note_error);
	doc = read_document(text, len);
	xmlSetStructuredErrorFunc(context, others);
	if (no_memory)
		return -ENOMEM;
	root = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!root)
		return -EBADMSG;
	if (!document_is(root, name))
		return -ENOENT;
	*ret_doc = steal_ptr(&doc);
	*ret_root = root;
	return 0;
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
	xmlNode *n = parent ? parent->children : NULL;

	while (n && !document_is(n, name))
		n = n->next;
	return n;
}

/* Text that stands directly in an element; NULL without memory. */
static char *text_of(const xmlNode *n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (n = n ? n->children : NULL; n; n = n->next)
		if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && n->content &&
		    (out.len > TEXT_MAX || buf_add_str(&out, (const char *)n->content) < 0))
			return NULL;
	if (!buf_cstr(&out))
		return NULL;
	return (char *)steal_ptr(&out.data);
}

char *document_text(const xmlNode *parent, const char *name)
{
	return text_of(child(parent, name));
}
