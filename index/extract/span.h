/* SPDX-License-Identifier: MIT */
/* A piece of a text that somebody else owns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *at, *end; /* borrowed */
};

static inline struct span span_of(const char *text)
{
	return (struct span){ text, text + strlen(text) };
}

static inline size_t span_len(struct span s)
{
	return (size_t)(s.end - s.at);
}

static inline bool span_is(struct span s, const char *text)
{
	return span_len(s) == strlen(text) && memcmp(s.at, text, span_len(s)) == 0;
}

/* Blank, tab, line ends; not those of Unicode. */
static inline bool span_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline struct span span_trim(struct span s)
{
	while (s.at < s.end && span_is_space(*s.at))
		s.at++;
	while (s.end > s.at && span_is_space(s.end[-1]))
		s.end--;
	return s;
}

/* The first `c`, or the end. */
static inline const char *span_find(struct span s, char c)
{
	const char *found = s.at < s.end ? memchr(s.at, c, span_len(s)) : NULL;

	return found ? found : s.end;
}

/* Takes the line that begins at rest->at, without its line end. */
static inline struct span span_line(struct span *rest)
{
	struct span line = { rest->at, span_find(*rest, '\n') };

	rest->at = line.end < rest->end ? line.end + 1 : line.end;
	return line;
}
