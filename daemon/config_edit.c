/* SPDX-License-Identifier: MIT */
#include "daemon/config_edit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define CHANGES_MAX 32u

struct span {
	const char *at;
	size_t len;
};

struct editing {
	const char *section;
	const struct config_change *changes;
	size_t n;
	bool done[CHANGES_MAX];
	bool inside;          /* the section */
	bool found;           /* the section, and .. */
	size_t behind;        /* .. where in `out` its last line that is no comment ends */
	struct buf *out;
};

/* Could it be read back? A semicolon after a blank begins a comment. */
static bool is_plain(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)value[i]) ||
		    (value[i] == ';' && (i == 0 || isspace((unsigned char)value[i - 1]))))
			return false;
	return len > 0 && !isspace((unsigned char)value[0]) && !isspace((unsigned char)value[len - 1]);
}

static struct span trim(struct span s)
{
	while (s.len > 0 && isspace((unsigned char)s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && isspace((unsigned char)s.at[s.len - 1]))
		s.len--;
	return s;
}

/* What the parser sees of a line: without blanks around and the comment. */
static struct span meaning(struct span line)
{
	struct span s = trim(line);

	if (s.len > 0 && s.at[0] == '#')
		return (struct span){ s.at, 0 };
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == ';' && (i == 0 || isspace((unsigned char)s.at[i - 1])))
			return trim((struct span){ s.at, i });
	return s;
}

static bool is_text(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool is_header(const struct editing *e, struct span s)
{
	return s.len >= 2 && s.at[s.len - 1] == ']' &&
	       is_text((struct span){ s.at + 1, s.len - 2 }, e->section);
}

static int add(struct editing *e, struct span s)
{
	return s.len ? buf_add(e->out, s.at, s.len) : 0;
}

/* Up to where the value begins, the value, and what was behind it. */
static int replace_value(struct editing *e, struct span line, struct span seen, const char *equals,
			 const char *value)
{
	const char *from = equals + 1, *end = seen.at + seen.len;
	int r;

	while (from < end && isspace((unsigned char)*from))
		from++;
	r = add(e, (struct span){ line.at, (size_t)(from - line.at) });
	if (r >= 0)
		r = buf_add_str(e->out, value);
	return r < 0 ? r : add(e, (struct span){ end, (size_t)(line.at + line.len - end) });
}

/* A line of the section that is neither empty nor a comment. */
static int take_key(struct editing *e, struct span line, struct span seen)
{
	const char *equals = memchr(seen.at, '=', seen.len);
	struct span key = trim((struct span){ seen.at, equals ? (size_t)(equals - seen.at) : 0 });

	for (size_t k = 0; equals && k < e->n; k++) {
		if (!is_text(key, e->changes[k].key))
			continue;
		e->done[k] = true;
		return e->changes[k].value ? replace_value(e, line, seen, equals, e->changes[k].value) : 0;
	}
	return add(e, line);
}

static int take_line(struct editing *e, struct span line)
{
	struct span seen = meaning(line);
	int r;

	if (seen.len > 0 && seen.at[0] == '[')
		e->inside = is_header(e, seen);
	if (seen.len == 0 || !e->inside)
		return add(e, line);
	r = seen.at[0] == '[' ? add(e, line) : take_key(e, line, seen);
	e->found = true;
	e->behind = e->out->len;
	return r;
}

static int take_lines(struct editing *e, struct span text)
{
	int r = 0;

	while (r >= 0 && text.len > 0) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t len = end ? (size_t)(end - text.at) + 1 : text.len;

		r = take_line(e, (struct span){ text.at, len });
		text = (struct span){ text.at + len, text.len - len };
	}
	return r;
}

static int add_new(struct editing *e, struct buf *lines)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < e->n; k++)
		if (!e->done[k] && e->changes[k].value)
			r = buf_addf(lines, "%s = %s\n", e->changes[k].key, e->changes[k].value);
	return r;
}

/* Lines that were not there. */
static int insert(struct editing *e)
{
	_cleanup_buf_ struct buf lines = BUF_INIT, rest = BUF_INIT;
	int r = add_new(e, &lines);

	if (r < 0 || lines.len == 0)
		return r;
	if (!e->found)
		e->behind = e->out->len;
	r = buf_add(&rest, e->out->data + e->behind, e->out->len - e->behind);
	e->out->len = e->behind;
	if (r >= 0 && e->behind > 0 && e->out->data[e->behind - 1] != '\n')
		r = buf_add_str(e->out, "\n");
	if (r >= 0 && !e->found)
		r = buf_addf(e->out, "%s[%s]\n", e->behind ? "\n" : "", e->section);
	if (r >= 0)
		r = buf_add(e->out, lines.data, lines.len);
	return r < 0 ? r : add(e, (struct span){ (const char *)rest.data, rest.len });
}

int config_edit(const void *text, size_t len, const char *section, const struct config_change *changes,
		size_t n, struct buf *ret_text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct editing e = { .section = section, .changes = changes, .n = n, .out = &out };
	int r;

	for (size_t k = 0; k < n; k++)
		if (n > CHANGES_MAX || (changes[k].value && !is_plain(changes[k].value)))
			return -EINVAL;
	r = take_lines(&e, (struct span){ text, len });
	if (r >= 0)
		r = insert(&e);
	return r < 0 ? r : buf_add(ret_text, out.data, out.len);
}
