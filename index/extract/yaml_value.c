/* SPDX-License-Identifier: MIT */
#include "index/extract/yaml_value.h"

#include "base/cleanup.h"

/* Behind the quoted string that begins at s.at, or its end when it is not closed. */
static const char *quote_end(struct span s)
{
	char quote = *s.at;
	const char *at = s.at + 1;

	for (; at < s.end; at++) {
		if (quote == '"' && *at == '\\' && at + 1 < s.end)
			at++;
		else if (*at == quote && (quote == '"' || at + 1 == s.end || at[1] != quote))
			return at + 1;
		else if (*at == quote)
			at++;
	}
	return s.end;
}

static bool is_quoted(struct span s)
{
	return span_len(s) >= 2 && (*s.at == '"' || *s.at == '\'') && quote_end(s)[-1] == *s.at &&
	       quote_end(s) > s.at + 1;
}

/* Only quotes and backslashes are undone; other escapes are no part of names that people write. */
static struct span unescape(struct span s, char quote, char *space, size_t size)
{
	size_t n = 0;

	for (const char *at = s.at; at < s.end && n < size; at++) {
		bool escape = at + 1 < s.end && (quote == '"' ? *at == '\\' && (at[1] == '"' || at[1] == '\\')
							      : *at == '\'' && at[1] == '\'');

		at += escape;
		space[n++] = *at;
	}
	return (struct span){ space, space + n };
}

/* "value # words"; "#word" may be meant as a tag. */
static struct span drop_comment(struct span s)
{
	if (span_len(s) >= 2 && s.at[0] == '#' && s.at[1] == ' ')
		return (struct span){ s.at, s.at };
	for (const char *at = s.at; at + 1 < s.end; at++)
		if (span_is_space(at[0]) && at[1] == '#' && (at + 2 == s.end || span_is_space(at[2])))
			return span_trim((struct span){ s.at, at });
	return s;
}

struct span yaml_scalar(struct span value, char *space, size_t size)
{
	value = span_trim(value);
	if (is_quoted(value))
		return unescape((struct span){ value.at + 1, quote_end(value) - 1 }, *value.at, space, size);
	return drop_comment(value);
}

const char *yaml_list_end(struct span list)
{
	unsigned depth = 0;

	for (const char *at = list.at; at < list.end; at++) {
		if ((*at == '"' || *at == '\'') && (span_is_space(at[-1]) || strchr("[,", at[-1])))
			at = quote_end((struct span){ at, list.end }) - 1;
		else if (*at == '[')
			depth++;
		else if (*at == ']' && --depth == 0)
			return at + 1;
	}
	return NULL;
}

bool yaml_list_next(struct span *rest, struct span *ret_item)
{
	unsigned depth = 0;
	const char *at = rest->at;

	if (at == rest->end)
		return false;
	while (at < rest->end && span_is_space(*at))
		at++;
	if (at < rest->end && (*at == '"' || *at == '\''))
		at = quote_end((struct span){ at, rest->end });
	for (; at < rest->end && (depth || *at != ','); at++) {
		depth += *at == '[';
		depth -= *at == ']' && depth;
	}
	*ret_item = (struct span){ rest->at, at };
	rest->at = at < rest->end ? at + 1 : at;
	return true;
}
