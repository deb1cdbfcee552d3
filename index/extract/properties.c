/* SPDX-License-Identifier: MIT */
#include "index/extract/properties.h"

#include "base/cleanup.h"
#include "index/extract/sink.h"

#define VALUE_MAX 4096

void properties_done(struct properties *p)
{
	buf_done(&p->value);
}

static int start(void *data, const char *name, void *attributes)
{
	static const char *const known[][2] = {
		{ "title", "title" },
		{ "creator", "author" },
		{ "initial-creator", "author" },
		{ "keywords", "keywords" },
		{ "keyword", "keywords" },
		{ "subject", "subject" },
		{ "description", "description" },
		{ "created", "created" },
		{ "creation-date", "created" },
		{ "modified", "modified" },
		{ "date", "date" },
		{ "language", "language" },
		{ "category", "category" },
		{ "publisher", "publisher" },
	};
	struct properties *p = data;

	p->field = NULL;
	buf_reset(&p->value);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i][0]) == 0) {
			p->element = known[i][0];
			p->field = known[i][1];
		}
	}
	return 0;
}

static int text(void *data, const char *text, size_t len)
{
	struct properties *p = data;

	return p->field && p->value.len < VALUE_MAX ? buf_add(&p->value, text, len) : 0;
}

static int add(struct properties *p, struct span value)
{
	struct document *d = p->found->d;
	int r = 0;

	if (strcmp(p->element, "keywords") == 0)
		r = found_tags(p->found, value, ",;");
	else if (strcmp(p->element, "keyword") == 0 || (p->subjects && strcmp(p->element, "subject") == 0))
		r = found_tag(p->found, value);
	if (strcmp(p->field, "language") == 0 && !d->lang[0])
		document_set(d->lang, sizeof(d->lang), value.at, span_len(value));
	if (strcmp(p->field, "title") != 0)
		return r < 0 ? r : found_field(p->found, p->field, value);
	if (!d->title[0])
		document_set(d->title, sizeof(d->title), value.at, span_len(value));
	return r;
}

static int end(void *data, const char *name)
{
	struct properties *p = data;
	struct span value = { (char *)p->value.data, (char *)p->value.data + p->value.len };
	int r = p->field ? add(p, value) : 0;

	p->field = NULL;
	return r;
}

const struct xml_handler properties_handler = { start, end, text };
