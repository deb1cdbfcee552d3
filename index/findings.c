/* SPDX-License-Identifier: MIT */
#include "index/findings.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/found.h"

/* Tags and fields of a document: a batch has room for them. */
#define FINDINGS_MAX 512u
#define VALUE_MAX_OF_NOTES 96u

static bool is_one_of(const char *name, const char *const list[])
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list != NULL;
}

/* Many files have the same value, or somebody looks for one by it. */
static bool is_kept(const char *name)
{
	static const char *const kept[] = {
		"album", "artist", "author", "bcc", "camera", "category", "cc", "company", "created", "creator", "date",
		"from", "genre", "isbn", "lang", "language", "location", "make", "message-id", "model", "organization", "pages", "project",
		"publisher", "rating", "series", "status", "subject", "to", "topic", "type", "year", NULL
	};

	return is_one_of(name, kept);
}

/* They are long, or there already as tags or by another way. */
static bool is_left_out(const char *name)
{
	static const char *const out[] = { "abstract", "aliases", "description", "keywords", "summary",
					   "tag", "tags", "title", NULL };

	return is_one_of(name, out);
}

static bool is_note(const char *mime)
{
	static const char *const notes[] = { "text/markdown", "text/x-org", "text/org", NULL };

	return is_one_of(mime, notes);
}

static bool wants(const struct document *d, const char *name, const char *value)
{
	return is_kept(name) ||
	       (is_note(d->mime) && !is_left_out(name) && strlen(value) <= VALUE_MAX_OF_NOTES);
}

static int add_text(struct buf *to, const char *text)
{
	return buf_add(to, text, strlen(text) + 1);
}

/* The extractor's word: each text has its NUL. */
static int sort_out(const struct document *d, struct buf *tags, struct buf *fields)
{
	const char *at = (const char *)d->fields.data, *end = at + d->fields.len;
	unsigned left = FINDINGS_MAX;
	int r = 0;

	while (at < end && r >= 0 && left > 0) {
		const char *name = at, *value = name + strlen(name) + 1;

		at = value + strlen(value) + 1;
		if (strcmp(name, "tags") == 0) {
			r = add_text(tags, value);
			left--;
		} else if (wants(d, name, value)) {
			r = add_text(fields, name);
			if (r >= 0)
				r = add_text(fields, value);
			left--;
		}
	}
	return r;
}

static const char *text_of(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

int findings_keep(struct catalog *c, const struct inode *i, const struct document *d)
{
	_cleanup_buf_ struct buf tags = BUF_INIT, fields = BUF_INIT;
	struct found f = { .links = text_of(&d->links), .links_len = d->links.len };
	int r = sort_out(d, &tags, &fields);

	if (r < 0)
		return r;
	f.tags = text_of(&tags);
	f.tags_len = tags.len;
	f.fields = text_of(&fields);
	f.fields_len = fields.len;
	r = tree_set_found(c, i->ino, i->content_lsn, &f);
	return r == -EBADMSG ? 0 : r;
}
