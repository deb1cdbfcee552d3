/* SPDX-License-Identifier: MIT */
/* What was found in a document, in a line: "#tag; form verb target; ..", tags first. */
#pragma once

#include "base/cleanup.h"
#include "index/extract/extract.h"
#include "tests/unit/check.h"

static inline const char *string_at(const struct buf *b, size_t at)
{
	return (const char *)b->data + at;
}

static inline bool has_field(const struct document *d, const char *name, const char *value)
{
	for (size_t at = 0; at < d->fields.len;) {
		const char *n = string_at(&d->fields, at), *v = n + strlen(n) + 1;

		if (strcmp(n, name) == 0 && strcmp(v, value) == 0)
			return true;
		at += strlen(n) + strlen(v) + 2;
	}
	return false;
}

static inline int describe_tags(const struct document *d, struct buf *out)
{
	int r = 0;

	for (size_t at = 0; at < d->fields.len && r >= 0;) {
		const char *name = string_at(&d->fields, at), *value = name + strlen(name) + 1;

		if (strcmp(name, "tags") == 0)
			r = buf_addf(out, "%s#%s", out->len ? "; " : "", value);
		at += strlen(name) + strlen(value) + 2;
	}
	return r;
}

static inline int describe_links(const struct document *d, struct buf *out)
{
	int r = 0;

	for (size_t at = 0; at < d->links.len && r >= 0;) {
		const char *verb = string_at(&d->links, at) + 1, *target = verb + strlen(verb) + 1;

		r = buf_addf(out, "%s%c %s %s", out->len ? "; " : "", verb[-1], verb, target);
		at += 1 + strlen(verb) + strlen(target) + 2;
	}
	return r;
}

static inline void check_document(int line, const struct document *d, const char *source, size_t len,
				  const char *want)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	CHECK_EQ(describe_tags(d, &got), 0);
	CHECK_EQ(describe_links(d, &got), 0);
	if (strcmp(buf_cstr(&got), want) == 0)
		return;
	fprintf(stderr, "line %d: \"%.*s\":\n  has   %s\n  wants %s\n", line, (int)len, source,
		buf_cstr(&got), want);
	check_failures++;
}

static inline void extract(struct extractor *e, const char *name, const void *data, size_t len,
			   struct document *d)
{
	memset(d, 0, sizeof(*d));
	CHECK_EQ(extractor_run(e, name, data, len, 5, d), 0);
}
