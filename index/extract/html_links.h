/* SPDX-License-Identifier: MIT */
/* Links in HTML (HTML Living Standard, sections 2.4 and 4). */
#pragma once

#include "base/buf.h"
#include "index/extract/found.h"

struct html_links {
	struct found *found; /* borrowed */
	struct buf base;     /* owned: of <base href>, up to its last '/' */
	bool based;          /* a base was seen; the first counts */
	bool outside;        /* it lies outside of what paths can say */
};
void html_links_done(struct html_links *h);

/* Takes what the attributes of an element, pairs of name and value that NULL ends, refer to. -ENOMEM. */
int html_links_element(struct html_links *h, const char *name, const char *const *attributes);

/* The value of an attribute, NULL without it. */
const char *html_attribute(const char *const *attributes, const char *name);
/* Is what this element has within no part of the page? */
bool html_is_dropped(const char *name);

/* All of a piece of HTML. -ENOMEM. */
int html_links_read(const char *html, size_t len, struct found *f);
