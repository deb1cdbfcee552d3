/* SPDX-License-Identifier: MIT */
#include "index/extract/frontmatter.h"

#include <ctype.h>

#include "base/cleanup.h"
#include "index/extract/frontmatter_links.h"
#include "index/extract/note_tag.h"
#include "index/extract/sink.h"
#include "index/extract/yaml_value.h"

#define BLOCK_MAX 65536
#define KEY_MAX   (LINK_VERB_MAX + 1)
#define VALUE_MAX 4096

struct entry {
	struct found *found;
	struct span key;    /* as it is written; empty before the first */
	char name[KEY_MAX]; /* in lower case; "" when no field can have it */
};

static bool is_tags(const struct entry *e)
{
	return strcmp(e->name, "tags") == 0 || strcmp(e->name, "tag") == 0;
}

static bool is_keywords(const struct entry *e)
{
	return strcmp(e->name, "keywords") == 0 || strcmp(e->name, "keyword") == 0;
}

static int add_field(const struct entry *e, struct span value)
{
	struct document *d = e->found->d;
	size_t len = span_len(value);
	int r = 0;

	if (is_keywords(e))
		r = found_tag(e->found, value);
	if (strcmp(e->name, "title") == 0)
		document_set(d->title, sizeof(d->title), value.at, len);
	else if (strcmp(e->name, "lang") == 0 || strcmp(e->name, "language") == 0)
		document_set(d->lang, sizeof(d->lang), value.at, len);
	else if (e->name[0] && r >= 0)
		return document_field(d, e->name, value.at, len);
	return r;
}

static bool is_null(struct span value)
{
	return span_len(value) == 0 || span_is(value, "null") || span_is(value, "~");
}

/* One value, without its quotes. */
static int add_plain(const struct entry *e, struct span value)
{
	int r;

	if (is_null(value))
		return 0;
	if (is_tags(e))
		return found_tags(e->found, value, ",");
	r = frontmatter_links(e->found, e->key, value);
	return r < 0 ? r : add_field(e, value);
}

static int add_item(const struct entry *e, struct span value)
{
	char space[VALUE_MAX];

	return add_plain(e, yaml_scalar(value, space, sizeof(space)));
}

static int add_list(const struct entry *e, struct span list)
{
	struct span item;
	int r = 0;

	while (r >= 0 && yaml_list_next(&list, &item))
		r = add_item(e, item);
	return r;
}

/* "a b" are two tags, unless one of them cannot be one. */
static const char *separators(struct span value)
{
	struct span rest = value;

	if (span_find(value, ',') < value.end)
		return ",";
	while (rest.at < rest.end) {
		struct span word = { rest.at, rest.at };

		while (word.end < rest.end && !span_is_space(*word.end))
			word.end++;
		if (!note_tag_is(word))
			return ",";
		rest.at = word.end;
		rest = span_trim(rest);
	}
	return " \t\r\n";
}

/* A value of one line: lists of words may be one, too. */
static int add_line(const struct entry *e, struct span value)
{
	static const char *const lists[] = { "keywords", "keyword", "categories" };
	char space[VALUE_MAX];

	value = span_trim(yaml_scalar(value, space, sizeof(space)));
	if (is_tags(e) && !is_null(value))
		return found_tags(e->found, value, separators(value));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(e->name, lists[i]) == 0)
			return add_list(e, value);
	return add_plain(e, value);
}

/* "key" of "key: value" */
static bool take_key(struct span *line, struct entry *e)
{
	bool quoted = line->at < line->end && (*line->at == '"' || *line->at == '\''), plain = true;
	struct span key = { line->at + quoted, line->at + quoted };
	size_t n = 0;

	while (key.end < line->end && (note_is_key(*key.end) || (*key.end == ' ' && key.end > key.at)))
		key.end++;
	line->at = key.end + (quoted && key.end < line->end);
	if (line->at == line->end || *line->at != ':' || span_len(key) == 0 || span_len(key) >= KEY_MAX ||
	    (line->at + 1 < line->end && !span_is_space(line->at[1])))
		return false;
	line->at++;
	e->key = key = span_trim(key);
	for (const char *at = key.at; at < key.end; at++) {
		plain &= (unsigned char)*at < 0x80;
		e->name[n++] = *at == ' ' ? '-' : (char)tolower((unsigned char)*at);
	}
	e->name[plain ? n : 0] = '\0';
	return true;
}

/* "|" or ">" and signs: the indented lines that follow are one text. */
static bool is_block_text(struct span value)
{
	if (span_len(value) == 0 || span_len(value) > 3 || (*value.at != '|' && *value.at != '>'))
		return false;
	for (const char *at = value.at + 1; at < value.end; at++)
		if (!strchr("+-123456789", *at) || !*at)
			return false;
	return true;
}

static struct span take_indented(struct span *rest)
{
	struct span text = { rest->at, rest->at };

	while (rest->at < rest->end && span_is_space(*rest->at)) {
		(void) span_line(rest);
		text.end = rest->at;
	}
	return span_trim(text);
}

/* What stands behind "key:"; `rest` are the lines that follow. */
static int add_entry(const struct entry *e, struct span line, struct span *rest)
{
	struct span value = span_trim(line);
	const char *end;

	if (is_block_text(value))
		return add_plain(e, take_indented(rest));
	if (span_len(value) < 2 || *value.at != '[' ||
	    (value.at[1] == '[' && (span_len(value) < 3 || value.at[2] != '[')))
		return add_line(e, value);
	end = yaml_list_end((struct span){ value.at, rest->end });
	if (!end)
		return add_line(e, value);
	if (end > rest->at) {
		rest->at = end;
		(void) span_line(rest);
	}
	return add_list(e, (struct span){ value.at + 1, end - 1 });
}

static bool is_item(struct span line)
{
	return span_len(line) > 0 && line.at[0] == '-' && (span_len(line) == 1 || span_is_space(line.at[1]));
}

static int read_lines(struct span block, struct found *f)
{
	struct entry e = { .found = f };
	int r = 0;

	while (block.at < block.end && r >= 0) {
		struct span line = span_line(&block), item = span_trim(line);
		struct entry next = { .found = f };

		if (is_item(item)) {
			item.at++;
			r = span_len(e.key) ? add_item(&e, item) : 0;
		} else if (line.at < line.end && !span_is_space(*line.at) && *line.at != '#') {
			e = next;
			if (take_key(&line, &next)) {
				e = next;
				r = add_entry(&e, line, &block);
			}
		}
	}
	return r;
}

static bool is_fence(struct span line, const char *fence)
{
	struct span s = span_trim(line);

	return line.at == s.at && span_is(s, fence);
}

/* Is it a mapping at all, and not what stands between two rules? */
static bool begins_with_key(struct span block)
{
	while (block.at < block.end) {
		struct span line = span_line(&block);
		struct entry e = { 0 };

		if (span_len(span_trim(line)) && *line.at != '#')
			return take_key(&line, &e);
	}
	return true;
}

int frontmatter_read(const char *text, size_t len, struct found *f, size_t *ret_len)
{
	struct span rest = { text, text + MIN(len, (size_t)BLOCK_MAX) }, block, line;

	*ret_len = 0;
	if (!is_fence(span_line(&rest), "---"))
		return 0;
	for (block = rest; rest.at < rest.end;) {
		line = span_line(&rest);
		if (!is_fence(line, "---") && !is_fence(line, "..."))
			continue;
		block.end = line.at;
		if (!begins_with_key(block))
			return 0;
		*ret_len = (size_t)(rest.at - text);
		return read_lines(block, f);
	}
	return 0;
}
