/* SPDX-License-Identifier: MIT */
#include "index/extract/frontmatter.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/extract/sink.h"

#define BLOCK_MAX 65536
#define KEY_MAX   40

struct span {
	const char *at, *end;
};

static struct span trim(struct span s)
{
	while (s.at < s.end && isspace((unsigned char)*s.at))
		s.at++;
	while (s.end > s.at && isspace((unsigned char)s.end[-1]))
		s.end--;
	return s;
}

static struct span unquote(struct span s)
{
	s = trim(s);
	if (s.end - s.at >= 2 && (*s.at == '"' || *s.at == '\'') && s.end[-1] == *s.at)
		return (struct span){ s.at + 1, s.end - 1 };
	return s;
}

static struct span next_line(struct span *rest)
{
	const char *end = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
	struct span line = { rest->at, end ? end : rest->end };

	rest->at = end ? end + 1 : rest->end;
	return line;
}

static int add_value(struct document *d, const char *key, struct span value)
{
	size_t len;

	value = unquote(value);
	len = (size_t)(value.end - value.at);
	if (strcmp(key, "title") == 0)
		document_set(d->title, sizeof(d->title), value.at, len);
	else if (strcmp(key, "lang") == 0 || strcmp(key, "language") == 0)
		document_set(d->lang, sizeof(d->lang), value.at, len);
	else
		return document_field(d, key, value.at, len);
	return 0;
}

static int add_list(struct document *d, const char *key, struct span list)
{
	int r = 0;

	while (list.at < list.end && r >= 0) {
		const char *comma = memchr(list.at, ',', (size_t)(list.end - list.at));
		struct span item = { list.at, comma ? comma : list.end };

		r = add_value(d, key, item);
		list.at = comma ? comma + 1 : list.end;
	}
	return r;
}

/* Tags may stand in one line too: "tags: a, b". */
static bool is_list_key(const char *key)
{
	return strcmp(key, "tags") == 0 || strcmp(key, "keywords") == 0 || strcmp(key, "categories") == 0;
}

static int add_entry(struct document *d, const char *key, struct span value)
{
	value = trim(value);
	if (value.end - value.at >= 2 && *value.at == '[' && value.end[-1] == ']')
		return add_list(d, key, (struct span){ value.at + 1, value.end - 1 });
	if (is_list_key(key))
		return add_list(d, key, value);
	return add_value(d, key, value);
}

/* "Key" of "Key: value" in lower case; false when the line has none. */
static bool take_key(struct span *line, char key[KEY_MAX])
{
	size_t n = 0;

	for (const char *at = line->at; at < line->end && n < KEY_MAX - 1; at++) {
		if (*at == ':' && n && (at + 1 == line->end || isspace((unsigned char)at[1]))) {
			key[n] = '\0';
			line->at = at + 1;
			return true;
		}
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
			return false;
		key[n++] = (char)tolower((unsigned char)*at);
	}
	return false;
}

static int read_lines(struct span block, struct document *d)
{
	char key[KEY_MAX] = "";
	int r = 0;

	while (block.at < block.end && r >= 0) {
		struct span line = next_line(&block), item = trim(line);

		if (take_key(&line, key)) {
			r = add_entry(d, key, line);
		} else if (key[0] && item.end - item.at > 2 && item.at[0] == '-' && item.at[1] == ' ') {
			item.at += 2;
			r = add_value(d, key, item);
		}
	}
	return r;
}

static bool is_fence(struct span line)
{
	struct span s = trim(line);

	return line.at == s.at && s.end - s.at == 3 && memcmp(s.at, "---", 3) == 0;
}

int frontmatter_read(const char *text, size_t len, struct document *d, size_t *ret_len)
{
	struct span rest = { text, text + MIN(len, (size_t)BLOCK_MAX) }, block, line;

	*ret_len = 0;
	if (!is_fence(next_line(&rest)))
		return 0;
	for (block = rest; rest.at < rest.end;) {
		line = next_line(&rest);
		if (is_fence(line)) {
			block.end = line.at;
			*ret_len = (size_t)(rest.at - text);
			return read_lines(block, d);
		}
	}
	return 0;
}
