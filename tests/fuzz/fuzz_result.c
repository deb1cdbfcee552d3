/* SPDX-License-Identifier: MIT */
/* What a worker taken over by its document could send to the daemon. Input: an encoded document without its
 * length. What is accepted must keep the promises of extract.h. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "index/extract/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_links(const struct buf *links)
{
	const char *at = (const char *)links->data, *end = at + links->len, *verb, *target;

	for (; at < end; at = target + strlen(target) + 1) {
		verb = at + 1;
		target = verb + strlen(verb) + 1;
		if (!strchr("wpm", *at) || target >= end || !verb[0] || strlen(verb) > LINK_VERB_MAX ||
		    !target[0] || strlen(target) > LINK_TARGET_MAX || !utf8_valid(target, strlen(target)))
			abort();
	}
	if (at != end)
		abort();
}

static void check(const struct document *d)
{
	uint32_t before = 0;

	if ((d->text.len && !utf8_valid(d->text.data, d->text.len)) ||
	    !utf8_valid(d->title, strlen(d->title)) || !utf8_valid(d->lang, strlen(d->lang)) ||
	    d->status > EXTRACT_SLOW)
		abort();
	for (size_t i = 0; i < d->n_marks; i++) {
		if (d->marks[i].offset < before || d->marks[i].offset > d->text.len)
			abort();
		before = d->marks[i].offset;
	}
	if (d->fields.len && d->fields.data[d->fields.len - 1] != '\0')
		abort();
	if (d->links.len)
		check_links(&d->links);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct document d;

	if (result_decode(data, len, &d) < 0)
		return 0;
	check(&d);
	document_done(&d);
	return 0;
}
