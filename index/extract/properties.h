/* SPDX-License-Identifier: MIT */
/* What office documents and books say of themselves in elements of Dublin Core and their own. */
#pragma once

#include "base/buf.h"
#include "index/extract/found.h"
#include "index/extract/xml.h"

struct properties {
	struct found *found; /* borrowed */
	bool subjects;       /* a subject is a tag, as books have it */
	const char *element; /* the one we are in, of those that are kept */
	const char *field;   /* where it goes */
	struct buf value;    /* owned */
};
void properties_done(struct properties *p);

/* For a struct properties. */
extern const struct xml_handler properties_handler;
