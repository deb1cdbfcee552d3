/* SPDX-License-Identifier: MIT */
/* Notes of Org mode: its text as it is, and of its syntax (https://orgmode.org/worg/org-syntax.html) settings
 * of the file, tags at the end of headlines, and links in brackets that lead to files. What blocks of code
 * hold is no link. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/cleanup.h"
#include "index/extract/decode.h"
#include "index/extract/formats.h"
#include "index/extract/found.h"
#include "index/extract/note_tag.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"

#define WITHIN_MAX 16 /* bytes of a block's name */

struct org {
	struct found found;
	char within[WITHIN_MAX + 1]; /* the block of code we are in, or "" */
};

static bool begins(struct span s, const char *word)
{
	return span_len(s) >= strlen(word) && strncasecmp(s.at, word, strlen(word)) == 0;
}

/* ":a:b:" or "a b" */
static int add_tags(struct found *f, struct span tags)
{
	return found_tags(f, tags, ": \t");
}

/* "#+KEY: value" */
static int read_setting(struct org *o, struct span line)
{
	static const char *const fields[][2] = { { "#+author:", "author" },
						 { "#+date:", "date" },
						 { "#+description:", "description" } };
	struct document *d = o->found.d;
	struct span value = { span_find(line, ':'), line.end };

	value.at += value.at < value.end;
	value = span_trim(value);
	if (begins(line, "#+filetags:"))
		return add_tags(&o->found, value);
	if (begins(line, "#+keywords:"))
		return found_tags(&o->found, value, ",");
	if (begins(line, "#+title:"))
		document_set(d->title, sizeof(d->title), value.at, span_len(value));
	if (begins(line, "#+language:"))
		document_set(d->lang, sizeof(d->lang), value.at, span_len(value));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (begins(line, fields[i][0]))
			return document_field(d, fields[i][1], value.at, span_len(value));
	return 0;
}

static bool is_headline_tag(char c)
{
	return note_is_key(c) || c == '@' || c == '%' || c == '#';
}

/* "* Words :a:b:" */
static int read_headline(struct org *o, struct span line)
{
	struct span tags = { line.end, line.end };
	bool named = false;

	if (line.at == line.end || line.end[-1] != ':')
		return 0;
	while (tags.at > line.at && (is_headline_tag(tags.at[-1]) || tags.at[-1] == ':')) {
		tags.at--;
		named |= *tags.at != ':';
	}
	if (!named || *tags.at != ':' || tags.at == line.at || !span_is_space(tags.at[-1]))
		return 0;
	return add_tags(&o->found, tags);
}

static bool is_picture(struct span path)
{
	static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (span_len(path) > strlen(endings[i]) &&
		    strncasecmp(path.end - strlen(endings[i]), endings[i], strlen(endings[i])) == 0)
			return true;
	return false;
}

/* What leads to a file: "file:path" or a path that shows to be one; "::" and what follows is a place in it.
 */
static int add_target(struct org *o, struct span target, bool labelled)
{
	bool file = begins(target, "file:");
	const char *place;

	target.at += file ? 5 : 0;
	if (!file && !begins(target, "./") && !begins(target, "../") && !begins(target, "/"))
		return 0;
	place = memmem(target.at, span_len(target), "::", 2);
	if (place)
		target.end = place;
	if (begins(target, "//") || begins(target, "~"))
		return 0;
	return found_link(&o->found, LINK_PATH, span_of(!labelled && is_picture(target) ? "embeds" : "links"),
			  target);
}

/* "[[target]]" and "[[target][label]]", but for verbatim ones. */
static int read_links(struct org *o, struct span line)
{
	int r = 0;

	for (const char *at = line.at; r >= 0 && line.end - at > 4;) {
		const char *open = memmem(at, (size_t)(line.end - at), "[[", 2), *close;
		bool verbatim = open && open > line.at && (open[-1] == '=' || open[-1] == '~');

		if (!open)
			return 0;
		close = span_find((struct span){ open, line.end }, ']');
		if (line.end - close < 2)
			return 0;
		if ((close[1] == ']' || close[1] == '[') && !verbatim)
			r = add_target(o, (struct span){ open + 2, close }, close[1] == '[');
		at = close + 1;
	}
	return r;
}

/* "#+begin_src c" */
static void begin_block(struct org *o, struct span line)
{
	static const char *const hiding[] = { "src", "example", "comment", "export" };

	line.at += strlen("#+begin_");
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++)
		if (begins(line, hiding[i]))
			strcpy(o->within, hiding[i]);
}

static int read_line(struct org *o, struct span line)
{
	struct span s = span_trim(line);

	if (o->within[0]) {
		if (begins(s, "#+end_") && begins((struct span){ s.at + 6, s.end }, o->within))
			o->within[0] = '\0';
		return 0;
	}
	if (begins(s, "#+begin_"))
		begin_block(o, s);
	else if (begins(s, "#+"))
		return read_setting(o, s);
	if (span_is(s, "#") || span_is(s, ":") || begins(s, "# ") ||
	    begins(s, ": ")) /* comment; as it stands */
		return 0;
	if (*line.at == '*' && span_len(s)) {
		int r = read_headline(o, s);

		if (r < 0)
			return r;
	}
	return read_links(o, s);
}

static int find(const struct input *in, struct document *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct org o = { .found = { .d = d } };
	int r = decode_text(in->data, in->len, NULL, RESULT_TEXT_MAX + 1, &text);
	struct span rest = { (char *)text.data, (char *)text.data + text.len };

	while (rest.at < rest.end && r >= 0) {
		struct span line = span_line(&rest);

		r = line.at < line.end ? read_line(&o, line) : 0;
	}
	found_done(&o.found);
	return r;
}

int format_org(const struct input *in, struct document *d)
{
	int r = decode_is_binary(in->data, in->len) ? 0 : find(in, d);

	return r < 0 ? r : format_text(in, d);
}
